#include "mpi/normalise.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "hub/base/clock.h"

enum { TEXT_MAX = 200, FLAG_PLACEHOLDER = 1 };

/* Letters that have no decomposition, and what people write where they have no such key. */
static const struct {
    UChar letter;
    const char *plain;
} PLAIN[] = {
    {0x00C6, "AE"}, {0x00D0, "D"}, {0x00D8, "O"},  {0x00DE, "TH"}, {0x0110, "D"},
    {0x0126, "H"},  {0x0131, "I"}, {0x0141, "L"},  {0x0152, "OE"}, {0x0166, "T"},
    {0x0130, "I"},  {0x014A, "N"}, {0x1E9E, "SS"},
};

/* Whole normalised names that stand for nobody. */
static const char *const PLACEHOLDERS[] = {
    "BABY",    "BABY BOY",     "BABY GIRL", "BABYBOY",   "BABYGIRL",  "BB",      "BG",
    "BOY",     "GIRL",         "INFANT",    "NEWBORN",   "NEW BORN",  "TWIN",    "TWIN A",
    "TWIN B",  "TWIN 1",       "TWIN 2",    "MALE",      "FEMALE",    "UNKNOWN", "UNK",
    "NONE",    "NONAME",       "NO NAME",   "ANONYMOUS", "NA",        "N A",     "NOT AVAILABLE",
    "TEST",    "TESTER",       "XX",        "XXX",       "ZZTEST",    "ZZZTEST", "ZZZ",
    "REFUSED", "UNIDENTIFIED", "TRAUMA",    "FETUS",     "STILLBORN",
};

static const char *const SUFFIXES[] = {"JR", "SR", "II", "III", "IV", "V"};

static bool listed(struct str s, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(s, str_from(list[i])))
            return true;
    return false;
}
#define LISTED(s, list) listed((s), (list), sizeof(list) / sizeof((list)[0]))

/* Upper case first (sharp s becomes SS), then decomposed. Returns the length, 0 on failure. */
static int32_t decompose(struct str s, UChar *out, int32_t cap)
{
    UChar raw[TEXT_MAX * 2], upper[TEXT_MAX * 4];
    UErrorCode e = U_ZERO_ERROR;
    const UNormalizer2 *nfkd = unorm2_getNFKDInstance(&e);
    int32_t n;

    u_strFromUTF8WithSub(raw, TEXT_MAX * 2, &n, s.p, (int32_t)s.n, 0xFFFD, NULL, &e);
    n = u_strToUpper(upper, TEXT_MAX * 4, raw, n, "", &e);
    n = unorm2_normalize(nfkd, upper, n, out, cap, &e);
    return U_SUCCESS(e) ? n : 0;
}

static const char *plain_of(UChar c)
{
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++)
        if (PLAIN[i].letter == c)
            return PLAIN[i].plain;
    return NULL;
}

/* Vanish without a trace: O'BRIEN, ST., and marks that were part of a letter. */
static bool silent(UChar c)
{
    return c == '\'' || c == '.' || c == '`' || c == 0x2019 ||
           (U_MASK(u_charType(c)) & U_GC_M_MASK) != 0;
}

/* Letters and digits stay, in place; other punctuation and blanks become one space. Plain
 * spellings are at most two letters for one, so `out` needs twice the room. */
static int32_t simplify(const UChar *text, int32_t n, UChar *out)
{
    int32_t used = 0;

    for (int32_t i = 0; i < n; i++) {
        const char *plain = plain_of(text[i]);

        if (plain != NULL)
            while (*plain != '\0')
                out[used++] = (UChar)*plain++;
        else if (u_isalnum(text[i]) || U16_IS_SURROGATE(text[i]))
            out[used++] = text[i];
        else if (!silent(text[i]) && used > 0 && out[used - 1] != ' ')
            out[used++] = ' ';
    }
    return used;
}

/* At most TEXT_MAX bytes, cut between characters. */
static struct str cut(struct str s)
{
    if (s.n <= TEXT_MAX)
        return s;
    s.n = TEXT_MAX;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
        s.n--;
    return s;
}

struct str mpi_normalise_text(struct arena *a, struct str s)
{
    UChar text[TEXT_MAX * 8], simple[TEXT_MAX * 16];
    char *utf8 = arena_alloc(a, TEXT_MAX * 8);
    UErrorCode e = U_ZERO_ERROR;
    int32_t n = simplify(text, decompose(cut(s), text, TEXT_MAX * 8), simple);

    u_strToUTF8WithSub(utf8, TEXT_MAX * 8, &n, simple, n, 0xFFFD, NULL, &e);
    return U_SUCCESS(e) ? cut(str_trim(str_of(utf8, (size_t)n))) : STR_NONE;
}

static struct str digits(struct arena *a, struct str s)
{
    struct strbuf b = strbuf_on(a, s.n);

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= '0' && s.p[i] <= '9')
            strbuf_addc(&b, s.p[i]);
    return strbuf_str(&b);
}

static bool one_digit(struct str s)
{
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] != s.p[0])
            return false;
    return true;
}

/* Numbers that the SSA never issues, and those that people type when they have none. */
static struct str ssn_of(struct arena *a, struct str s)
{
    static const char *const NEVER[] = {"123456789", "987654321", "078051120", "219099999"};
    struct str d = digits(a, s);

