#include "hub/person.h"

#include "hub/base/arena.h"
#include "hub/base/oid.h"

struct str identifier_cx(struct arena *a, struct identifier id)
{
    struct strbuf b = strbuf_on(a, id.id.n + id.authority.n + sizeof("^^^&&ISO"));

    strbuf_add(&b, id.id);
    strbuf_lit(&b, "^^^&");
    strbuf_add(&b, id.authority);
    strbuf_lit(&b, "&ISO");
    return strbuf_str(&b);
}

/* No identifier has control characters; a NUL would end it early wherever C meets it. */
static bool printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

bool identifier_parse_cx(struct str cx, struct identifier *out)
{
    struct str rest = cx, authority, id, oid, type;

    id = str_cut(&rest, '^');
    str_cut(&rest, '^'); /* CX.2: check digit */
    str_cut(&rest, '^'); /* CX.3: check digit scheme */
    authority = str_cut(&rest, '^');
    str_cut(&authority, '&'); /* HD.1: namespace */
    oid = str_cut(&authority, '&');
    type = str_cut(&authority, '&');
    if (id.n == 0 || !printable(id) || !oid_valid(oid) || !str_eq(type, STR("ISO")))
        return false;
    *out = (struct identifier){.authority = oid, .id = id};
    return true;
}

bool identifier_eq(struct identifier a, struct identifier b)
{
    return str_eq(a.id, b.id) && str_eq(a.authority, b.authority);
}

bool place_eq(struct place a, struct place b)
{
    return a.pkey == b.pkey && a.record_id == b.record_id;
}

int place_order(struct place a, struct place b)
{
    if (a.pkey != b.pkey)
        return a.pkey < b.pkey ? -1 : 1;
    return (a.record_id > b.record_id) - (a.record_id < b.record_id);
}

bool person_ref_eq(struct person_ref a, struct person_ref b)
{
    return a.pkey == b.pkey && a.person_id == b.person_id;
}

bool person_is_alone(const struct person *p)
{
    return p->constituent_count == 1 && person_ref_eq(p->constituents[0], p->ref);
}
