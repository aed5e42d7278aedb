/* A small table of the database that every process keeps in memory as a whole: immutable, by its
 * version, shared by all threads.
 *
 * The version comes from table epoch, read in the snapshot that the copy is used with. Whoever
 * takes a copy holds it until their arena ends; the newest one stays on the shelf. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "hub/base/arena.h"

/* A copy: what it holds lives in its arena. */
struct shelved {
    struct arena arena;
    int64_t version;
    const void *content;
    unsigned holders; /* the shelf is one */
};

struct shelf {
    pthread_mutex_t lock;
    struct shelved *newest;
};
#define SHELF_EMPTY                                                                                \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                          \
    }

/* The copy of this version, or NULL. */
const void *shelf_take(struct shelf *shelf, struct arena *a, int64_t version);
/* A new copy, to be filled. */
struct shelved *shelf_begin(void);
/* Puts it on the shelf unless a newer one is there (an older snapshot may come to need its own),
 * and gives its content, held until a ends. */
const void *shelf_put(struct shelf *shelf, struct arena *a, struct shelved *made);
