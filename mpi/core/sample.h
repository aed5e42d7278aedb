/* Pairs to learn from. Which ones are taken depends on the records' content and the seed, never on
 * their order. Internal to training; who calls frees. */
#pragma once

#include "mpi/core/train.h"

struct mpi_pair {
    uint32_t a, b;
};

struct mpi_pairs {
    struct mpi_pair *list; /* malloc'd */
    size_t count;
    double taken; /* share of all such pairs that is here */
};

/* Record numbers sorted by content. */
uint32_t *mpi_sample_order(const struct mpi_corpus *c);

/* At most `cap` pairs of any two records, with replacement; all of them when they are no more. */
struct mpi_pairs mpi_sample_random(const struct mpi_corpus *c, const uint32_t *order, uint64_t seed,
                                   size_t cap);
/* Pairs that share a key of the rule, at most about `cap`: whole keys, those whose hash the seed
 * chooses; of crowded keys a part. */
struct mpi_pairs mpi_sample_block(const struct mpi_corpus *c, const uint32_t *order,
                                  enum mpi_block_rule rule, uint64_t seed, size_t cap);
