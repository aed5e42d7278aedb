#include "hub/fair.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"

enum { BUCKETS = 256 };

/* Of the records of one member's refusals. */
static const struct bucket_rate TOLD = {1, 16};

struct flow {
    struct flow *next;                     /* of its bucket; a flow stays: members are few */
    struct flow *ready_next, **ready_link; /* of the flows in which something waits */
    int64_t member;
    struct share share;
    struct exchange *first, *last;
    size_t waiting, running;
    ptrdiff_t asking;   /* one that comes back at once is counted out before it is counted in */
    int64_t used_us;    /* of the workers' time, by weight: the order of the flows */
    int64_t typical_us; /* of one turn: what is charged before it is known */
    struct bucket rate, told;
    uint64_t unsaid;
    int64_t worked_us;
    uint64_t refused[FAIR_REFUSALS];
};

struct fair {
    size_t limit, waiting;
    size_t flows;
    int64_t clock_us;   /* used_us of the flow that was served last, or more */
    struct flow *ready; /* in no order */
    struct flow *buckets[BUCKETS];
};

struct fair *fair_new(size_t limit)
{
    struct fair *f = calloc(1, sizeof(*f));

    must(f != NULL, "out of memory");
    f->limit = limit;
    return f;
}

void fair_free(struct fair *f)
{
    must(f->waiting == 0, "a lane ends with requests in it");
    for (size_t i = 0; i < BUCKETS; i++)
        while (f->buckets[i] != NULL) {
            struct flow *over = f->buckets[i];

            f->buckets[i] = over->next;
            free(over);
        }
    free(f);
}

static struct flow *flow_of(struct fair *f, const struct exchange *ex)
{
    int64_t member = ex->peer->member_id;
    struct flow **place = &f->buckets[(uint64_t)member % BUCKETS];

    while (*place != NULL && (*place)->member != member)
        place = &(*place)->next;
    if (*place == NULL) {
        *place = calloc(1, sizeof(**place));
        must(*place != NULL, "out of memory");
        (*place)->member = member;
        f->flows++;
    }
    return *place;
}

/* --- the lists ----------------------------------------------------------------------------- */

/* Something waits in the flow from now on. */
static void make_ready(struct fair *f, struct flow *flow)
{
    if (flow->used_us < f->clock_us)
        flow->used_us = f->clock_us;
    flow->ready_next = f->ready;
    flow->ready_link = &f->ready;
    if (f->ready != NULL)
        f->ready->ready_link = &flow->ready_next;
    f->ready = flow;
}

static void count_in(struct fair *f, struct flow *flow)
{
    if (flow->waiting++ == 0)
        make_ready(f, flow);
    f->waiting++;
}

static void count_out(struct fair *f, struct flow *flow)
{
    f->waiting--;
    if (--flow->waiting > 0)
        return;
    *flow->ready_link = flow->ready_next;
    if (flow->ready_next != NULL)
        flow->ready_next->ready_link = flow->ready_link;
}

static void append(struct fair *f, struct flow *flow, struct exchange *ex)
{
    ex->next = NULL;
    if (flow->first == NULL)
        flow->first = ex;
    else
        flow->last->next = ex;
    flow->last = ex;
    count_in(f, flow);
}

static struct exchange *take_first(struct fair *f, struct flow *flow)
{
    struct exchange *ex = flow->first;

    flow->first = ex->next;
    ex->next = NULL;
    count_out(f, flow);
    return ex;
}

/* Of two or more. */
static struct exchange *take_newest(struct fair *f, struct flow *flow)
{
    struct exchange *newest = flow->last, *before = flow->first;

    while (before->next != newest)
        before = before->next;
    before->next = NULL;
    flow->last = before;
    count_out(f, flow);
    return newest;
}

/* --- coming in ----------------------------------------------------------------------------- */

static struct flow *longest(const struct fair *f)
{
    struct flow *most = f->ready;

    for (struct flow *flow = f->ready; flow != NULL; flow = flow->ready_next)
        if (flow->waiting > most->waiting)
            most = flow;
    return most;
}

static struct fair_answer refuse(struct flow *flow, struct exchange *ex, enum fair_refusal why)
{
    flow->refused[why]++;
    return (struct fair_answer){.refused = ex, .why = why};
}

/* Place in a full lane: at the cost of the flow that would still have more than this one. What had
 * a turn already (exchange.waiting) is not pushed out. */
