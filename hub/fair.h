/* Whose request is next: those that wait in one lane, and the order in which workers get them.
 * Pure: no lock, no clock (hub/queue.h has both).
 *
 * Every member has a flow of its own, first come, first served. A free worker takes from the flow
 * that has used least of the workers' time, by its weight. So who asks much, or what takes long,
 * waits behind itself; who asks little is next. Time not used is not saved up: a flow that was
 * empty stands beside the others when it comes back (start-time fair queueing, Goyal, Vin and
 * Cheng, SIGCOMM 1996).
 *
 * Four caps: requests a second; requests at workers, so that a worker is left for who comes next;
 * requests that wait for a worker; and such as wait for other communities' answers meanwhile. When
 * the lane is full, whoever has most waiting gives up its newest one. */
#pragma once

#include "hub/base/bucket.h"
#include "hub/member.h"
#include "hub/net/exchange.h"

/* What the member at the other end (exchange.peer) may have of a lane. Caps are at least 1. */
struct share {
    char name[65];
    int64_t weight; /* of the workers' time, beside the others': twice as much has twice as much */
    size_t waiting, running, asking;
    struct bucket_rate rate;
};

enum fair_refusal { FAIR_RATE, FAIR_MEMBER_FULL, FAIR_LANE_FULL, FAIR_REFUSALS };

/* The answer to a request that came. */
struct fair_answer {
    struct exchange *refused; /* the one that came, another's that it pushed out, or NULL */
    enum fair_refusal why;
};

struct flow;

/* A request that a worker has. */
struct turn {
    struct exchange *exchange;
    struct flow *flow;
    int64_t charged_us; /* what its flow was charged for it so far */
    int64_t began_us;   /* hub/queue.c's */
    bool asks;          /* set by the worker: it is not over, and comes back by fair_return */
};

struct fair;

struct fair *fair_new(size_t limit); /* of requests that wait, all flows together */
void fair_free(struct fair *f);      /* without any by then */

/* For its rate an HTTP request is refused. A sender that waits for acknowledgements (MLLP) is
 * slowed down instead: what came is taken, and its connection rests (exchange.rest_us). */
struct fair_answer fair_add(struct fair *f, struct exchange *ex, const struct share *share,
                            int64_t now_us);
/* One that had its turn and has to go on: to the front of its flow, above all caps but `running`.
 */
void fair_return(struct fair *f, struct exchange *ex);
/* False: nothing waits, or only what its flow's cap on running holds back. */
bool fair_next(struct fair *f, struct turn *t);
/* The turn is over, after so much of a worker's time. */
void fair_done(const struct turn *t, int64_t worked_us);
size_t fair_waiting(const struct fair *f);

/* Records of refusals are bounded: one a second for each member, and a few at once. True: this one
 * shall be recorded, and *unsaid others before it were not. */
bool fair_refusal_told(struct fair *f, const struct exchange *ex, int64_t now_us, uint64_t *unsaid);

/* Of one flow, since the start. */
struct flow_figures {
    char name[65];
    size_t waiting, running, asking;
    int64_t worked_us;
    uint64_t refused[FAIR_REFUSALS];
};
struct flow_figures *fair_figures(const struct fair *f, struct arena *a, size_t *count);
