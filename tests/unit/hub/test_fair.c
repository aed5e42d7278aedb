#include "hub/fair.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "tests/support/suite.h"

/* --- a lane by hand ------------------------------------------------------------------------ */

static const struct share usual = {.weight = MEMBER_WEIGHT,
                                   .waiting = 100,
                                   .running = 100,
                                   .asking = 100};
static struct peer peers[] = {{.member_id = 1}, {.member_id = 2}, {.member_id = 3}};

static struct fair_answer add(struct fair *f, struct exchange *ex, int who, struct share share)
{
    *ex = (struct exchange){.peer = &peers[who]};
    return fair_add(f, ex, &share, US_PER_SECOND);
}

static struct exchange *next(struct fair *f, int64_t worked_us)
{
    struct turn t;

    if (!fair_next(f, &t))
        return NULL;
    fair_done(&t, worked_us);
    return t.exchange;
}

static void drain(struct fair *f)
{
    while (next(f, 1) != NULL)
        ;
    fair_free(f);
}

static void one_flow_is_first_come_first_served(void)
{
    struct fair *f = fair_new(10);
    struct exchange ex[5];

    for (int i = 0; i < 5; i++)
        CU_ASSERT_PTR_NULL(add(f, &ex[i], 0, usual).refused);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_PTR_EQUAL(next(f, 1000), &ex[i]);
    CU_ASSERT_PTR_NULL(next(f, 0));
    fair_free(f);
}

static void who_asks_little_goes_before_who_asks_much(void)
{
    struct fair *f = fair_new(100);
    struct exchange many[50], one;

    for (int i = 0; i < 50; i++)
        add(f, &many[i], 0, usual);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_PTR_EQUAL(next(f, 1000), &many[i]);
    add(f, &one, 1, usual);
    CU_ASSERT_PTR_EQUAL(next(f, 1000), &one);
    drain(f);
}

static void time_not_used_is_not_saved_up(void)
{
    struct fair *f = fair_new(100);
    struct exchange busy[40], back[40];
    int served = 0;

    add(f, &back[0], 1, usual);
    CU_ASSERT_PTR_EQUAL(next(f, 1000), &back[0]); /* then idle, while the other works */
    for (int i = 0; i < 40; i++)
        add(f, &busy[i], 0, usual);
    for (int i = 0; i < 20; i++)
        next(f, 1000);
    for (int i = 0; i < 20; i++)
        add(f, &back[i], 1, usual);
    for (int i = 0; i < 10; i++)
        served += next(f, 1000)->peer == &peers[0];
    CU_ASSERT(served >= 4 && served <= 6);
    drain(f);
}

static void a_cap_on_running_leaves_workers_to_the_others(void)
{
    struct fair *f = fair_new(100);
    struct share capped = usual;
    struct exchange a[3], b;
    struct turn t[3];

    capped.running = 2;
    for (int i = 0; i < 3; i++)
        add(f, &a[i], 0, capped);
    CU_ASSERT(fair_next(f, &t[0]) && fair_next(f, &t[1]));
    CU_ASSERT_FALSE(fair_next(f, &t[2]));
    add(f, &b, 1, capped);
    CU_ASSERT_PTR_EQUAL(next(f, 1), &b);
    fair_done(&t[0], 1);
    CU_ASSERT_PTR_EQUAL(next(f, 1), &a[2]);
    fair_done(&t[1], 1);
    fair_free(f);
}

static void a_cap_on_asking_holds_back_what_is_new_and_not_what_comes_back(void)
{
    struct fair *f = fair_new(100);
    struct share capped = usual;
    struct exchange a[2], b;
    struct turn t;

    capped.asking = 1;
    for (int i = 0; i < 2; i++)
        add(f, &a[i], 0, capped);
    CU_ASSERT(fair_next(f, &t) && t.exchange == &a[0]);
    t.asks = true;
    fair_done(&t, 1);
    CU_ASSERT_PTR_NULL(next(f, 1));
    add(f, &b, 1, capped);
    CU_ASSERT_PTR_EQUAL(next(f, 1), &b);
    a[0].waiting = f;
    fair_return(f, &a[0]);
    CU_ASSERT_PTR_EQUAL(next(f, 1), &a[0]);
    CU_ASSERT_PTR_EQUAL(next(f, 1), &a[1]);
    fair_free(f);
}

