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

struct gather *gather_new(struct arena *a)
{
    struct gather *g = ARENA_NEW(a, struct gather);

    arena_defer(a, release, g);
    return g;
}

static void reserve(struct gather *g, size_t n)
{
    size_t capacity = g->capacity > 0 ? g->capacity : FIRST_CAPACITY;
    char *p;

    if (g->capacity - g->n >= n)
        return;
    while (capacity - g->n < n)
        must(!__builtin_mul_overflow(capacity, (size_t)2, &capacity), "a body of absurd size");
    p = realloc(g->p, capacity);
    must(p != NULL, "out of memory");
    g->p = p;
    g->capacity = capacity;
}

void gather_add(struct gather *g, struct str bytes)
{
    if (bytes.n == 0)
        return;
    reserve(g, bytes.n);
    memcpy(g->p + g->n, bytes.p, bytes.n);
    g->n += bytes.n;
}

struct str gather_str(const struct gather *g)
{
    return str_of(g->p ? g->p : "", g->n);
}
