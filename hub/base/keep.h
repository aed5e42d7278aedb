/* What was read, kept in memory under a 64-bit key: in shards, so that threads seldom meet.
 *
 * A thing that is kept is immutable, and held by whoever took it until its arena ends. A keep does
 * not know whether a thing is still true: whoever takes it compares it with what came with the data
 * (an epoch, the version of a row). Nothing expires; what is least used goes when it is full. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/base/arena.h"

/* First member of what is kept. */
struct kept {
    int64_t key;
    size_t bytes;                    /* of all that it holds */
    void (*dispose)(struct kept *k); /* when nobody holds it any more */
    /* The keep's own: */
    struct kept *chain;         /* of the bucket */
    struct kept *newer, *older; /* of the shard, in a ring that the hand walks */
    unsigned holders;           /* the keep is one */
    bool used;                  /* since the hand passed */
};

enum { KEEP_SHARDS = 64 };

/* Static, all zero but for bytes_most. */
struct keep {
    size_t bytes_most; /* of all that is kept */
    struct keep_shard {
        pthread_mutex_t lock;
        struct kept **buckets;
        size_t bucket_count, count, bytes;
        struct kept *hand;
    } shards[KEEP_SHARDS];
};

/* What lies under this key and is wanted: at most `most`, into out. Their number. NULL: all is. */
size_t keep_take(struct keep *keep, struct arena *a, int64_t key,
                 bool (*wanted)(const struct kept *k, const void *context), const void *context,
                 struct kept **out, size_t most);

/* Lets this one go, if it is still there. */
void keep_drop(struct keep *keep, const struct kept *k);

/* Of two things under one key. */
enum keep_which { KEEP_BOTH, KEEP_OLD, KEEP_NEW };

/* Takes over k, whose key, bytes and dispose are set. Of what is there already under its key
 * `choose` says whether it stays, or k is not wanted. */
void keep_put(struct keep *keep, struct kept *k,
              enum keep_which (*choose)(const struct kept *old, const struct kept *k));

struct keep_size {
    size_t count, bytes;
};
struct keep_size keep_measure(struct keep *keep);
