/* A comparison vector under a model -> bits of evidence (Fellegi and Sunter), and the posterior.
 * Pure, any thread. */
#pragma once

#include "mpi/core/compare.h"
#include "mpi/core/model.h"

/* The parts of a weight: what `explain` draws as a waterfall. weight is the sum of all. */
struct mpi_evidence {
    double prior;                       /* log2 odds of lambda */
    double level[MPI_COMPARISON_COUNT]; /* log2(m/u) */
    double tf[MPI_COMPARISON_COUNT];    /* adjustment for the rarity of what agrees */
    double household;                   /* what the cap takes off: at most 0 */
    double weight;
};

/* Log2 of the odds that the pair is one person's. */
double mpi_weigh(const struct mpi_model *m, const struct mpi_vector *v);
void mpi_weigh_parts(const struct mpi_model *m, const struct mpi_vector *v,
                     struct mpi_evidence *out);
double mpi_posterior(double weight);
double mpi_posterior_bits(double posterior); /* its inverse: the weight of a posterior */
