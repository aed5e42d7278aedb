/* How frequent each value is among the records: the tables of a trained model. Internal to
 * training. */
#pragma once

#include "mpi/core/train.h"

/* Tables on the arena: the commonest values, at most MPI_MODEL_VALUES_MAX, none that fewer than
 * three records have (a model names nobody). Tables of columns that no record has stay. */
void mpi_frequencies_count(struct arena *a, const struct mpi_corpus *c, struct mpi_model *m);
