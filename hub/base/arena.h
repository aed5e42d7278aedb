/* Memory by lifetime: an arena gives memory that all ends at once.
 *
 * There are three lifetimes: process, connection, request. Whoever owns the arena resets it; who
 * allocates never frees. Foreign objects (an xmlDoc, a PGresult, a descriptor) are tied to the
 * arena by arena_defer. An arena belongs to one thread at a time.
 *
 * Running out of memory ends the process: limits on what a client controls are checked before. */
#pragma once

#include <stddef.h>

struct arena_chunk;
struct arena_cleanup;

struct arena {
    struct arena_chunk *chunks;     /* newest first */
    struct arena_cleanup *cleanups; /* newest first */
    size_t used;                    /* bytes handed out since the last reset */
};

void arena_init(struct arena *a);
void arena_reset(struct arena *a);   /* runs the cleanups, newest first; keeps one chunk */
void arena_dispose(struct arena *a); /* as reset, and gives all memory back */

void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc, alloc_size(2))); /* zeroed */
/* Not zeroed: for what is written before it is read. */
void *arena_bytes(struct arena *a, size_t n) __attribute__((malloc, alloc_size(2)));
void *arena_copy(struct arena *a, const void *p, size_t n);
void *arena_array(struct arena *a, size_t count, size_t size); /* overflow ends the process */
/* Room for one element more in an array of n that only grows by one at a time. */
void *arena_grow(struct arena *a, void *array, size_t n, size_t size);

#define ARENA_NEW(a, type)          ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, count, type) ((type *)arena_array((a), (count), sizeof(type)))

/* What it has of the process's memory. */
size_t arena_held(const struct arena *a);

/* Calls fn(p) when the arena is reset or disposed, in reverse order of registration. */
void arena_defer(struct arena *a, void (*fn)(void *), void *p);
