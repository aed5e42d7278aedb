#include "hub/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/support/suite.h"

static void a_full_queue_refuses_and_keeps_order(void)
{
    struct queue *q = queue_new(2);
    struct exchange a = {0}, b = {0}, c = {0};

    CU_ASSERT(queue_push(q, &a) && queue_push(q, &b));
    CU_ASSERT_FALSE(queue_push(q, &c));
    CU_ASSERT_PTR_EQUAL(queue_pop(q), &a);
    CU_ASSERT(queue_push(q, &c));
    CU_ASSERT_PTR_EQUAL(queue_pop(q), &b);
    CU_ASSERT_PTR_EQUAL(queue_pop(q), &c);
    queue_free(q);
}

static void a_closed_queue_gives_what_it_holds_and_then_nothing(void)
{
    struct queue *q = queue_new(2);
    struct exchange a = {0}, b = {0};

    CU_ASSERT(queue_push(q, &a));
    queue_close(q);
    CU_ASSERT_FALSE(queue_push(q, &b));
    CU_ASSERT_PTR_EQUAL(queue_pop(q), &a);
    CU_ASSERT_PTR_NULL(queue_pop(q));
    queue_free(q);
}

static void one_that_goes_on_comes_first_even_into_a_full_or_closed_queue(void)
{
    struct queue *q = queue_new(1);
    struct exchange a = {0}, b = {0};

    CU_ASSERT(queue_push(q, &a));
    queue_close(q);
    queue_return(q, &b);
    CU_ASSERT_EQUAL(queue_length(q), 2);
    CU_ASSERT_PTR_EQUAL(queue_pop(q), &b);
    CU_ASSERT_PTR_EQUAL(queue_pop(q), &a);
    CU_ASSERT_PTR_NULL(queue_pop(q));
    queue_free(q);
}

static void *take_all(void *p)
{
    size_t *taken;
    struct queue *q = p;

    taken = calloc(1, sizeof(*taken));
    while (queue_pop(q) != NULL)
        (*taken)++;
    return taken;
}

static void each_exchange_goes_to_one_worker(void)
{
    enum { COUNT = 10000, WORKERS = 4 };
    static struct exchange items[COUNT];
    struct queue *q = queue_new(COUNT);
    pthread_t threads[WORKERS];
    size_t total = 0;

    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, take_all, q);
    for (int i = 0; i < COUNT; i++)
        CU_ASSERT(queue_push(q, &items[i]));
    queue_close(q);
    for (int i = 0; i < WORKERS; i++) {
        void *taken;

        pthread_join(threads[i], &taken);
        total += *(size_t *)taken;
        free(taken);
    }
    CU_ASSERT_EQUAL(total, COUNT);
    queue_free(q);
}

SUITE(test_queue, CASE(a_full_queue_refuses_and_keeps_order),
      CASE(a_closed_queue_gives_what_it_holds_and_then_nothing),
      CASE(one_that_goes_on_comes_first_even_into_a_full_or_closed_queue),
      CASE(each_exchange_goes_to_one_worker));