static void a_member_at_its_cap_on_waiting_is_refused_and_the_others_are_not(void)
{
    struct fair *f = fair_new(100);
    struct share capped = usual;
    struct exchange a[3], b;
    struct fair_answer answer;

    capped.waiting = 2;
    add(f, &a[0], 0, capped);
    add(f, &a[1], 0, capped);
    answer = add(f, &a[2], 0, capped);
    CU_ASSERT(answer.refused == &a[2] && answer.why == FAIR_MEMBER_FULL);
    CU_ASSERT_PTR_NULL(add(f, &b, 1, capped).refused);
    drain(f);
}

static void in_a_full_lane_who_has_most_gives_up_its_newest(void)
{
    struct fair *f = fair_new(4);
    struct exchange a[5], b, c, d, e;
    struct fair_answer answer;

    for (int i = 0; i < 4; i++)
        add(f, &a[i], 0, usual);
    answer = add(f, &a[4], 0, usual);
    CU_ASSERT(answer.refused == &a[4] && answer.why == FAIR_LANE_FULL);
    answer = add(f, &b, 1, usual);
    CU_ASSERT(answer.refused == &a[3] && answer.why == FAIR_LANE_FULL);
    CU_ASSERT_EQUAL(fair_waiting(f), 4);
    answer = add(f, &c, 1, usual);
    CU_ASSERT_PTR_EQUAL(answer.refused, &a[2]);
    answer = add(f, &d, 2, usual); /* 2 and 2, and nothing of this one's */
    CU_ASSERT(answer.refused == &a[1] || answer.refused == &c);
    answer = add(f, &e, 2, usual);
    CU_ASSERT_PTR_EQUAL(answer.refused, &e);
    drain(f);
}

static void what_had_a_turn_already_is_not_pushed_out(void)
{
    struct fair *f = fair_new(2);
    struct exchange woken[2], b;
    struct turn t[2];

    for (int i = 0; i < 2; i++) {
        add(f, &woken[i], 0, usual);
        fair_next(f, &t[i]);
        t[i].asks = true;
        fair_done(&t[i], 1);
        woken[i].waiting = f;
        fair_return(f, &woken[i]);
    }
    CU_ASSERT_PTR_EQUAL(add(f, &b, 1, usual).refused, &b);
    drain(f);
}

static void one_that_goes_on_comes_first_of_its_flow_even_into_a_full_lane(void)
{
    struct fair *f = fair_new(1);
    struct exchange a, b = {.peer = &peers[0]};

    add(f, &a, 0, usual);
    fair_return(f, &b);
    CU_ASSERT_EQUAL(fair_waiting(f), 2);
    CU_ASSERT_PTR_EQUAL(next(f, 1), &b);
    CU_ASSERT_PTR_EQUAL(next(f, 1), &a);
    fair_free(f);
}

static void more_than_the_rate_is_refused_but_an_acknowledged_sender_is_slowed_down(void)
{
    struct fair *f = fair_new(100);
    struct share slow = usual;
    struct exchange ex[4], message = {.peer = &peers[1], .wire = WIRE_MLLP};
    struct fair_answer answer;

    slow.rate = (struct bucket_rate){2, 2};
    CU_ASSERT_PTR_NULL(add(f, &ex[0], 0, slow).refused);
    CU_ASSERT_PTR_NULL(add(f, &ex[1], 0, slow).refused);
    answer = add(f, &ex[2], 0, slow);
    CU_ASSERT(answer.refused == &ex[2] && answer.why == FAIR_RATE);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_PTR_NULL(fair_add(f, &message, &slow, US_PER_SECOND).refused);
        while (next(f, 1) != NULL)
            ;
    }
    CU_ASSERT_EQUAL(message.rest_us, US_PER_SECOND / 2);
    fair_free(f);
}

