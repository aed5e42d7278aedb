#include "mpi/core/weigh.h"

#include <math.h>

enum { TF_BITS_MAX = 8 };

static double tf_bits(const struct mpi_model *m, const struct mpi_vector *v, int c)
{
    double share = MPI_COMPARISON_TABLES[c].levels[v->level[c]].tf, bits;

    if (share == 0 || v->rarity[c] == 0)
        return 0;
    bits = share * (m->average[c] - (double)v->rarity[c]);
    return fmax(-TF_BITS_MAX, fmin(TF_BITS_MAX, bits));
}

/* Where nothing tells the members of a household apart, address, telephone and family name show a
 * household, not a person. */
static bool household_only(const struct mpi_vector *v)
{
    uint8_t given = v->level[MPI_COMPARE_GIVEN], date = v->level[MPI_COMPARE_DOB];

    if (given == MPI_GIVEN_MISSING)
        return date != MPI_DOB_EXACT && date != MPI_DOB_ONE;
    return given >= MPI_GIVEN_ALIKE;
}

static double household_cut(const struct mpi_model *m, const struct mpi_vector *v,
                            const double bits[MPI_COMPARISON_COUNT])
{
    double sum = bits[MPI_COMPARE_STREET] + bits[MPI_COMPARE_LOCALITY] + bits[MPI_COMPARE_PHONE] +
                 bits[MPI_COMPARE_FAMILY];

    return sum > m->household && household_only(v) ? m->household - sum : 0;
}

void mpi_weigh_parts(const struct mpi_model *m, const struct mpi_vector *v,
                     struct mpi_evidence *out)
{
    double both[MPI_COMPARISON_COUNT];

    out->prior = m->prior;
    out->weight = out->prior;
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        out->level[c] = m->weights[c][v->level[c]];
        out->tf[c] = tf_bits(m, v, c);
        both[c] = out->level[c] + out->tf[c];
        out->weight += both[c];
    }
    out->household = household_cut(m, v, both);
    out->weight += out->household;
}

double mpi_weigh(const struct mpi_model *m, const struct mpi_vector *v)
{
    struct mpi_evidence e;

    mpi_weigh_parts(m, v, &e);
    return e.weight;
}

double mpi_posterior(double weight)
{
    return 1 / (1 + exp2(-weight));
}

double mpi_posterior_bits(double posterior)
{
    return log2(posterior / (1 - posterior));
}
