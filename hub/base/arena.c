#include "hub/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

enum { FIRST_CHUNK = 4096, LARGEST_CHUNK = 1 << 20 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

struct arena_cleanup {
    struct arena_cleanup *older;
    void (*fn)(void *);
    void *p;
};

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

static struct arena_chunk *chunk_new(struct arena *a, size_t size)
{
    struct arena_chunk *c = malloc(sizeof(*c) + size);

    must(c != NULL, "out of memory");
    c->used = 0;
    c->size = size;
    c->older = a->chunks;
    a->chunks = c;
    return c;
}

/* Under AddressSanitizer each allocation is a chunk of its own, so that an overrun is seen. */
static size_t chunk_size_for(const struct arena *a, size_t n)
{
#ifdef ARENA_ASAN
    (void)a;
    return n;
#else
    size_t size = a->chunks ? a->chunks->size * 2 : FIRST_CHUNK;

    if (size > LARGEST_CHUNK)
        size = LARGEST_CHUNK;
    return n > size ? n : size;
#endif
}

void *arena_bytes(struct arena *a, size_t n)
{
    struct arena_chunk *c = a->chunks;
    void *p;

    must(n <= SIZE_MAX / 2, "an allocation of absurd size");
    n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (c == NULL || c->size - c->used < n)
        c = chunk_new(a, chunk_size_for(a, n));
    p = c->bytes + c->used;
    c->used += n;
    a->used += n;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    return memset(arena_bytes(a, n), 0, n);
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
    void *copy = arena_bytes(a, n);

    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes;

    must(!__builtin_mul_overflow(count, size, &bytes), "an array of absurd size");
    return arena_alloc(a, bytes);
}

size_t arena_held(const struct arena *a)
{
    size_t n = 0;

    for (const struct arena_chunk *c = a->chunks; c != NULL; c = c->older)
        n += sizeof(*c) + c->size;
    return n;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *p)
{
    struct arena_cleanup *c = ARENA_NEW(a, struct arena_cleanup);

    *c = (struct arena_cleanup){a->cleanups, fn, p};
    a->cleanups = c;
}

static void run_cleanups(struct arena *a)
{
    while (a->cleanups != NULL) {
        struct arena_cleanup *c = a->cleanups;

        a->cleanups = c->older;
        c->fn(c->p);
    }
}

static void free_chunks(struct arena *a, struct arena_chunk *keep)
{
    while (a->chunks != NULL) {
        struct arena_chunk *c = a->chunks;

        a->chunks = c->older;
        if (c != keep)
            free(c);
    }
    a->used = 0;
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = NULL;

    run_cleanups(a);
#ifndef ARENA_ASAN
    for (struct arena_chunk *c = a->chunks; c != NULL; c = c->older)
        if (c->size <= LARGEST_CHUNK && (keep == NULL || c->size > keep->size))
            keep = c;
#endif
    free_chunks(a, keep);
    if (keep != NULL) {
        keep->used = 0;
        keep->older = NULL;
        a->chunks = keep;
    }
}

void arena_dispose(struct arena *a)
{
    run_cleanups(a);
    free_chunks(a, NULL);
}

void *arena_grow(struct arena *a, void *array, size_t n, size_t size)
{
    void *larger;

    if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
        return array; /* full only at 0, 4, 8, 16, ... */
    larger = arena_array(a, n == 0 ? 4 : 2 * n, size);
    if (n != 0)
        memcpy(larger, array, n * size);
    return larger;
}
