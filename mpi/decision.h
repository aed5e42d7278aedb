/* A decision about one version of a record: its inputs, the core's ruling, and what follows for a
 * record that is known already. A pure function of model and inputs; the inputs are stored with the
 * decision (mpi_decision), so that it can be made again (mpi/replay.h) and explained. */
#pragma once

#include "mpi/core/decide.h"
#include "mpi/store.h"
#include "mpi/subject.h"

/* A candidate: one version of a record, linked to a person at that moment. */
struct mpi_considered {
    struct place place;
    int version;
    int64_t member_id;
    struct person_ref person;
    struct str packed;
    mpi_reasons facts; /* what the core cannot see: SAME_SOURCE, OTHER_XAD, KEPT_APART */
};

struct mpi_case {
    struct place place; /* of the record; record_id 0 while it has none */
    int version;
    struct str packed;
    bool known;            /* the record is linked already, to: */
    struct person_ref own; /* whose other records are not among the candidates */
    bool pinned;           /* by a human's word, or its source's merge: it stays there */
    bool alone;            /* the person has no other member's record */
    bool truncated;        /* there were more candidates than the core looks at */
    size_t count;
    struct mpi_considered *considered;
};

struct mpi_decision {
    enum mpi_verdict outcome;
    struct person_ref person; /* to be linked to, or reviewed against; zero when new */
    struct place best;        /* the record that stands for that person; zero: none */
    bool relinks;             /* a known record leaves its person for this one */
    enum mpi_reason reasons[MPI_REASONS_LIST];
    size_t reason_count;
    struct mpi_ruling ruling; /* of the core; scores by candidate */
};

/* INTERNAL when a packed record cannot be read. */
enum status mpi_decision_make(struct mpi_coding *c, const struct mpi_case *in,
                              struct mpi_decision *out, struct errors *err) MUST_CHECK;

/* Queues the INSERT; returns the decision's id. */
struct uuid mpi_decision_store(struct request *rq, const struct mpi_coding *c,
                               const struct mpi_case *in, const struct mpi_decision *d);

/* ["code", ...] */
struct str mpi_reasons_json(struct arena *a, const enum mpi_reason *reasons, size_t count);
/* A digit a comparison, in the order of the table: its level. */
struct str mpi_levels_text(struct arena *a, const struct mpi_vector *v);

/* --- as stored ------------------------------------------------------------------------------- */

#define MPI_DECISION_COLUMNS                                                                       \
    "SELECT pkey, decision_id, record_id, version, at, model_hash, outcome, person_pkey,"          \
    "       person_id, reasons, candidates, truncated, inputs"

/* What was decided and stored, beside the inputs. */
struct mpi_decided {
    struct uuid id;
    int64_t at_us;
    struct str model_hash; /* 32 bytes */
    struct str outcome;
    struct person_ref person;
    struct str *reasons;
    size_t reason_count;
    struct str *levels; /* by candidate */
    double *weights;
    struct mpi_case in; /* without packed bytes, until mpi_decision_fill */
};

enum status mpi_decision_read(struct request *rq, const struct rows *rows, int row,
                              struct mpi_decided *out) MUST_CHECK;

/* The versions of records that these decisions rested on: one flush. A version that is not there
 * leaves packed STR_NONE. */
enum status mpi_decisions_fill(struct request *rq, struct mpi_decided *decisions,
                               size_t count) MUST_CHECK;
