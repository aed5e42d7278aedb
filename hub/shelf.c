#include "hub/shelf.h"

#include <stdlib.h>

#include "hub/base/err.h"

/* Whoever lets go last ends it. Each holder has a right of its own, so no lock of the shelf. */
static void release(void *p)
{
    struct shelved *s = p;

    if (__atomic_sub_fetch(&s->holders, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    arena_dispose(&s->arena);
    free(s);
}

const void *shelf_take(struct shelf *shelf, struct arena *a, int64_t version)
{
    struct shelved *s;

    pthread_mutex_lock(&shelf->lock);
    s = shelf->newest != NULL && shelf->newest->version == version ? shelf->newest : NULL;
    if (s != NULL)
        __atomic_add_fetch(&s->holders, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&shelf->lock);
    if (s == NULL)
        return NULL;
    arena_defer(a, release, s);
    return s->content;
}

struct shelved *shelf_begin(void)
{
    struct shelved *s = calloc(1, sizeof(*s));

    must(s != NULL, "out of memory");
    arena_init(&s->arena);
    return s;
}

const void *shelf_put(struct shelf *shelf, struct arena *a, struct shelved *made)
{
    struct shelved *old = NULL;

    made->holders = 1;
    pthread_mutex_lock(&shelf->lock);
    if (shelf->newest == NULL || shelf->newest->version < made->version) {
        old = shelf->newest;
        shelf->newest = made;
        made->holders = 2;
    }
    pthread_mutex_unlock(&shelf->lock);
    arena_defer(a, release, made);
    if (old != NULL)
        release(old);
    return made->content;
}
