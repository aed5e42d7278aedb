/* Candidates: which records share a block key (mpi/core/block.h), for all records at once.
 *
 * Every record's keys are hashed into buckets, the buckets sorted one by one, and each key that at
 * least two records share becomes a group: its records in ascending order. A key that is crowded is
 * looked at in its narrower form; one that is crowded even then is left out and counted (who shares
 * it shares others as well). How many make a crowd depends on how many pairs a rule would give:
 * each rule may cost so many comparisons a record and no more, so that time grows as the records
 * do; and where there are many pairs all the same, those that share two keys are compared. All of
 * it depends on the records' content only. */
#pragma once

#include "mpi/batch/dataset.h"
#include "mpi/core/block.h"

struct postings {
    struct growing members; /* uint32_t: groups one after the other, the last of each marked */
    uint32_t *slots;        /* for each record: where in `members` it stands */
    uint64_t *first;        /* of each record's slots; count + 1 of them */
    size_t least;           /* keys that two records must share */
    uint64_t left_out;      /* keys that were crowded even when narrowed */
    uint32_t crowd[MPI_BLOCK_RULE_COUNT]; /* records of a key that are too many */
};

#define POSTINGS_LAST 0x80000000u /* of a group */

void postings_make(struct postings *p, const struct dataset *d, int threads);
void postings_dispose(struct postings *p);

/* Those after `record` that share enough keys with it, each once, ascending. The list is malloced.
 */
struct candidates {
    uint32_t *list;
    size_t count, cap;
};
void postings_candidates(const struct postings *p, uint32_t record, struct candidates *c);
