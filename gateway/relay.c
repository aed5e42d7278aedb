#include "gateway/relay.h"

#include <string.h>

#include "hub/base/arena.h"

struct relay {
    struct byte_source base;
    const struct relay_piece *v;
    size_t n, at;
    size_t given; /* of the text under way */
};

static size_t give_text(struct relay *r, void *to, size_t size)
{
    struct str left = str_slice(r->v[r->at].text, r->given, SIZE_MAX);
    size_t n = size < left.n ? size : left.n;

    if (n > 0)
        memcpy(to, left.p, n);
    r->given += n;
    return n;
}

static enum status relay_read(struct byte_source *base, void *to, size_t size, size_t *n)
{
    struct relay *r = (struct relay *)base;

    for (*n = 0; r->at < r->n; r->at++, r->given = 0) {
        struct byte_source *source = r->v[r->at].source;

        if (source == NULL)
            *n = give_text(r, to, size);
        else
            TRY(source->read(source, to, size, n));
        if (*n > 0)
            return OK;
    }
    return OK;
}

struct byte_source *relay_new(struct arena *a, const struct relay_piece *v, size_t n)
{
    struct relay *r = ARENA_NEW(a, struct relay);

    *r = (struct relay){.base = {.read = relay_read}, .v = v, .n = n};
    for (size_t i = 0; i < n; i++)
        r->base.length += v[i].source != NULL ? v[i].source->length : v[i].text.n;
    return &r->base;
}
