/* Training: records -> a model. Unsupervised (lambda from deterministic rules, u from random pairs,
 * m by expectation maximisation over pairs that share a key), or m from pairs that people judged.
 *
 * The result depends on the records' content and the seed only: not on their order, not on how
 * many threads there are. Columns that the records lack keep the built-in model's values. */
#pragma once

#include "mpi/core/block.h"
#include "mpi/core/compare.h"
#include "mpi/core/model.h"

/* The records, read only: record i is words + at[i]. */
struct mpi_corpus {
    const struct mpi_dict *dict;
    const uint32_t *words;
    const uint64_t *at;
    size_t count;
};

struct mpi_training {
    uint64_t seed;
    size_t random_pairs;  /* for u; 0: chosen by the number of records */
    size_t session_pairs; /* most pairs of one session; 0: the default */
    int threads;          /* 0: one */
    struct str name;      /* of the model; empty: "trained" */
};

/* A model on the arena, sealed. With fewer than two records it is the built-in one, renamed. */
void mpi_train(struct arena *a, const struct mpi_corpus *c, const struct mpi_training *how,
               struct mpi_model *out);

/* Judged pairs, by vector. */
struct mpi_labelled {
    struct mpi_vector vector;
    bool same;   /* one person */
    bool judged; /* by people; else the algorithm believes it */
};
enum { MPI_LABELS_NEEDED = 500 };

/* `base` with m taken from the pairs of one person, smoothed by base; INVALID when people judged
 * fewer than MPI_LABELS_NEEDED of them. */
enum status mpi_train_labelled(struct arena *a, const struct mpi_model *base,
                               const struct mpi_labelled *pairs, size_t count, struct str name,
                               struct mpi_model *out, struct errors *err) MUST_CHECK;
