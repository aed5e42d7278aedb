/* Demographic search: who answers to these criteria? Behind ITI-21, 22, 47 and 78.
 *
 * Three roads, all by key and none by scan: identifiers; the block keys of the matching core, which
 * find what is misspelt; and mpi_search, rows of a record's own by the first letters of a family
 * name and by birth date, which find everything that begins as asked. The caller compares what was
 * found (mpi/criteria.h), by the records that it lets be seen. */
#pragma once

#include "hub/request.h"
#include "mpi/criteria.h"
#include "mpi/subject.h"

enum { MPI_SEARCH_ROWS_MAX = 1000 };

/* A person who may answer, with the current version of every record. */
struct mpi_found_record {
    struct place place;
    int64_t member_id;
    bool anchor;
    int64_t said_at_us;
    struct identifier *ids;
    bool *active;
    size_t id_count;
    struct mpi_demographics demographics; /* empty in an anchor */
};
struct mpi_found_person {
    struct person person;
    struct mpi_found_record *records;
    size_t record_count;
};
struct mpi_found {
    struct mpi_found_person *people;
    size_t count;
    bool truncated;                /* more than the search looks at share what was asked */
    const struct mpi_model *model; /* that is in force: for mpi_rank; NULL from mpi_find_people */
};

/* Candidates in no order: the caller compares. Two or three flushes. */
enum status mpi_find(struct request *rq, const struct mpi_criteria *c,
                     struct mpi_found *out) MUST_CHECK;
/* The same for persons who are known. One flush. */
enum status mpi_find_people(struct request *rq, const struct person_ref *refs, size_t count,
                            struct mpi_found *out) MUST_CHECK;

/* The record's rows in mpi_search after a feed; NULL where there was, or is, no such version. */
void mpi_search_store(struct request *rq, struct place place, const struct mpi_demographics *before,
                      const struct mpi_demographics *after);

/* The matching core's word: log2 of the odds that a record like this is the one that is asked for.
 * Pure. One struct a query; it lives as long as the arena. */
struct mpi_rank;
struct mpi_rank *mpi_rank_new(struct arena *a, const struct mpi_model *model,
                              const struct mpi_criteria *c);
double mpi_rank_weight(struct mpi_rank *r, const struct mpi_demographics *d);