    if (d.n != 9 || one_digit(d) || d.p[0] == '9' || LISTED(d, NEVER) ||
        str_starts(d, STR("000")) || str_starts(d, STR("666")) ||
        str_eq(str_slice(d, 3, 5), STR("00")) || str_ends(d, STR("0000")))
        return STR_NONE;
    return d;
}

static struct str birth_date_of(struct str dtm)
{
    static const char *const NEVER[] = {"18000101", "19000101", "19010101",
                                        "11111111", "99991231", "19000102"};
    struct str day = str_slice(dtm, 0, 8);
    int64_t from, to;

    if (day.n < 8 || !clock_parse_dtm(day, &from, &to) || LISTED(day, NEVER))
        return STR_NONE;
    return day;
}

static struct str sex_of(struct arena *a, struct str s)
{
    struct str first = mpi_normalise_text(a, s);

    if (str_eq(first, STR("M")) || str_eq(first, STR("F")) || str_eq(first, STR("O")))
        return first;
    return STR_NONE;
}

static struct str phone_of(struct arena *a, const struct mpi_demographics *d)
{
    for (size_t i = 0; i < d->telecom_count; i++) {
        struct str n = digits(a, d->telecoms[i].value);

        if (str_eq(d->telecoms[i].use, STR("NET")) || n.n < 7)
            continue;
        n = n.n > 10 ? str_slice(n, n.n - 10, n.n) : n;
        if (!one_digit(str_slice(n, n.n - 7, n.n)))
            return n;
    }
    return STR_NONE;
}

/* MULLER JR -> MULLER, with the suffix in a field of its own. */
static void suffix_split(struct mpi_normal *n)
{
    ptrdiff_t at = (ptrdiff_t)n->family.n - 1;
    struct str last;

    while (at >= 0 && n->family.p[at] != ' ')
        at--;
    last = str_slice(n->family, (size_t)(at + 1), n->family.n);
    if (at <= 0 || !LISTED(last, SUFFIXES))
        return;
    if (n->suffix.n == 0)
        n->suffix = last;
    n->family.n = (size_t)at;
}

/* John Doe with an estimated date is whoever came in without papers. */
static bool unknown_person(const struct mpi_normal *n)
{
    return str_eq(n->family, STR("DOE")) &&
           (str_eq(n->given, STR("JOHN")) || str_eq(n->given, STR("JANE"))) &&
           (n->birth_date.n == 0 || str_ends(n->birth_date, STR("0101")));
}

static void name_of(struct arena *a, const struct mpi_demographics *d, struct mpi_normal *n)
{
    const struct mpi_name *name = mpi_demographics_name(d);

    if (name == NULL)
        return;
    n->family = mpi_normalise_text(a, name->family);
    n->given = mpi_normalise_text(a, name->given);
    n->middle = mpi_normalise_text(a, name->middle);
    n->suffix = mpi_normalise_text(a, name->suffix);
    suffix_split(n);
    n->placeholder_name = LISTED(n->family, PLACEHOLDERS) || LISTED(n->given, PLACEHOLDERS) ||
                          str_starts(n->given, STR("BABY ")) ||
                          str_starts(n->given, STR("NEWBORN ")) || unknown_person(n);
    if (n->placeholder_name)
        n->family = n->given = n->middle = n->suffix = STR_NONE;
}

struct mpi_normal mpi_normalise(struct arena *a, const struct mpi_demographics *d)
{
    struct mpi_normal n = {
        .birth_date = birth_date_of(d->birth_date),
        .sex = sex_of(a, d->sex),
        .ssn = ssn_of(a, d->ssn),
        .phone = phone_of(a, d),
        .birth_order = digits(a, str_slice(d->birth_order, 0, 2)),
    };

    name_of(a, d, &n);
    if (d->address_count > 0) {
        n.street = mpi_normalise_text(a, d->addresses[0].street);
        n.postcode = mpi_normalise_text(a, d->addresses[0].postcode);
    }
    return n;
}

struct str mpi_pack(struct arena *a, const struct mpi_normal *n)
{
    struct strbuf b = strbuf_on(a, 128);

    strbuf_addc(&b, MPI_PACKED_VERSION);
    strbuf_addc(&b, n->placeholder_name ? FLAG_PLACEHOLDER : 0);
#define X(field)                                                                                   \
    strbuf_addc(&b, (char)n->field.n);                                                             \
    strbuf_add(&b, n->field);
    MPI_NORMAL_FIELDS(X)
#undef X
    return strbuf_str(&b);
}

static bool take(struct str *rest, struct str *out)
{
    size_t n;

    if (rest->n == 0)
        return false;
    n = (unsigned char)rest->p[0];
    if (rest->n < 1 + n)
        return false;
    *out = str_slice(*rest, 1, 1 + n);
    *rest = str_slice(*rest, 1 + n, rest->n);
    return true;
}

bool mpi_unpack(struct str packed, struct mpi_normal *out)
{
    struct str rest = str_slice(packed, 2, packed.n);

    *out = (struct mpi_normal){0};
    if (packed.n < 2 || packed.p[0] != MPI_PACKED_VERSION)
        return false;
    out->placeholder_name = (packed.p[1] & FLAG_PLACEHOLDER) != 0;
#define X(field)                                                                                   \
    if (!take(&rest, &out->field))                                                                 \
        return false;
    MPI_NORMAL_FIELDS(X)
#undef X
    return rest.n == 0;
}
