/* Associations between records of one person that a change of the index tears apart (DESIGN.md
 * section 6: nobody sees them from then on), and that a later one heals. Each torn pair of records
 * is a steward's task. */
#pragma once

#include "mpi/change.h"

/* Part of the observer of changes, in their transaction: opens tasks for what came apart, and
 * closes those of what is together again. Two flushes where a record went over that has
 * associations with another record, else one or none. */
enum status xds_torn_follow(struct request *rq, const struct mpi_change *change) MUST_CHECK;
