#include "hub/base/oid.h"

static bool arc_valid(struct str arc)
{
    if (arc.n == 0 || (arc.n > 1 && arc.p[0] == '0'))
        return false;
    for (size_t i = 0; i < arc.n; i++)
        if (arc.p[i] < '0' || arc.p[i] > '9')
            return false;
    return true;
}

bool oid_valid(struct str s)
{
    struct str rest = s, first, second;

    if (s.n == 0 || s.n > OID_MAX)
        return false;
    first = str_cut(&rest, '.');
    if (first.n != 1 || first.p[0] < '0' || first.p[0] > '2' || rest.p == NULL)
        return false;
    second = str_cut(&rest, '.');
    if (!arc_valid(second))
        return false;
    if (first.p[0] != '2' && (second.n > 2 || (second.n == 2 && second.p[0] > '3')))
        return false;
    while (rest.p != NULL)
        if (!arc_valid(str_cut(&rest, '.')))
            return false;
    return true;
}

struct str oid_strip_urn(struct str s)
{
    struct str prefix = STR("urn:oid:");

    if (s.n >= prefix.n && str_eq_nocase(str_slice(s, 0, prefix.n), prefix))
        return str_slice(s, prefix.n, s.n);
    return s;
}

struct str oid_of_uuid(struct arena *a, struct uuid u)
{
    char digits[40]; /* 2^128 has 39 */
    size_t at = sizeof(digits);
    bool more = true;

    while (more) {
        unsigned rest = 0;

        more = false;
        for (size_t i = 0; i < sizeof(u.b); i++) {
            unsigned n = rest * 256 + u.b[i];

            u.b[i] = (unsigned char)(n / 10);
            rest = n % 10;
            more |= u.b[i] != 0;
        }
        digits[--at] = (char)('0' + rest);
    }
    return str_printf(a, "2.25.%.*s", (int)(sizeof(digits) - at), digits + at);
}
