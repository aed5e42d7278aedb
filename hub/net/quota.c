#include "hub/net/quota.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"

enum { BUCKETS = 1024 };

struct holder {
    struct holder *next;
    unsigned char key[QUOTA_KEY];
    int count;
    struct budget memory;
};

struct quota {
    pthread_mutex_t lock;
    int max_per_peer;
    size_t max_memory;
    struct holder *buckets[BUCKETS];
};

struct quota *quota_new(int max_per_peer, size_t max_memory_per_peer)
{
    struct quota *q = calloc(1, sizeof(*q));

    must(q != NULL, "out of memory");
    pthread_mutex_init(&q->lock, NULL);
    q->max_per_peer = max_per_peer;
    q->max_memory = max_memory_per_peer;
    return q;
}

void quota_free(struct quota *q)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (q->buckets[i] != NULL) {
            struct holder *h = q->buckets[i];

            q->buckets[i] = h->next;
            free(h);
        }
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* Where the pointer to the key's holder is, or would be. Keys are few: one a member or host. */
static struct holder **place_of(struct quota *q, const unsigned char key[QUOTA_KEY])
{
    uint32_t hash = 2166136261u;
    struct holder **place;

    for (size_t i = 0; i < QUOTA_KEY; i++)
        hash = (hash ^ key[i]) * 16777619u;
    place = &q->buckets[hash % BUCKETS];
    while (*place != NULL && memcmp((*place)->key, key, QUOTA_KEY) != 0)
        place = &(*place)->next;
    return place;
}

struct budget *quota_take(struct quota *q, const unsigned char key[QUOTA_KEY])
{
    struct budget *taken = NULL;
    struct holder **place;

    pthread_mutex_lock(&q->lock);
    place = place_of(q, key);
    if (*place == NULL) {
        *place = calloc(1, sizeof(**place));
        must(*place != NULL, "out of memory");
        memcpy((*place)->key, key, QUOTA_KEY);
        budget_init(&(*place)->memory, q->max_memory);
    }
    if ((*place)->count < q->max_per_peer) {
        (*place)->count++;
        taken = &(*place)->memory;
    }
    pthread_mutex_unlock(&q->lock);
    return taken;
}

void quota_give(struct quota *q, const unsigned char key[QUOTA_KEY])
{
    struct holder **place;

    pthread_mutex_lock(&q->lock);
    place = place_of(q, key);
    must(*place != NULL && (*place)->count > 0, "what is given was taken");
    if (--(*place)->count == 0) {
        struct holder *over = *place;

        must(budget_untouched(&over->memory), "who has no connection holds no memory");
        *place = over->next;
        free(over);
    }
    pthread_mutex_unlock(&q->lock);
}
