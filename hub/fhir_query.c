#include "hub/fhir_query.h"

#include "hub/base/clock.h"
#include "hub/base/hex.h"
#include "hub/base/json_text.h"

/* --- decoding -------------------------------------------------------------------------------- */

static bool decode(struct arena *a, struct str in, struct str *out)
{
    char *p = arena_alloc(a, in.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++) {
        unsigned char byte = (unsigned char)in.p[i];

        if (byte == '%') {
            if (!hex_decode(str_slice(in, i + 1, i + 3), &byte, 1))
                return false;
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        if (byte < ' ' || byte == 127)
            return false;
        p[n++] = (char)byte;
    }
    p[n] = '\0';
    *out = str_of(p, n);
    return utf8_valid(*out);
}

static enum status refuse(struct errors *err, const char *words)
{
    return fail(err, INVALID, "invalid", "The search parameters cannot be read: %s", words);
}

static enum status read_one(struct arena *a, struct str pair, struct fhir_query *q,
                            struct errors *err)
{
    struct str value = pair, name = str_cut(&value, '=');
    struct fhir_parameter *p = &q->v[q->n];

    if (q->n == FHIR_PARAMETERS_MAX)
        return refuse(err, "there are too many");
    if (name.n > FHIR_VALUE_MAX || value.n > 3 * FHIR_VALUE_MAX)
        return refuse(err, "one is too long");
    if (value.p == NULL)
        value = STR("");
    if (!decode(a, name, &name) || !decode(a, value, &p->value))
        return refuse(err, "percent-encoded UTF-8 without controls is expected");
    if (p->value.n > FHIR_VALUE_MAX)
        return refuse(err, "one is too long");
    p->modifier = name;
    p->name = str_cut(&p->modifier, ':');
    if (p->modifier.p == NULL)
        p->modifier = STR("");
    q->n++;
    return OK;
}

enum status fhir_query_read(struct arena *a, struct str text, struct fhir_query *q,
                            struct errors *err)
{
    while (text.p != NULL) {
        struct str pair = str_cut(&text, '&');

        if (pair.n > 0)
            TRY(read_one(a, pair, q, err));
    }
    return OK;
}

/* --- values ---------------------------------------------------------------------------------- */

/* YYYY, YYYY-MM, YYYY-MM-DD: HL7's DTM with dashes. */
static bool read_day(struct str s, int64_t *from, int64_t *to)
{
    char digits[8];
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if ((i == 4 || i == 7) != (s.p[i] == '-'))
            return false;
        if (s.p[i] != '-')
            digits[n++] = s.p[i];
    }
    return clock_parse_dtm(str_of(digits, n), from, to);
}

/* An instant is as long as it is exact: a second, or a microsecond. */
static bool read_date(struct str s, int64_t *from, int64_t *to)
{
    if (s.n == 4 || s.n == 7 || s.n == 10)
        return read_day(s, from, to);
    if (s.n < 20 || !clock_parse_iso(s, from))
        return false;
    *to = *from + (str_find(s, '.') >= 0 ? 1 : US_PER_SECOND);
    return true;
}

bool fhir_date_narrow(struct str value, int64_t *from_us, int64_t *to_us)
{
    struct str prefix = STR("eq");
    int64_t from, to;

    if (value.n > 2 && value.p[0] >= 'a' && value.p[0] <= 'z') {
        prefix = str_slice(value, 0, 2);
        value = str_slice(value, 2, value.n);
    }
    if (!read_date(value, &from, &to))
        return false;
    if (str_eq(prefix, STR("gt")))
        from = to, to = INT64_MAX;
    else if (str_eq(prefix, STR("ge")))
        to = INT64_MAX;
    else if (str_eq(prefix, STR("lt")))
        to = from, from = INT64_MIN;
    else if (str_eq(prefix, STR("le")))
        from = INT64_MIN;
    else if (!str_eq(prefix, STR("eq")))
        return false;
    *from_us = from > *from_us ? from : *from_us;
    *to_us = to < *to_us ? to : *to_us;
    return true;
}

struct fhir_token fhir_token_read(struct str value)
{
    ptrdiff_t bar = str_find(value, '|');

    if (bar < 0)
        return (struct fhir_token){STR_NONE, value};
    return (struct fhir_token){str_slice(value, 0, (size_t)bar),
                               str_slice(value, (size_t)bar + 1, value.n)};
}
