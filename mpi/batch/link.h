/* Records -> scored pairs -> people: the whole of the batch linker but for its faces. */
#pragma once

#include "mpi/batch/dataset.h"
#include "mpi/core/guard.h"

/* Two records that may be one person's, a before b in the dataset's order. */
struct link_pair {
    uint32_t a, b;
    float weight; /* bits */
    mpi_reasons guards;
};

struct truth;

struct linking {
    const struct dataset *d;
    const struct mpi_model *model;
    bool between; /* only pairs of different files */
    int threads;
    const struct truth *truth; /* whose pairs are counted among the candidates; NULL: none */
    struct growing pairs;      /* struct link_pair, ascending by a and b */
    uint64_t truth_met;        /* pairs of the truth that were compared */
    uint64_t compared;         /* pairs */
    uint64_t left_out;         /* keys too crowded to be looked at */
};

/* Finds candidates, compares them, and keeps the pairs that weigh anything. The same pairs for any
 * number of threads. */
void link_compare(struct linking *l);
void link_dispose(struct linking *l);

enum { LINK_FLOOR_BITS = -8 }; /* pairs below are not kept: a probability of 0.4 % */
