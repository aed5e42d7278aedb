#include "hub/net/media_type.h"

struct str media_type_essence(struct str value)
{
    return str_trim(str_cut(&value, ';'));
}

/* The text of a quoted string at the start of *s, which is cut off it. */
static bool take_quoted(struct arena *a, struct str *s, struct str *out)
{
    struct strbuf text = strbuf_on(a, s->n);

    for (size_t i = 1; i < s->n; i++) {
        if (s->p[i] == '"') {
            *out = strbuf_str(&text);
            *s = str_slice(*s, i + 1, s->n);
            return true;
        }
        if (s->p[i] == '\\' && ++i == s->n)
            return false;
        strbuf_addc(&text, s->p[i]);
    }
    return false;
}

/* One `name=value` off the front of *rest, with the semicolon behind it. */
static bool take_parameter(struct arena *a, struct str *rest, struct str *name, struct str *value)
{
    ptrdiff_t equals = str_find(*rest, '=');
    ptrdiff_t semicolon = str_find(*rest, ';');

    if (equals < 0 || (semicolon >= 0 && semicolon < equals)) {
        struct str empty = str_trim(str_cut(rest, ';'));

        *name = STR_NONE;
        return empty.n == 0; /* a semicolon at the end is common */
    }
    *name = str_trim(str_slice(*rest, 0, (size_t)equals));
    *rest = str_trim(str_slice(*rest, (size_t)equals + 1, rest->n));
    if (rest->n == 0 || rest->p[0] != '"') {
        *value = str_trim(str_cut(rest, ';'));
        return value->n > 0;
    }
    return take_quoted(a, rest, value) && str_trim(str_cut(rest, ';')).n == 0;
}

bool media_type_parameter(struct arena *a, struct str value, struct str name, struct str *out)
{
    struct str rest = value, found, text;

    *out = STR_NONE;
    str_cut(&rest, ';');
    while (rest.p != NULL) {
        if (!take_parameter(a, &rest, &found, &text))
            return false;
        if (found.p == NULL || !str_eq_nocase(found, name))
            continue;
        if (out->p != NULL)
            return false;
        *out = text;
    }
    return true;
}
