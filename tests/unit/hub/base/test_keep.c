#include "hub/base/keep.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

enum { ROOM = 64 * 1000, ITEM = 100 };

struct item {
    struct kept kept;
    int name, version;
};

static int alive;

static void dispose(struct kept *k)
{
    __atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
    memset(k, 0xa5, sizeof(struct item));
    free(k);
}

static enum keep_which newest(const struct kept *old, const struct kept *k)
{
    const struct item *was = (const struct item *)old, *is = (const struct item *)k;

    if (was->name != is->name)
        return KEEP_BOTH;
    return was->version >= is->version ? KEEP_OLD : KEEP_NEW;
}

static void put(struct keep *keep, int64_t key, int name, int version)
{
    struct item *i = calloc(1, sizeof(*i));

    __atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED);
    i->kept = (struct kept){.key = key, .bytes = ITEM, .dispose = dispose};
    i->name = name;
    i->version = version;
    keep_put(keep, &i->kept, newest);
}

/* The version of what is kept under this name; 0: nothing is. */
static int version_of(struct keep *keep, struct arena *a, int64_t key, int name)
{
    struct kept *found[4];
    size_t n = keep_take(keep, a, key, NULL, NULL, found, 4);

    for (size_t i = 0; i < n; i++)
        if (((struct item *)found[i])->name == name)
            return ((struct item *)found[i])->version;
    return 0;
}

static void several_things_lie_under_one_key_and_of_each_the_newest(void)
{
    static struct keep keep = {.bytes_most = ROOM};
    struct arena a;

    arena_init(&a);
    put(&keep, 1, 1, 5);
    put(&keep, 1, 2, 7);
    put(&keep, 1, 1, 6);
    put(&keep, 1, 2, 3);
    CU_ASSERT_EQUAL(version_of(&keep, &a, 1, 1), 6);
    CU_ASSERT_EQUAL(version_of(&keep, &a, 1, 2), 7);
    CU_ASSERT_EQUAL(version_of(&keep, &a, 2, 1), 0);
    CU_ASSERT_EQUAL(keep_measure(&keep).count, 2);
    arena_dispose(&a);
}

static bool is_second(const struct kept *k, const void *context)
{
    return ((const struct item *)k)->name == *(const int *)context;
}

static void only_what_is_wanted_is_taken(void)
{
    static struct keep keep = {.bytes_most = ROOM};
    struct kept *found[4] = {NULL};
    struct arena a;
    int second = 2;

    arena_init(&a);
    for (int name = 1; name <= 3; name++)
        put(&keep, 9, name, 1);
    CU_ASSERT_EQUAL(keep_take(&keep, &a, 9, is_second, &second, found, 4), 1);
    CU_ASSERT(found[0] != NULL && ((struct item *)found[0])->name == 2);
    CU_ASSERT_EQUAL(keep_take(&keep, &a, 9, NULL, NULL, found, 2), 2);
    arena_dispose(&a);
}

/* What is held lives on when it has gone from the keep, and not a moment longer. */
static void what_was_taken_lives_until_its_arena_ends(void)
{
    static struct keep keep = {.bytes_most = ROOM};
    struct kept *found[1];
    struct arena a;
    int before = alive;

    arena_init(&a);
    put(&keep, 1, 1, 1);
    CU_ASSERT_EQUAL_FATAL(keep_take(&keep, &a, 1, NULL, NULL, found, 1), 1);
    put(&keep, 1, 1, 2);
    CU_ASSERT_EQUAL(alive, before + 2);
    CU_ASSERT_EQUAL(((struct item *)found[0])->version, 1);
    arena_dispose(&a);
    CU_ASSERT_EQUAL(alive, before + 1);
}

/* One shard's share is ten things. */
static void the_least_used_makes_room(void)
{
    static struct keep keep = {.bytes_most = ROOM};
    struct arena a;
    int used, kept = 0;

    put(&keep, 0, 0, 1);
    for (int64_t key = 1; key < 10000; key++) {
        arena_init(&a);
        used = version_of(&keep, &a, 0, 0);
        arena_dispose(&a);
        put(&keep, key, 0, 1);
    }
    CU_ASSERT_EQUAL(used, 1);
    arena_init(&a);
    for (int64_t key = 0; key < 10000; key++)
        kept += version_of(&keep, &a, key, 0);
    arena_dispose(&a);
    CU_ASSERT(kept > 300 && kept <= 640);
    CU_ASSERT_EQUAL((size_t)kept, keep_measure(&keep).count);
}

static void what_is_larger_than_a_shard_is_not_kept(void)
{
    static struct keep keep = {.bytes_most = KEEP_SHARDS * (ITEM - 1)};
    int before = alive;

    put(&keep, 1, 1, 1);
    CU_ASSERT_EQUAL(alive, before);
    CU_ASSERT_EQUAL(keep_measure(&keep).count, 0);
}

enum { ROUNDS = 20000, KEYS = 50 };

static void *use(void *p)
{
    struct keep *keep = p;
    uintptr_t wrong = 0;
    struct arena a;

    for (int i = 1; i <= ROUNDS; i++) {
        struct kept *found[1];

        arena_init(&a);
        put(keep, i % KEYS, 1, i);
        if (keep_take(keep, &a, (i + 7) % KEYS, NULL, NULL, found, 1) == 1)
            wrong += found[0]->key != (i + 7) % KEYS || ((struct item *)found[0])->name != 1;
        arena_dispose(&a);
    }
    return (void *)wrong;
}

static void threads_hold_what_others_replace(void)
{
    static struct keep keep = {.bytes_most = ROOM};
    pthread_t threads[4];
    void *wrong;

    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, use, &keep), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], &wrong);
        CU_ASSERT_PTR_NULL(wrong);
    }
}

SUITE(test_keep, CASE(several_things_lie_under_one_key_and_of_each_the_newest),
      CASE(only_what_is_wanted_is_taken), CASE(what_was_taken_lives_until_its_arena_ends),
      CASE(the_least_used_makes_room), CASE(what_is_larger_than_a_shard_is_not_kept),
      CASE(threads_hold_what_others_replace));
