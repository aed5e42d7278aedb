#include "gateway/hl7_identity.h"

#include <stdlib.h>

struct str hl7_name_space(const struct request *rq, struct str authority)
{
    const struct member *m = member_by_authority(rq->members, authority);

    for (size_t i = 0; m != NULL && i < m->authority_count; i++)
        if (str_eq(m->authorities[i].oid, authority) && m->authorities[i].name_space.n > 0)
            return m->authorities[i].name_space;
    return m != NULL ? m->name : STR("XAD");
}

void hl7_cx_add(struct request *rq, struct strbuf *b, const struct hl7_separators *s,
                struct identifier id)
{
    char c = s->component;

    hl7_escape(b, s, id.id);
    strbuf_addf(b, "%c%c%c", c, c, c);
    hl7_escape(b, s, hl7_name_space(rq, id.authority));
    strbuf_addf(b, "%c%.*s%cISO%cPI", s->subcomponent, STR_ARG(id.authority), s->subcomponent, c);
}

static int by_identifier(const void *a, const void *b)
{
    const struct mpi_identifier *x = a, *y = b;
    int order = str_compare(x->id.authority, y->id.authority);

    return order != 0 ? order : str_compare(x->id.id, y->id.id);
}

void hl7_cx_list_add(struct request *rq, struct strbuf *b, const struct hl7_separators *s,
                     struct identity_visible *v)
{
    if (v->count > 0)
        qsort(v->items, v->count, sizeof(*v->items), by_identifier);
    for (size_t i = 0; i < v->count; i++) {
        if (i > 0)
            strbuf_addc(b, s->repetition);
        hl7_cx_add(rq, b, s, v->items[i].id);
    }
}