static struct fair_answer push_out(struct fair *f, struct flow *flow, struct exchange *ex)
{
    struct flow *rich = longest(f);

    if (rich->waiting < flow->waiting + 2 || rich->last->waiting != NULL)
        return refuse(flow, ex, FAIR_LANE_FULL);
    append(f, flow, ex);
    return refuse(rich, take_newest(f, rich), FAIR_LANE_FULL);
}

struct fair_answer fair_add(struct fair *f, struct exchange *ex, const struct share *share,
                            int64_t now_us)
{
    struct flow *flow = flow_of(f, ex);

    flow->share = *share;
    if (ex->wire != WIRE_HTTP)
        ex->rest_us = bucket_owe(&flow->rate, now_us, share->rate);
    else if (!bucket_take(&flow->rate, now_us, share->rate))
        return refuse(flow, ex, FAIR_RATE);
    if (flow->waiting >= share->waiting)
        return refuse(flow, ex, FAIR_MEMBER_FULL);
    if (f->waiting >= f->limit)
        return push_out(f, flow, ex);
    append(f, flow, ex);
    return (struct fair_answer){0};
}

void fair_return(struct fair *f, struct exchange *ex)
{
    struct flow *flow = flow_of(f, ex);

    flow->asking--;
    ex->next = flow->first;
    flow->first = ex;
    if (ex->next == NULL)
        flow->last = ex;
    count_in(f, flow);
}

/* --- going out ----------------------------------------------------------------------------- */

static void charge(struct flow *flow, int64_t us)
{
    flow->used_us += us * MEMBER_WEIGHT / flow->share.weight;
}

/* May its next request go to a worker? One that comes back with its answers may in any case, as far
 * as those are concerned. */
static bool may_go(const struct flow *flow)
{
    return flow->running < flow->share.running &&
           (flow->asking < (ptrdiff_t)flow->share.asking || flow->first->waiting != NULL);
}

/* The flow that has used least, of those that may have one more at work. */
static struct flow *neediest(const struct fair *f)
{
    struct flow *least = NULL;

    for (struct flow *flow = f->ready; flow != NULL; flow = flow->ready_next)
        if (may_go(flow) && (least == NULL || flow->used_us < least->used_us))
            least = flow;
    return least;
}

bool fair_next(struct fair *f, struct turn *t)
{
    struct flow *flow = neediest(f);

    if (flow == NULL)
        return false;
    if (f->clock_us < flow->used_us)
        f->clock_us = flow->used_us;
    *t = (struct turn){.exchange = take_first(f, flow), .flow = flow};
    t->charged_us = flow->typical_us;
    charge(flow, t->charged_us);
    flow->running++;
    return true;
}

void fair_done(const struct turn *t, int64_t worked_us)
{
    struct flow *flow = t->flow;

    must(flow->running > 0, "a turn ends once");
    flow->running--;
    flow->asking += t->asks;
    flow->worked_us += worked_us;
    charge(flow, worked_us - t->charged_us);
    flow->typical_us += (worked_us - flow->typical_us) / 8;
}

size_t fair_waiting(const struct fair *f)
{
    return f->waiting;
}

/* --- what is told -------------------------------------------------------------------------- */

bool fair_refusal_told(struct fair *f, const struct exchange *ex, int64_t now_us, uint64_t *unsaid)
{
    struct flow *flow = flow_of(f, ex);

    if (!bucket_take(&flow->told, now_us, TOLD)) {
        flow->unsaid++;
        return false;
    }
    *unsaid = flow->unsaid;
    flow->unsaid = 0;
    return true;
}

struct flow_figures *fair_figures(const struct fair *f, struct arena *a, size_t *count)
{
    struct flow_figures *all = ARENA_ARRAY(a, f->flows, struct flow_figures);
    size_t n = 0;

    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct flow *flow = f->buckets[i]; flow != NULL; flow = flow->next) {
            struct flow_figures *out = &all[n++];

            memcpy(out->name, flow->share.name, sizeof(out->name));
            out->waiting = flow->waiting;
            out->running = flow->running;
            out->asking = flow->asking > 0 ? (size_t)flow->asking : 0;
            out->worked_us = flow->worked_us;
            memcpy(out->refused, flow->refused, sizeof(out->refused));
        }
    *count = n;
    return all;
}
