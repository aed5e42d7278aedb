/* Who might it be? From the look-up keys of a record to the candidates of a decision.
 *
 * A search reads the records that share a key, each with its packed fields, so that they are
 * weighed without a second hop. A key that too many share is crowded: it is searched with its
 * refinement. Of what resembles, the persons' other records are read as well: guards look at all
 * that is known of a person. Reads only (but for noting what is crowded); internal to mpi/ and for
 * doors that search (match). */
#pragma once

#include "mpi/decision.h"

enum { MPI_CANDIDATES_MAX = 256, MPI_LOOKALIKES_MAX = 8 };

/* A person who resembles the subject, as it was read. */
struct mpi_lookalike {
    struct mpi_person person;
    struct mpi_record *records; /* current versions */
    size_t record_count;
    bool apart; /* a human keeps them apart */
};

struct mpi_search {
    struct mpi_block *keys;
    size_t key_count;
    struct rows rows;
    bool truncated;

    size_t count; /* of lookalikes */
    struct mpi_lookalike *lookalikes;
};

/* First flush. The keys must live until mpi_search_read. */
void mpi_search_queue(struct request *rq, struct mpi_block *keys, size_t count,
                      struct mpi_search *out);

/* Fills in->considered, with facts, from what was found: the person `in->own` left out. Flushes
 * once more where a record resembles the subject, and once where a key turned out to be crowded.
 * `member_id` feeds the subject; `xad_pid` is the one that a member fed for it, or STR_NONE. */
enum status mpi_search_read(struct request *rq, struct mpi_coding *c, struct mpi_search *s,
                            int64_t member_id, struct str xad_pid, struct mpi_case *in) MUST_CHECK;

/* Of the person of this record; NULL when it is none of these. */
const struct mpi_lookalike *mpi_search_person(const struct mpi_search *s, struct person_ref ref);
