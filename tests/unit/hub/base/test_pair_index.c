#include "hub/base/pair_index.h"

#include "hub/base/arena.h"
#include "tests/support/suite.h"

static void a_number_is_found_by_both_keys(void)
{
    struct arena a;
    struct pair_index x;

    arena_init(&a);
    x = pair_index_on(&a, 0);
    CU_ASSERT_EQUAL(pair_index_put(&x, 1, 2, 7), 7);
    CU_ASSERT_EQUAL(pair_index_put(&x, 2, 1, 8), 8);
    CU_ASSERT_EQUAL(pair_index_find(&x, 1, 2), 7);
    CU_ASSERT_EQUAL(pair_index_find(&x, 2, 1), 8);
    CU_ASSERT_EQUAL(pair_index_find(&x, 1, 1), PAIR_NONE);
    arena_dispose(&a);
}

static void the_first_of_equal_keys_stays(void)
{
    struct arena a;
    struct pair_index x;

    arena_init(&a);
    x = pair_index_on(&a, 1);
    CU_ASSERT_EQUAL(pair_index_put(&x, 5, 5, 0), 0);
    CU_ASSERT_EQUAL(pair_index_put(&x, 5, 5, 1), 0);
    CU_ASSERT_EQUAL(x.n, 1);
    arena_dispose(&a);
}

static void it_grows_and_keeps_all(void)
{
    struct arena a;
    struct pair_index x;
    size_t wrong = 0;

    arena_init(&a);
    x = pair_index_on(&a, 0);
    for (size_t i = 0; i < 100000; i++)
        wrong += pair_index_put(&x, (int64_t)(i % 300) - 150, (int64_t)i, i) != i;
    for (size_t i = 0; i < 100000; i++)
        wrong += pair_index_find(&x, (int64_t)(i % 300) - 150, (int64_t)i) != i;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(pair_index_find(&x, 0, 100000), PAIR_NONE);
    arena_dispose(&a);
}

static void an_empty_one_finds_nothing(void)
{
    struct pair_index x = {0};

    CU_ASSERT_EQUAL(pair_index_find(&x, 0, 0), PAIR_NONE);
    CU_ASSERT_EQUAL(pair_index_find_uuid(&x, (struct uuid){0}), PAIR_NONE);
}

static void a_uuid_is_found_by_all_its_bytes(void)
{
    struct uuid one = {{1}}, other = {{1}};
    struct arena a;
    struct pair_index x;

    other.b[15] = 1;
    arena_init(&a);
    x = pair_index_on(&a, 2);
    CU_ASSERT_EQUAL(pair_index_put_uuid(&x, one, 0), 0);
    CU_ASSERT_EQUAL(pair_index_put_uuid(&x, other, 1), 1);
    CU_ASSERT_EQUAL(pair_index_find_uuid(&x, one), 0);
    CU_ASSERT_EQUAL(pair_index_find_uuid(&x, other), 1);
    arena_dispose(&a);
}

static void a_text_is_found_by_all_of_it(void)
{
    struct arena a;
    struct pair_index x;
    size_t wrong = 0;

    arena_init(&a);
    x = pair_index_on(&a, 0);
    for (size_t i = 0; i < 10000; i++)
        wrong += pair_index_put_text(&x, str_printf(&a, "1.2.%zu", i), i) != i;
    for (size_t i = 0; i < 10000; i++)
        wrong += pair_index_find_text(&x, str_printf(&a, "1.2.%zu", i)) != i;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(pair_index_put_text(&x, STR("1.2.7"), 10000), 7);
    CU_ASSERT_EQUAL(pair_index_find_text(&x, STR("1.2.")), PAIR_NONE);
    CU_ASSERT_EQUAL(pair_index_find_text(&x, STR_NONE), PAIR_NONE);
    arena_dispose(&a);
}

/* These fell into one slot of the hash that had no key: each look-up went through all of them. */
static void keys_cannot_be_chosen_so_that_they_fall_together(void)
{
    enum { MANY = 20000 };
    struct arena a;
    struct pair_index x;
    size_t longest = 0, run = 0;

    arena_init(&a);
    x = pair_index_on(&a, MANY);
    for (size_t i = 0; i < MANY; i++) {
        int64_t other = (int64_t)i;

        (void)pair_index_put(&x, (int64_t)((uint64_t)other * 0x9e3779b97f4a7c15u), other, i);
    }
    for (size_t i = 0; i < x.slot_count; i++) {
        run = x.slots[i].number != 0 ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    CU_ASSERT(longest < 500);
    arena_dispose(&a);
}

SUITE(test_pair_index, CASE(a_number_is_found_by_both_keys), CASE(the_first_of_equal_keys_stays),
      CASE(it_grows_and_keeps_all), CASE(an_empty_one_finds_nothing),
      CASE(a_uuid_is_found_by_all_its_bytes), CASE(a_text_is_found_by_all_of_it),
      CASE(keys_cannot_be_chosen_so_that_they_fall_together));
