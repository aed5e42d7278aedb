#include "mpi/core/levels.h"

#include "mpi/core/dict.h"

#define ROW(comparison, level, text, m, u, tf) [MPI_##comparison##_##level] = {text, m, u, tf},

const struct mpi_comparison_table MPI_COMPARISON_TABLES[MPI_COMPARISON_COUNT] = {
#define X(name, key, frequency)                                                                    \
    [MPI_COMPARE_##name] = {key,                                                                   \
                            frequency,                                                             \
                            MPI_##name##_LEVEL_COUNT,                                              \
                            {[0] = {"missing", 0, 0, 0}, MPI_##name##_LEVELS(ROW)}},
    MPI_COMPARISONS(X)
#undef X
};
