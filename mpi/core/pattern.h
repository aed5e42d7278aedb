/* Pairs by their pattern of levels: training runs over some thousand patterns instead of millions
 * of pairs. Counts are whole numbers, so threads change nothing. Internal to training. */
#pragma once

#include "mpi/core/sample.h"

struct mpi_pattern {
    uint64_t pattern; /* mpi_vector_pattern */
    double count;
};

struct mpi_patterns {
    struct mpi_pattern *list; /* malloc'd, ascending */
    size_t count;
    double pairs; /* sum of the counts */
};

struct mpi_patterns mpi_patterns_count(const struct mpi_corpus *c, const struct mpi_pairs *pairs,
                                       int threads);

static inline int mpi_pattern_level(uint64_t pattern, int comparison)
{
    return (int)(pattern >> (4 * comparison) & 15);
}
