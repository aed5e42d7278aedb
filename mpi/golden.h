/* The golden record: what is believed of a person, field by field, out of its records.
 *
 * Survivorship, the first rule that tells two records apart deciding: for what a person keeps for
 * life (name, birth date, sex, number, mother, birth order) the source that is trusted more, the
 * more complete value, the more recent one; for what changes (addresses, telephones, death) trust,
 * then recency, then completeness. Where all are equal the record with the lower place wins, so
 * that the same records give the same golden record in any order. Lists keep the other records'
 * values behind the best one's. Pure: no database, no clock; any thread. */
#pragma once

#include "hub/person.h"
#include "mpi/record.h"

enum { MPI_GOLDEN_LIST_MAX = 8 };

struct mpi_golden_source {
    struct place place;
    int trust;          /* 0 is trusted most */
    int64_t said_at_us; /* when the source last sent demographics */
    struct mpi_demographics demographics;
};

struct mpi_golden {
    struct mpi_demographics demographics; /* borrows from the sources */
    struct str sources;                   /* JSON, as mpi_golden.sources */
};

void mpi_golden_build(struct arena *a, const struct mpi_golden_source *sources, size_t count,
                      struct mpi_golden *out);

/* How much a member is trusted: its number in a list of names, separated by commas, best first;
 * all others stand together behind them. */
int mpi_golden_trust(struct str list, struct str member);
