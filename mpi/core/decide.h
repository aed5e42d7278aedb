/* A record and those that it might belong with -> link, review or new, with reasons.
 *
 * Pure: the same inputs give the same decision, whatever order the candidates come in. No chain of
 * resemblances: a person is judged by all of its records. Any thread. */
#pragma once

#include "mpi/core/guard.h"
#include "mpi/core/weigh.h"

enum mpi_verdict { MPI_VERDICT_NEW, MPI_VERDICT_REVIEW, MPI_VERDICT_LINK };
const char *mpi_verdict_name(enum mpi_verdict v); /* "new", "review", "link" */

/* A record of a person who may be the subject. */
struct mpi_rival {
    const uint32_t *coded;
    uint64_t person;   /* equal for the records of one person; breaks ties, so let it be stable */
    uint64_t record;   /* likewise, of the record */
    mpi_reasons facts; /* that only the caller knows: SAME_SOURCE, OTHER_XAD, KEPT_APART, ANCHOR */
};

/* How one rival did. */
struct mpi_score {
    size_t rival; /* its index */
    struct mpi_vector vector;
    double weight;
    mpi_reasons guards;
};

enum { MPI_REASONS_LIST = 8 };

struct mpi_ruling {
    enum mpi_verdict verdict;
    size_t best;   /* index of the rival that stands for the person to link to, or to be
                      reviewed against; count of rivals when new */
    double weight; /* of that person */
    double posterior;
    double margin;                             /* bits to the next person; 99 when there is none */
    enum mpi_reason reasons[MPI_REASONS_LIST]; /* the deciding one first */
    size_t reason_count;
    struct mpi_score *scores; /* on the arena: best first */
    size_t score_count;
};

void mpi_decide(struct arena *a, const struct mpi_model *m, const struct mpi_dict *d,
                const uint32_t *subject, const struct mpi_rival *rivals, size_t count,
                struct mpi_ruling *out);

/* Does an update contradict the record's own past (a chart written over another patient's)? */
bool mpi_contradicts(const struct mpi_model *m, const struct mpi_dict *d, const uint32_t *before,
                     const uint32_t *after);
