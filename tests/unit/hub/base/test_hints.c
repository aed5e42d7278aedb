#include "hub/base/hints.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "tests/support/suite.h"

static struct hints hints;

static void what_was_put_last_is_found_by_key_and_size(void)
{
    uint64_t value = 7, other = 8, got = 0;
    uint32_t narrow;

    CU_ASSERT(!hints_get(&hints, 0, &got, sizeof(got)));
    hints_put(&hints, 0, &value, sizeof(value));
    CU_ASSERT(hints_get(&hints, 0, &got, sizeof(got)) && got == 7);
    hints_put(&hints, 0, &other, sizeof(other));
    CU_ASSERT(hints_get(&hints, 0, &got, sizeof(got)) && got == 8);
    CU_ASSERT(!hints_get(&hints, 0, &narrow, sizeof(narrow)));
    CU_ASSERT(!hints_get(&hints, 1, &got, sizeof(got)));
}

static void of_many_keys_each_finds_its_own_or_nothing(void)
{
    size_t found = 0, wrong = 0;

    for (uint64_t key = 0; key < 4 * HINT_SLOTS; key++)
        hints_put(&hints, key, &key, sizeof(key));
    for (uint64_t key = 0; key < 4 * HINT_SLOTS; key++) {
        uint64_t got = 0;

        if (!hints_get(&hints, key, &got, sizeof(got)))
            continue;
        found++;
        wrong += got != key;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(found > HINT_SLOTS / 4 && found <= HINT_SLOTS);
}

static void what_was_dropped_is_gone_and_nothing_else(void)
{
    const int value = 7;
    int got;

    hints_put(&hints, 42, &value, sizeof(value));
    hints_drop(&hints, 43);
    CU_ASSERT(hints_get(&hints, 42, &got, sizeof(got)));
    hints_drop(&hints, 42);
    CU_ASSERT_FALSE(hints_get(&hints, 42, &got, sizeof(got)));
}

static void whose_and_what_make_a_key_together(void)
{
    CU_ASSERT_EQUAL(hints_key(1, 2), hints_key(1, 2));
    CU_ASSERT_NOT_EQUAL(hints_key(1, 2), hints_key(2, 1));
    CU_ASSERT_NOT_EQUAL(hints_key(1, 2), hints_key(1 ^ 8, 2 ^ 8));
    CU_ASSERT_NOT_EQUAL(hints_hash(STR("one")), hints_hash(STR("other")));
}

static void a_key_is_hashed_with_a_secret(void)
{
    static const unsigned char none[crypto_shorthash_KEYBYTES];
    const uint64_t key[] = {1, 2};
    uint64_t plain;

    crypto_shorthash((unsigned char *)&plain, (const unsigned char *)key, sizeof(key), none);
    CU_ASSERT_NOT_EQUAL(hints_key(1, 2), plain);
}

enum { WIDE = HINT_BYTES / sizeof(uint64_t), ROUNDS = 200000 };

/* One key, values whose words are all alike: a mixture would show. */
static void *write_and_read(void *name)
{
    uintptr_t mixed = 0;

    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t value[WIDE], got[WIDE];

        for (size_t j = 0; j < WIDE; j++)
            value[j] = i ^ (uint64_t)(uintptr_t)name << 32;
        hints_put(&hints, 42, value, sizeof(value));
        if (hints_get(&hints, 42, got, sizeof(got)))
            for (size_t j = 1; j < WIDE; j++)
                mixed += got[j] != got[0];
    }
    return (void *)mixed;
}

static void threads_never_see_halves(void)
{
    pthread_t threads[4];
    void *mixed;

    for (uintptr_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, write_and_read, (void *)i), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], &mixed);
        CU_ASSERT_PTR_NULL(mixed);
    }
}

SUITE(test_hints, CASE(what_was_put_last_is_found_by_key_and_size),
      CASE(of_many_keys_each_finds_its_own_or_nothing),
      CASE(what_was_dropped_is_gone_and_nothing_else), CASE(whose_and_what_make_a_key_together),
      CASE(a_key_is_hashed_with_a_secret), CASE(threads_never_see_halves));
