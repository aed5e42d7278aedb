/* How alike two folded values are. Bit-parallel over bytes: one 64-bit word holds the shorter
 * value, so a comparison costs one step a byte of the longer one; only the first 64 bytes count.
 * Pure, any thread. */
#pragma once

#include "hub/base/str.h"

/* 0 (nothing in common) to 1 (equal); a common start of up to four bytes counts more
 * (Winkler 1990; scale 0.1). Two empty values are equal. */
double mpi_jaro_winkler(struct str a, struct str b);

/* Optimal string alignment: insertions, deletions, substitutions and transpositions of
 * neighbours, none of them edited twice (Hyyrö 2003). */
unsigned mpi_osa(struct str a, struct str b);
