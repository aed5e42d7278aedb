#include "hub/net/exchange.h"

struct str http_field_value(const struct http_head *h, struct str name)
{
    for (size_t i = 0; i < h->field_count; i++)
        if (str_eq_nocase(h->fields[i].name, name))
            return h->fields[i].value;
    return STR_NONE;
}

void reply_init(struct reply *rp, struct arena *a)
{
    *rp = (struct reply){.arena = a, .http_status = 200};
}

void reply_reset(struct reply *rp)
{
    reply_init(rp, rp->arena);
}

void reply_field(struct reply *rp, struct str name, struct str value)
{
    must(rp->field_count < REPLY_FIELDS_MAX, "a reply has room for its fields");
    rp->fields[rp->field_count++] = (struct http_field){name, value};
}

static void add_segment(struct reply *rp, struct segment s)
{
    struct segment *added = ARENA_NEW(rp->arena, struct segment);

    *added = s;
    if (rp->last != NULL)
        rp->last->next = added;
    else
        rp->first = added;
    rp->last = added;
}

void reply_add(struct reply *rp, struct str bytes)
{
    if (bytes.n == 0)
        return;
    add_segment(rp, (struct segment){.bytes = bytes});
    if (rp->length != LENGTH_UNKNOWN)
        rp->length += bytes.n;
}

void reply_add_source(struct reply *rp, struct byte_source *source)
{
    if (source->bytes.p != NULL) {
        reply_add(rp, source->bytes);
        return;
    }
    add_segment(rp, (struct segment){.source = source});
    if (source->length == LENGTH_UNKNOWN)
        rp->length = LENGTH_UNKNOWN;
    else if (rp->length != LENGTH_UNKNOWN)
        rp->length += source->length;
}