static void refusals_are_told_at_a_bounded_rate_and_none_is_forgotten(void)
{
    struct fair *f = fair_new(100);
    struct exchange ex = {.peer = &peers[0]};
    uint64_t told = 0, unsaid = 0;

    for (int i = 0; i < 1000; i++) {
        uint64_t before = 0;

        if (fair_refusal_told(f, &ex, US_PER_SECOND + i * 5000, &before)) {
            told++;
            unsaid += before;
        }
    }
    CU_ASSERT(told >= 16 && told <= 22);
    CU_ASSERT(fair_refusal_told(f, &ex, 100 * US_PER_SECOND, &unsaid));
    CU_ASSERT(unsaid > 0 && unsaid < 1000);
    fair_free(f);
}

/* --- random arrivals at a simulated lane ---------------------------------------------------- */

enum { FLOWS = 6, WORKERS = 4, LIMIT = 64, EVENTS = 20000, LONGEST_US = 20000 };

/* Member 0 floods; the others send one at a time, now and then. */
struct world {
    struct fair *fair;
    struct share shares[FLOWS];
    struct peer peers[FLOWS];
    int waiting[FLOWS], running[FLOWS];
    uint64_t last_served[FLOWS]; /* number of the request, to see the order */
    int64_t worked_us[FLOWS], longest_wait_us[FLOWS];
    struct turn turns[WORKERS];
    int64_t free_at_us[WORKERS]; /* 0: idle */
    int64_t now_us;
    uint64_t numbers;
    unsigned seed;
};

struct job {
    struct exchange exchange;
    int flow;
    uint64_t number;
    int64_t came_us;
};

static int random_below(struct world *w, int n)
{
    return rand_r(&w->seed) % n;
}

static void arrive(struct world *w, int flow)
{
    struct job *job = calloc(1, sizeof(*job));
    struct fair_answer answer;

    job->exchange.peer = &w->peers[flow];
    job->flow = flow;
    job->number = ++w->numbers;
    job->came_us = w->now_us;
    answer = fair_add(w->fair, &job->exchange, &w->shares[flow], w->now_us);
    w->waiting[flow]++;
    if (answer.refused != NULL) {
        struct job *out = (struct job *)answer.refused;

        w->waiting[out->flow]--;
        CU_ASSERT_EQUAL(out->flow, 0); /* nobody pays for the flood but who sends it */
        free(out);
    }
}

/* No worker stays idle unless all that waits is behind its own flow's cap. */
static void check_work_conserving(struct world *w)
{
    for (int i = 0; i < FLOWS; i++)
        CU_ASSERT(w->waiting[i] == 0 || w->running[i] >= (int)w->shares[i].running);
}

static void start(struct world *w, int worker, int64_t work_us)
{
    struct turn *t = &w->turns[worker];
    struct job *job;

    if (!fair_next(w->fair, t)) {
        check_work_conserving(w);
        return;
    }
    job = (struct job *)t->exchange;
    CU_ASSERT(job->number > w->last_served[job->flow]);
    w->last_served[job->flow] = job->number;
    if (w->now_us - job->came_us > w->longest_wait_us[job->flow])
        w->longest_wait_us[job->flow] = w->now_us - job->came_us;
    w->waiting[job->flow]--;
    w->running[job->flow]++;
    w->worked_us[job->flow] += work_us;
    w->free_at_us[worker] = w->now_us + work_us;
    t->began_us = w->now_us;
}

static void finish_what_is_over(struct world *w)
{
    for (int i = 0; i < WORKERS; i++) {
        struct job *job = (struct job *)w->turns[i].exchange;

        if (w->free_at_us[i] == 0 || w->free_at_us[i] > w->now_us)
            continue;
        fair_done(&w->turns[i], w->now_us - w->turns[i].began_us);
        w->running[job->flow]--;
        w->free_at_us[i] = 0;
        free(job);
    }
}

