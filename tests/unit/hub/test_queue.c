#include "hub/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/suite.h"

static const struct share usual = {.weight = MEMBER_WEIGHT,
                                   .waiting = SIZE_MAX,
                                   .running = SIZE_MAX,
                                   .asking = PTRDIFF_MAX};
static struct peer peer;

static bool push(struct queue *q, struct exchange *ex)
{
    ex->peer = &peer;
    return queue_push(q, ex, &usual).refused == NULL;
}

static void a_full_queue_refuses_and_keeps_order(void)
{
    struct queue *q = queue_new(2);
    struct exchange a = {0}, b = {0}, c = {0};
    struct turn t = {0};

    CU_ASSERT(push(q, &a) && push(q, &b));
    CU_ASSERT_FALSE(push(q, &c));
    CU_ASSERT(queue_next(q, &t) && t.exchange == &a);
    CU_ASSERT(push(q, &c));
    CU_ASSERT(queue_next(q, &t) && t.exchange == &b);
    CU_ASSERT(queue_next(q, &t) && t.exchange == &c);
    queue_free(q);
}

static void a_closed_queue_gives_what_it_holds_and_then_nothing(void)
{
    struct queue *q = queue_new(2);
    struct exchange a = {0}, b = {0};
    struct turn t = {0};

    CU_ASSERT(push(q, &a));
    queue_close(q);
    CU_ASSERT_FALSE(push(q, &b));
    CU_ASSERT(queue_next(q, &t) && t.exchange == &a);
    CU_ASSERT_FALSE(queue_next(q, &t));
    queue_free(q);
}

static void one_that_goes_on_is_taken_into_a_closed_queue(void)
{
    struct queue *q = queue_new(1);
    struct exchange a = {0};
    struct turn t = {0};

    CU_ASSERT(push(q, &a));
    CU_ASSERT(queue_next(q, &t));
    queue_close(q);
    queue_return(q, &a);
    CU_ASSERT(queue_next(q, &t) && t.exchange == &a);
    CU_ASSERT_FALSE(queue_next(q, &t));
    queue_free(q);
}

static void *take_all(void *p)
{
    size_t *taken;
    struct queue *q = p;
    struct turn t = {0};

    taken = calloc(1, sizeof(*taken));
    while (queue_next(q, &t))
        (*taken)++;
    return taken;
}

enum { COUNT = 10000, WORKERS = 4 };

/* All of them are served, by whoever; the workers end when the queue is closed and empty. */
static void serve(struct queue *q, struct exchange *items, const struct share *share)
{
    pthread_t threads[WORKERS];
    size_t total = 0;

    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, take_all, q);
    for (int i = 0; i < COUNT; i++) {
        items[i].peer = &peer;
        CU_ASSERT_PTR_NULL(queue_push(q, &items[i], share).refused);
    }
    queue_close(q);
    for (int i = 0; i < WORKERS; i++) {
        void *taken;

        pthread_join(threads[i], &taken);
        total += *(size_t *)taken;
        free(taken);
    }
    CU_ASSERT_EQUAL(total, COUNT);
}

static void each_exchange_goes_to_one_worker(void)
{
    static struct exchange items[COUNT];
    struct queue *q = queue_new(COUNT);

    serve(q, items, &usual);
    queue_free(q);
}

static void workers_that_wait_behind_a_cap_go_on_and_come_to_an_end(void)
{
    static struct exchange items[COUNT];
    struct queue *q = queue_new(COUNT);
    struct share one = usual;

    one.running = 1;
    serve(q, items, &one);
    queue_free(q);
}

SUITE(test_queue, CASE(a_full_queue_refuses_and_keeps_order),
      CASE(a_closed_queue_gives_what_it_holds_and_then_nothing),
      CASE(one_that_goes_on_is_taken_into_a_closed_queue), CASE(each_exchange_goes_to_one_worker),
      CASE(workers_that_wait_behind_a_cap_go_on_and_come_to_an_end));
