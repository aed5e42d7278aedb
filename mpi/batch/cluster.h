/* Pairs -> people, without a chain of resemblances.
 *
 * Records are joined step by step, the two groups that belong together most first. How much two
 * groups belong together is halfway between their best pair and the average of all their pairs,
 * where a pair that shares nothing counts against them: one bridge does not join two crowds. Each
 * join has a height, at most that of the joins below it, so cutting at a threshold gives the people
 * at that threshold. The result depends on the pairs alone, not on their order. */
#pragma once

#include "mpi/batch/link.h"

struct cluster_options {
    double least;  /* joins below this height (bits) are not made */
    bool guarded;  /* groups are joined only by a pair without a doubt, and never over a conflict */
    double margin; /* with guarded: bits by which a join must lead over one that excludes it */
};

/* Two groups are joined; their records in ascending order of joining. */
typedef void cluster_join(void *context, const uint32_t *a, size_t a_count, const uint32_t *b,
                          size_t b_count, double height);

/* Calls join for every join, within each group of connected records from the highest to the lowest.
 * `records` is how many there are. */
void cluster_pairs(const struct link_pair *pairs, size_t count, size_t records,
                   const struct cluster_options *o, cluster_join *join, void *context);

enum { CLUSTER_STRANGERS = -12 }; /* bits of a pair that was not worth keeping */
