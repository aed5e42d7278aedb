/* What people judged, as pairs to learn m from (mpi_train_labelled).
 *
 * A word counts while it holds: two records that a steward keeps apart; a record that a steward
 * placed with a person, and those it found there; a review that found two records to be one
 * person's. Their evidence is what the core sees today in the inputs of the newest decision that
 * compared them. Words of people alone would teach what doubtful pairs look like and not what
 * pairs of one person do: what the algorithm linked by itself, and nobody has contradicted,
 * stands beside them.
 *
 * Reads on a connection of its own, outside of any transaction. */
#pragma once

#include "mpi/core/train.h"
#include "mpi/replay.h"

struct progress;

struct mpi_judged {
    struct mpi_labelled *pairs;
    size_t count;
    size_t same, different; /* of them by people; the rest was auto-linked */
    size_t unseen;          /* pairs judged that none of these decisions compared */
};

/* From the newest `limit` decisions, made again by `model`. The pairs lie on `keep`; rq->arena is
 * another one, reset from page to page. */
enum status mpi_judged_collect(struct request *rq, const struct mpi_model *model, uint64_t limit,
                               struct arena *keep, struct progress *progress,
                               struct mpi_judged *out) MUST_CHECK;
