#include "hub/base/str.h"

#include "hub/base/arena.h"
#include "tests/support/suite.h"

static void cut_visits_every_field_empty_ones_included(void)
{
    struct str rest = STR("a||b|");
    const struct str wanted[] = {STR("a"), STR(""), STR("b"), STR("")};
    size_t i = 0;

    while (rest.p != NULL)
        CHECK_STR(str_cut(&rest, '|'), wanted[i++]);
    CU_ASSERT_EQUAL(i, 4);
}

static void numbers_are_digits_only_and_do_not_overflow(void)
{
    uint64_t v;

    CU_ASSERT(str_to_u64(STR("18446744073709551615"), &v) && v == UINT64_MAX);
    CU_ASSERT_FALSE(str_to_u64(STR("18446744073709551616"), &v));
    CU_ASSERT_FALSE(str_to_u64(STR("+5"), &v));
    CU_ASSERT_FALSE(str_to_u64(STR(" 5"), &v));
    CU_ASSERT_FALSE(str_to_u64(STR(""), &v));
}

static void a_buffer_grows_and_stays_terminated(void)
{
    struct arena a;
    struct strbuf b;

    arena_init(&a);
    b = strbuf_on(&a, 1);
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&b, "%d,", i);
    CU_ASSERT(str_starts(strbuf_str(&b), STR("0,1,2,3,")));
    CU_ASSERT(str_ends(strbuf_str(&b), STR("998,999,")));
    CU_ASSERT_EQUAL(b.p[b.n], '\0');
    arena_dispose(&a);
}

static int cleanups[2], cleanup_count;

static void note_cleanup(void *p)
{
    cleanups[cleanup_count++] = *(int *)p;
}

static void an_arena_cleans_up_newest_first(void)
{
    struct arena a;
    int one = 1, two = 2;

    arena_init(&a);
    arena_defer(&a, note_cleanup, &one);
    arena_defer(&a, note_cleanup, &two);
    arena_reset(&a);
    CU_ASSERT(cleanup_count == 2 && cleanups[0] == 2 && cleanups[1] == 1);
    arena_dispose(&a);
    CU_ASSERT_EQUAL(cleanup_count, 2);
}

SUITE(test_str, CASE(cut_visits_every_field_empty_ones_included),
      CASE(numbers_are_digits_only_and_do_not_overflow), CASE(a_buffer_grows_and_stays_terminated),
      CASE(an_arena_cleans_up_newest_first));
