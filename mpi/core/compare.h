/* Two coded records of one dictionary -> the comparison vector: a level a comparison, and how rare
 * the value is that agrees. Symmetric. Any thread; a memo belongs to one. */
#pragma once

#include "mpi/core/coded.h"
#include "mpi/core/levels.h"

struct mpi_vector {
    uint8_t level[MPI_COMPARISON_COUNT];
    float rarity[MPI_COMPARISON_COUNT]; /* log2 of the frequency of what agrees; 0: not adjusted */
};

/* Remembers how pairs of names compared: worth its memory where millions of pairs are compared. */
struct mpi_memo;
struct mpi_memo *mpi_memo_new(void); /* of one dictionary */
void mpi_memo_free(struct mpi_memo *m);

/* memo may be NULL. */
void mpi_compare(const struct mpi_dict *d, struct mpi_memo *memo, const struct mpi_view *a,
                 const struct mpi_view *b, struct mpi_vector *out);

/* The levels in one word, four bits each: pairs with equal patterns are alike to training. */
uint64_t mpi_vector_pattern(const struct mpi_vector *v);
