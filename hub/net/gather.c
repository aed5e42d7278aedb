#include "hub/net/gather.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"

enum { FIRST_CAPACITY = 4096 };

static void release(void *p)
{
    struct gather *g = p;

    free(g->p);
}

struct gather *gather_new(struct arena *a, struct holding *memory)
{
    struct gather *g = ARENA_NEW(a, struct gather);

    g->memory = memory;
    arena_defer(a, release, g);
    return g;
}

static bool count(struct gather *g, size_t capacity)
{
    struct holding *h = g->memory;

    return h == NULL || holding_set(h, h->n - g->capacity + capacity);
}

static void drop(struct gather *g)
{
    must(count(g, 0), "less is always granted");
    free(g->p);
    g->p = NULL;
    g->n = g->capacity = 0;
}

static bool reserve(struct gather *g, size_t n)
{
    size_t capacity = g->capacity > 0 ? g->capacity : FIRST_CAPACITY;
    char *p;

    if (g->capacity - g->n >= n)
        return true;
    while (capacity - g->n < n)
        must(!__builtin_mul_overflow(capacity, (size_t)2, &capacity), "a body of absurd size");
    if (!count(g, capacity))
        return false;
    p = realloc(g->p, capacity);
    must(p != NULL, "out of memory");
    g->p = p;
    g->capacity = capacity;
    return true;
}

bool gather_add(struct gather *g, struct str bytes)
{
    if (bytes.n == 0)
        return true;
    if (!reserve(g, bytes.n)) {
        drop(g);
        return false;
    }
    memcpy(g->p + g->n, bytes.p, bytes.n);
    g->n += bytes.n;
    return true;
}

struct str gather_str(const struct gather *g)
{
    return str_of(g->p ? g->p : "", g->n);
}
