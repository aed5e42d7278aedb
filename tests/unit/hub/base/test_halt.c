/* Background threads go on until they are asked to stop, and hear it while they pause. */
#include "hub/base/clock.h"
#include "hub/base/halt.h"
#include "tests/support/suite.h"

#define LONG_US (3600 * US_PER_SECOND)

static void *pause_long(void *p)
{
    return halt_pause(p, LONG_US) ? p : NULL;
}

static void a_pause_that_is_over_says_to_go_on(void)
{
    struct halt h;
    int64_t began = clock_monotonic_us();

    halt_init(&h);
    CU_ASSERT_TRUE(halt_pause(&h, 2000));
    CU_ASSERT(clock_monotonic_us() - began >= 2000);
    CU_ASSERT_FALSE(halt_asked(&h));
}

static void all_that_pause_are_woken_when_asked_and_never_pause_again(void)
{
    pthread_t threads[3];
    struct halt h;
    void *said;

    halt_init(&h);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, pause_long, &h), 0);
    halt_ask(&h);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &said);
        CU_ASSERT_PTR_NULL(said);
    }
    CU_ASSERT_TRUE(halt_asked(&h));
    CU_ASSERT_FALSE(halt_pause(&h, LONG_US));
}

SUITE(test_halt, CASE(a_pause_that_is_over_says_to_go_on),
      CASE(all_that_pause_are_woken_when_asked_and_never_pause_again));
