#include "mpi/core/contact.h"

#include "mpi/core/placeholder.h"
#include "mpi/core/text.h"

enum { PHONE_MIN = 6, PHONE_MAX = 15, LINE = 7 };

/* Extensions: "x12", "ext. 12", "#12". */
static struct str without_extension(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == 'x' || c == 'X' || c == '#' || c == ';' || ((c == 'e' || c == 'E') && i > 5))
            return str_slice(s, 0, i);
    }
    return s;
}

/* +1 617 555 0143 and 1 617 555 0143 -> 617 555 0143; +44 20 ... and 020 ... -> 20 ... */
static struct str national(struct str d, bool international)
{
    static const char *const CODES[] = {"44", "61", "49", "33", "39", "34", "31", "41",  "43",
                                        "32", "45", "46", "47", "64", "91", "27", "353", "351"};

    if (d.n == 11 && d.p[0] == '1')
        return str_slice(d, 1, d.n);
    for (size_t i = 0; international && i < sizeof(CODES) / sizeof(CODES[0]); i++)
        if (str_starts(d, str_from(CODES[i])) && d.n > 9)
            return str_slice(d, str_from(CODES[i]).n, d.n);
    return d;
}

uint64_t mpi_phone_read(struct arena *a, struct str s)
{
    struct str raw = str_trim(str_slice(without_extension(s), 0, 64));
    struct str d = mpi_text_digits(a, raw, PHONE_MAX + 5);
    bool international = str_starts(raw, STR("+")) || str_starts(raw, STR("00"));
    uint64_t n;

    if (str_starts(d, STR("00")))
        d = str_slice(d, 2, d.n);
    d = national(d, international);
    while (d.n > 0 && d.p[0] == '0')
        d = str_slice(d, 1, d.n);
    if (d.n < PHONE_MIN || d.n > PHONE_MAX || mpi_placeholder_digits(d) ||
        (d.n > LINE && mpi_placeholder_digits(str_slice(d, d.n - LINE, d.n))) || !str_to_u64(d, &n))
        return 0;
    return n;
}

struct str mpi_email_read(struct arena *a, struct str s)
{
    static const char *const NOBODY[] = {"none", "noemail", "no",       "na",     "n/a", "unknown",
                                         "test", "noreply", "declined", "nobody", NULL};
    struct str t = str_lower(a, str_trim(str_slice(s, 0, MPI_TEXT_MAX)));
    ptrdiff_t at, plus;
    struct str local, domain;

    if (str_starts(t, STR("mailto:")))
        t = str_slice(t, 7, t.n);
    at = str_find(t, '@');
    if (at <= 0 || (size_t)at + 3 > t.n || str_find(t, ' ') >= 0)
        return STR_NONE;
    local = str_slice(t, 0, (size_t)at);
    domain = str_slice(t, (size_t)at + 1, t.n);
    plus = str_find(local, '+');
    if (plus > 0)
        local = str_slice(local, 0, (size_t)plus);
    if (mpi_text_listed(local, NOBODY))
        return STR_NONE;
    return mpi_text_join(a, (const struct str[]){local, domain}, 2, '@');
}

/* SSA: area 000, 666 and 900-999, group 00 and serial 0000 were never issued. Area 9xx is left:
 * taxpayer numbers and synthetic data have it. */
static bool never_issued(struct str d)
{
    return d.n == 9 && (str_starts(d, STR("000")) || str_starts(d, STR("666")) ||
                        str_eq(str_slice(d, 3, 5), STR("00")) || str_ends(d, STR("0000")));
}

struct str mpi_ssn_read(struct arena *a, struct str s)
{
    struct str d = mpi_text_digits(a, str_slice(s, 0, 64), PHONE_MAX);

    if (d.n < 4 || mpi_placeholder_digits(d) || never_issued(d))
        return STR_NONE;
    return d;
}

bool mpi_check_nhs(struct str digits)
{
    unsigned sum = 0;

    if (digits.n != 10 || !mpi_text_all_digits(digits))
        return false;
    for (unsigned i = 0; i < 9; i++)
        sum += (10 - i) * (unsigned)(digits.p[i] - '0');
    return (11 - sum % 11) % 11 == (unsigned)(digits.p[9] - '0');
}

bool mpi_check_luhn(struct str digits)
{
    unsigned sum = 0;

    if (digits.n < 2 || !mpi_text_all_digits(digits))
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        unsigned d = (unsigned)(digits.p[digits.n - 1 - i] - '0');

        d = i % 2 == 1 ? d * 2 : d;
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

bool mpi_check_gs1(struct str digits)
{
    unsigned sum = 0;

    if (digits.n < 8 || !mpi_text_all_digits(digits))
        return false;
    for (size_t i = 0; i < digits.n; i++)
        sum += (i % 2 == 1 ? 3u : 1u) * (unsigned)(digits.p[digits.n - 1 - i] - '0');
    return sum % 10 == 0;
}

/* Schemes that end in a check digit, by the OID or the usual name of the type. */
static const struct {
    const char *type;
    bool (*check)(struct str digits);
} SCHEMES[] = {
    {"2.16.840.1.113883.2.1.4.1", mpi_check_nhs}, /* NHS number, England and Wales */
    {"NHS", mpi_check_nhs},
    {"2.16.756.5.32", mpi_check_gs1},              /* AHV number, Switzerland */
    {"2.16.756.5.30.1.127.3.10.3", mpi_check_gs1}, /* EPR-SPID, Switzerland */
    {"ZA-ID", mpi_check_luhn},                     /* identity number, South Africa */
};

static bool check_passes(struct str type, struct str id)
{
    for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(SCHEMES[0]); i++)
        if (str_eq_nocase(type, str_from(SCHEMES[i].type)))
            return SCHEMES[i].check(id);
    return true;
}

struct str mpi_id_read(struct arena *a, struct str type, struct str s)
{
    struct str folded = mpi_text_fold(a, s), words[MPI_TOKENS_MAX];
    struct str id = mpi_text_join(a, words, mpi_text_tokens(folded, words, MPI_TOKENS_MAX), 0);

    if (!check_passes(type, id))
        return STR_NONE;
    while (id.n > 1 && id.p[0] == '0')
        id = str_slice(id, 1, id.n);
    if (id.n < 3 || mpi_placeholder_word(folded) || mpi_placeholder_digits(id))
        return STR_NONE;
    return id;
}
