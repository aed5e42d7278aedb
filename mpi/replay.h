/* Decisions made again from their stored inputs: they must come out the same. And made by another
 * model (shadow scoring): how would it have decided?
 *
 * Reads page by page on a connection of its own, outside of any transaction: a decision never
 * changes, nor does what it rested on. */
#pragma once

#include "mpi/decision.h"

/* What was made again, and whether it is what was stored. */
struct mpi_replayed {
    struct mpi_decision made;
    const char *differs; /* NULL: nothing; else "outcome", "person", "reasons", "weight", "vector",
                            or "gone": a version that it rested on is not there */
};

enum status mpi_replay_one(struct request *rq, struct mpi_coding *c, const struct mpi_decided *d,
                           struct mpi_replayed *out) MUST_CHECK;

/* For each decision in turn, in the order of places. `d` and what it points to live until the next
 * page. A status other than OK stops. */
typedef enum status (*mpi_decision_visitor)(struct request *rq, const struct mpi_decided *d,
                                            void *p);

/* All decisions, filled, or the newest `limit` (0: all); rq->arena is reset from page to page, and
 * rq->db attached to it. */
enum status mpi_decisions_visit(struct request *rq, uint64_t limit, mpi_decision_visitor visit,
                                void *p) MUST_CHECK;