static void staff(struct world *w)
{
    for (int i = 0; i < WORKERS; i++)
        if (w->free_at_us[i] == 0)
            start(w, i, 1 + random_below(w, LONGEST_US));
}

static void world_begin(struct world *w, unsigned seed)
{
    *w = (struct world){.fair = fair_new(LIMIT), .seed = seed, .now_us = US_PER_SECOND};
    for (int i = 0; i < FLOWS; i++) {
        w->peers[i].member_id = i + 1;
        w->shares[i] = (struct share){.weight = MEMBER_WEIGHT,
                                      .waiting = LIMIT,
                                      .running = WORKERS,
                                      .asking = LIMIT};
    }
}

static void world_end(struct world *w)
{
    while (fair_waiting(w->fair) > 0 || w->free_at_us[0] || w->free_at_us[1] || w->free_at_us[2] ||
           w->free_at_us[3]) {
        w->now_us += 1000;
        finish_what_is_over(w);
        staff(w);
    }
    fair_free(w->fair);
}

static void under_a_flood_nobody_starves_and_no_worker_is_idle(void)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct world w;

        world_begin(&w, seed);
        w.shares[0].running = WORKERS - (seed % 2);
        for (int i = 0; i < EVENTS / 20; i++) {
            w.now_us += random_below(&w, 2000);
            finish_what_is_over(&w);
            for (int k = random_below(&w, 8); k > 0; k--)
                arrive(&w, 0);
            for (int flow = 1; flow < FLOWS; flow++)
                if (w.waiting[flow] + w.running[flow] == 0 && random_below(&w, 10) == 0)
                    arrive(&w, flow);
            staff(&w);
        }
        /* A worker is free after the longest request; the others that ask little may be before. */
        for (int flow = 1; flow < FLOWS; flow++)
            CU_ASSERT(w.longest_wait_us[flow] <= 2 * LONGEST_US + 2000);
        CU_ASSERT(w.worked_us[0] > 0);
        world_end(&w);
    }
}

static void who_always_has_work_gets_time_by_weight(void)
{
    static const int64_t weights[FLOWS] = {100, 200, 50, 100, 100, 100};
    struct world w;
    int64_t all = 0, weight = 0;

    world_begin(&w, 7);
    for (int i = 0; i < FLOWS; i++) {
        w.shares[i].weight = weights[i];
        weight += weights[i];
    }
    for (int i = 0; i < EVENTS; i++) {
        w.now_us += 1000;
        finish_what_is_over(&w);
        for (int flow = 0; flow < FLOWS; flow++)
            while (w.waiting[flow] < 8)
                arrive(&w, flow);
        staff(&w);
    }
    for (int i = 0; i < FLOWS; i++)
        all += w.worked_us[i];
    for (int i = 0; i < FLOWS; i++) {
        int64_t due = all * weights[i] / weight;

        CU_ASSERT(llabs(w.worked_us[i] - due) < due / 20);
    }
    world_end(&w);
}

SUITE(test_fair, CASE(one_flow_is_first_come_first_served),
      CASE(who_asks_little_goes_before_who_asks_much), CASE(time_not_used_is_not_saved_up),
      CASE(a_cap_on_running_leaves_workers_to_the_others),
      CASE(a_cap_on_asking_holds_back_what_is_new_and_not_what_comes_back),
      CASE(a_member_at_its_cap_on_waiting_is_refused_and_the_others_are_not),
      CASE(in_a_full_lane_who_has_most_gives_up_its_newest),
      CASE(what_had_a_turn_already_is_not_pushed_out),
      CASE(one_that_goes_on_comes_first_of_its_flow_even_into_a_full_lane),
      CASE(more_than_the_rate_is_refused_but_an_acknowledged_sender_is_slowed_down),
      CASE(refusals_are_told_at_a_bounded_rate_and_none_is_forgotten),
      CASE(under_a_flood_nobody_starves_and_no_worker_is_idle),
      CASE(who_always_has_work_gets_time_by_weight));
