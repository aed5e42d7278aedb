#include "mpi/core/text.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* Letters that NFKD leaves alone, as those write them who lack the key. */
static const struct {
    UChar letter;
    const char *plain;
} PLAIN[] = {
    {0x00C6, "AE"}, {0x00D0, "D"}, {0x00D8, "O"},  {0x00DE, "TH"}, {0x0110, "D"},
    {0x0126, "H"},  {0x0131, "I"}, {0x0141, "L"},  {0x0152, "OE"}, {0x0166, "T"},
    {0x0130, "I"},  {0x014A, "N"}, {0x1E9E, "SS"},
};

enum { ROOM = MPI_TEXT_MAX * 24 };

/* Vanish without a trace: O'BRIEN, ST., and marks that were part of a letter. */
static bool silent(UChar c)
{
    return c == '\'' || c == '.' || c == '`' || c == 0x2019 || c == 0x2018 || c == 0x02BC ||
           (U_MASK(u_charType(c)) & U_GC_M_MASK) != 0;
}

static const char *plain_of(UChar c)
{
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++)
        if (PLAIN[i].letter == c)
            return PLAIN[i].plain;
    return NULL;
}

/* Decomposed, upper-cased, and decomposed again: capitals may compose anew. */
static int32_t decompose(struct str s, UChar *out)
{
    UChar raw[MPI_TEXT_MAX * 2], once[ROOM], upper[ROOM];
    UErrorCode e = U_ZERO_ERROR;
    const UNormalizer2 *nfkd = unorm2_getNFKDInstance(&e);
    int32_t n;

    u_strFromUTF8WithSub(raw, MPI_TEXT_MAX * 2, &n, s.p, (int32_t)s.n, ' ', NULL, &e);
    n = unorm2_normalize(nfkd, raw, n, once, ROOM, &e);
    n = u_strToUpper(upper, ROOM, once, n, "", &e);
    n = unorm2_normalize(nfkd, upper, n, out, ROOM, &e);
    return U_SUCCESS(e) ? n : 0;
}

/* Plain spellings are at most two letters for one, so `out` needs twice the room. */
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

static struct str cut(struct str s)
{
    if (s.n <= MPI_TEXT_MAX)
        return s;
    s.n = MPI_TEXT_MAX;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
        s.n--;
    return s;
}

static struct str fold_unicode(struct arena *a, struct str s)
{
    UChar text[ROOM], simple[ROOM * 2];
    char utf8[ROOM * 2];
    UErrorCode e = U_ZERO_ERROR;
    int32_t n = simplify(text, decompose(s, text), simple);

    u_strToUTF8WithSub(utf8, sizeof(utf8), &n, simple, n, ' ', NULL, &e);
    if (U_FAILURE(e))
        return STR_NONE;
    return str_dup(a, str_trim(cut(str_trim(str_of(utf8, (size_t)n)))));
}

static bool ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

static bool alnum(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What nearly every value is: the same rules without the tables. */
static struct str fold_ascii(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t used = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (alnum(c))
            out[used++] = c;
        else if (c != '\'' && c != '.' && c != '`' && used > 0 && out[used - 1] != ' ')
            out[used++] = ' ';
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    return (struct str){out, used};
}

struct str mpi_text_fold(struct arena *a, struct str s)
{
    s = cut(s);
    if (s.n == 0)
        return STR_NONE;
    return ascii(s) ? fold_ascii(a, s) : fold_unicode(a, s);
}

size_t mpi_text_tokens(struct str folded, struct str *tokens, size_t cap)
{
    size_t count = 0;

    while (folded.n > 0 && count < cap) {
        struct str word = str_cut(&folded, ' ');

        if (word.n > 0)
            tokens[count++] = word;
    }
    return count;
}

struct str mpi_text_join(struct arena *a, const struct str *tokens, size_t count, char glue)
{
    struct strbuf b = strbuf_on(a, 32);

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && glue != 0)
            strbuf_addc(&b, glue);
        strbuf_add(&b, tokens[i]);
    }
    return strbuf_str(&b);
}

struct str mpi_text_digits(struct arena *a, struct str s, size_t cap)
{
    char *out = arena_alloc(a, (s.n < cap ? s.n : cap) + 1);
    size_t used = 0;

    for (size_t i = 0; i < s.n && used < cap; i++)
        if (s.p[i] >= '0' && s.p[i] <= '9')
            out[used++] = s.p[i];
    return (struct str){out, used};
}

bool mpi_text_all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

bool mpi_text_listed(struct str s, const char *const *table)
{
    for (; *table != NULL; table++)
        if (mpi_text_is(s, *table))
            return true;
    return false;
}
