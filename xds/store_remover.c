#include "xds/store_remover.h"

#include <pthread.h>
#include <stdlib.h>

#include "hub/base/log.h"

enum { WAITING_MAX = 1024 };

struct store_remover {
    struct store *store;
    pthread_t thread;
    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t asked;
    struct uuid waiting[WAITING_MAX]; /* a ring */
    size_t first, count;
    bool stopping;
};

/* False when there is nothing left and no more will come. */
static bool next(struct store_remover *r, struct uuid *id)
{
    bool found;

    pthread_mutex_lock(&r->lock);
    while (r->count == 0 && !r->stopping)
        pthread_cond_wait(&r->asked, &r->lock);
    found = r->count > 0;
    if (found) {
        *id = r->waiting[r->first];
        r->first = (r->first + 1) % WAITING_MAX;
        r->count--;
    }
    pthread_mutex_unlock(&r->lock);
    return found;
}

static void left(struct uuid id)
{
    char name[UUID_TEXT + 1];

    uuid_write(id, name);
    log_warn("blob_orphaned", "object=%s of a failed submission stays in the store", name);
}

static void *run(void *p)
{
    struct store_remover *r = p;
    struct uuid id;

    while (next(r, &id))
        if (r->store->ops->remove(r->store, id) == UPSTREAM)
            left(id);
    return NULL;
}

struct store_remover *store_remover_start(struct store *s)
{
    struct store_remover *r = calloc(1, sizeof(*r));

    must(r != NULL, "out of memory");
    r->store = s;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->asked, NULL);
    must(pthread_create(&r->thread, NULL, run, r) == 0, "no thread for the remover");
    return r;
}

void store_remover_ask(struct store_remover *r, struct uuid id)
{
    bool room;

    pthread_mutex_lock(&r->lock);
    room = r->count < WAITING_MAX;
    if (room)
        r->waiting[(r->first + r->count++) % WAITING_MAX] = id;
    pthread_cond_signal(&r->asked);
    pthread_mutex_unlock(&r->lock);
    if (!room)
        left(id);
}

void store_remover_stop(struct store_remover *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->asked);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->asked);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
