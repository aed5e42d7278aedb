/* Estimation over patterns: u from random pairs, m by expectation maximisation with u fixed, in
 * sessions whose pairs share a key. Sums run over patterns in ascending order, so the result is
 * the same to the last bit. Internal to training. */
#pragma once

#include "mpi/core/pattern.h"

/* Pairs that share a key of `rule`; what the key is made of is not learnt from them. */
struct mpi_session {
    enum mpi_block_rule rule;
    unsigned fixed; /* comparisons, bit by bit */
    double taken;   /* share of such pairs that was compared */
    struct mpi_patterns patterns;
    bool of_houses; /* about households: nothing else is learnt from it */
    double matches; /* pairs of one person among all such pairs, as estimated */
    /* Of the pairs that live together under one family name: how many, and of one person. */
    double together, together_matches;
};

/* u of every level, from random pairs, each counted by how likely it is of two persons. */
void mpi_estimate_u(const struct mpi_patterns *random, const struct mpi_model *base,
                    struct mpi_model *m);
/* m of every level, from all sessions; sets their `matches` and what they say of households. */
void mpi_estimate_m(struct mpi_session *sessions, size_t count, const struct mpi_model *base,
                    struct mpi_model *m);
/* Weights that fall from level to level: adjacent levels that do not are pooled. */
void mpi_estimate_order(struct mpi_model *m);
