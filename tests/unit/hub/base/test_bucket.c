#include "hub/base/bucket.h"

#include "hub/base/clock.h"
#include "tests/support/suite.h"

#define START (1000 * US_PER_SECOND)

static const struct bucket_rate TEN = {10, 3};

static void a_burst_passes_and_then_so_many_a_second(void)
{
    struct bucket b = {0};
    int passed = 0;

    for (int i = 0; i < 5; i++)
        passed += bucket_take(&b, START, TEN);
    CU_ASSERT_EQUAL(passed, 3);
    for (int i = 1; i <= 1000; i++) /* a second in steps of a thousandth */
        passed += bucket_take(&b, START + i * 1000, TEN);
    CU_ASSERT_EQUAL(passed, 13);
}

static void what_is_refused_costs_nothing(void)
{
    struct bucket b = {0};

    for (int i = 0; i < 1000; i++)
        (void)bucket_take(&b, START, TEN);
    CU_ASSERT(bucket_take(&b, START + US_PER_SECOND / 10, TEN));
}

static void idle_time_gives_no_more_than_the_burst(void)
{
    struct bucket b = {0};
    int passed = 0;

    CU_ASSERT(bucket_take(&b, START, TEN));
    for (int i = 0; i < 10; i++)
        passed += bucket_take(&b, START + 3600 * US_PER_SECOND, TEN);
    CU_ASSERT_EQUAL(passed, 3);
}

static void a_debt_is_paid_by_waiting(void)
{
    struct bucket b = {0};

    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(bucket_owe(&b, START, TEN), 0);
    CU_ASSERT_EQUAL(bucket_owe(&b, START, TEN), US_PER_SECOND / 10);
    CU_ASSERT_EQUAL(bucket_owe(&b, START, TEN), US_PER_SECOND / 5);
    CU_ASSERT_FALSE(bucket_take(&b, START + US_PER_SECOND / 5, TEN));
    CU_ASSERT(bucket_take(&b, START + 3 * US_PER_SECOND / 10, TEN));
}

static void without_a_rate_everything_passes(void)
{
    struct bucket b = {0};

    for (int i = 0; i < 1000; i++) {
        CU_ASSERT(bucket_take(&b, START, (struct bucket_rate){0, 0}));
        CU_ASSERT_EQUAL(bucket_owe(&b, START, (struct bucket_rate){0, 0}), 0);
    }
}

SUITE(test_bucket, CASE(a_burst_passes_and_then_so_many_a_second),
      CASE(what_is_refused_costs_nothing), CASE(idle_time_gives_no_more_than_the_burst),
      CASE(a_debt_is_paid_by_waiting), CASE(without_a_rate_everything_passes));
