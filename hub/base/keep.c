#include "hub/base/keep.h"

#include <stdlib.h>

#include "hub/base/err.h"

enum { FIRST_BUCKETS = 64 };

static uint64_t mix(int64_t key)
{
    uint64_t h = (uint64_t)key * 0x9e3779b97f4a7c15u;

    return h ^ h >> 32;
}

static struct keep_shard *shard_of(struct keep *keep, int64_t key)
{
    return &keep->shards[mix(key) % KEEP_SHARDS];
}

static struct kept **bucket_of(struct keep_shard *s, int64_t key)
{
    return &s->buckets[mix(key) / KEEP_SHARDS & (s->bucket_count - 1)];
}

static struct kept *first_of(struct keep_shard *s, int64_t key)
{
    return s->bucket_count > 0 ? *bucket_of(s, key) : NULL;
}

static void let_go(struct kept *k)
{
    if (__atomic_sub_fetch(&k->holders, 1, __ATOMIC_ACQ_REL) == 0)
        k->dispose(k);
}

static void take_out(struct keep_shard *s, struct kept *k)
{
    struct kept **at = bucket_of(s, k->key);

    while (*at != k)
        at = &(*at)->chain;
    *at = k->chain;
    if (s->hand == k)
        s->hand = k->newer != k ? k->newer : NULL;
    k->newer->older = k->older;
    k->older->newer = k->newer;
    s->count--;
    s->bytes -= k->bytes;
    let_go(k);
}

/* What was used since the hand came by last gets another round. */
static void make_room(struct keep_shard *s, size_t bytes, size_t most)
{
    while (s->hand != NULL && s->bytes + bytes > most) {
        struct kept *k = s->hand;

        s->hand = k->newer;
        if (k->used)
            k->used = false;
        else
            take_out(s, k);
    }
}

static void grow(struct keep_shard *s)
{
    struct kept **old = s->buckets;
    size_t count = s->bucket_count;

    if (s->count < s->bucket_count)
        return;
    s->bucket_count = count == 0 ? FIRST_BUCKETS : 2 * count;
    s->buckets = calloc(s->bucket_count, sizeof(*s->buckets));
    must(s->buckets != NULL, "out of memory");
    for (size_t i = 0; i < count; i++)
        for (struct kept *k = old[i], *next; k != NULL; k = next) {
            struct kept **at = bucket_of(s, k->key);

            next = k->chain;
            k->chain = *at;
            *at = k;
        }
    free(old);
}

static void put_in(struct keep_shard *s, struct kept *k)
{
    struct kept **at;

    grow(s);
    at = bucket_of(s, k->key);
    k->chain = *at;
    *at = k;
    if (s->hand == NULL) {
        k->newer = k->older = s->hand = k;
    } else { /* behind the hand: the last that it comes to */
        k->newer = s->hand;
        k->older = s->hand->older;
        k->older->newer = k;
        s->hand->older = k;
    }
    s->count++;
    s->bytes += k->bytes;
}

static void release(void *k)
{
    let_go(k);
}

size_t keep_take(struct keep *keep, struct arena *a, int64_t key,
                 bool (*wanted)(const struct kept *k, const void *context), const void *context,
                 struct kept **out, size_t most)
{
    struct keep_shard *s = shard_of(keep, key);
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    for (struct kept *k = first_of(s, key); k != NULL && n < most; k = k->chain)
        if (k->key == key && (wanted == NULL || wanted(k, context))) {
            __atomic_add_fetch(&k->holders, 1, __ATOMIC_RELAXED);
            k->used = true;
            out[n++] = k;
        }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++)
        arena_defer(a, release, out[i]);
    return n;
}

void keep_drop(struct keep *keep, const struct kept *k)
{
    struct keep_shard *s = shard_of(keep, k->key);
    struct kept *there;

    pthread_mutex_lock(&s->lock);
    there = first_of(s, k->key);
    while (there != NULL && there != k)
        there = there->chain;
    if (there != NULL)
        take_out(s, there);
    pthread_mutex_unlock(&s->lock);
}

/* False: k is not wanted. Whatever it takes the place of is gone. */
static bool choose_among(struct keep_shard *s, struct kept *k,
                         enum keep_which (*choose)(const struct kept *old, const struct kept *k))
{
    for (struct kept *old = first_of(s, k->key), *next; old != NULL; old = next) {
        enum keep_which which = old->key == k->key ? choose(old, k) : KEEP_BOTH;

        next = old->chain;
        if (which == KEEP_OLD)
            return false;
        if (which == KEEP_NEW)
            take_out(s, old);
    }
    return true;
}

void keep_put(struct keep *keep, struct kept *k,
              enum keep_which (*choose)(const struct kept *old, const struct kept *k))
{
    struct keep_shard *s = shard_of(keep, k->key);
    size_t most = keep->bytes_most / KEEP_SHARDS;

    k->holders = 1;
    k->used = false;
    if (k->bytes > most) {
        let_go(k);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (choose_among(s, k, choose)) {
        make_room(s, k->bytes, most);
        put_in(s, k);
    } else {
        let_go(k);
    }
    pthread_mutex_unlock(&s->lock);
}

struct keep_size keep_measure(struct keep *keep)
{
    struct keep_size all = {0, 0};

    for (size_t i = 0; i < KEEP_SHARDS; i++) {
        struct keep_shard *s = &keep->shards[i];

        pthread_mutex_lock(&s->lock);
        all.count += s->count;
        all.bytes += s->bytes + s->bucket_count * sizeof(struct kept *);
        pthread_mutex_unlock(&s->lock);
    }
    return all;
}
