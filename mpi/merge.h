/* Merges by message (ADT^A40), each with what an exact unmerge needs (mpi_merge_log).
 *
 * Under a member's own authority the PIX Manager's rule holds (ITI TF-2 3.8.4.2.3): the record of
 * MRG-1 goes over to the person of PID-3, and its identifier stands for nobody any more. On
 * XAD-PIDs the Document Registry's (3.8.4.2.4): the whole person goes over, and the six refusals
 * apply. Both run inside the request's transaction, lock first and check again; CONFLICT where
 * something moved. What they write is queued when they return. */
#pragma once

#include "hub/request.h"

struct mpi_merge {
    const struct member *member; /* who says so */
    struct identifier surviving, subsumed;
};

struct mpi_merged {
    struct person_ref surviving, subsumed; /* the persons before the merge; may be the same */
    bool emptied; /* the subsumed person has no record any more: it is part of the surviving one */
};

/* Failures: SameIdentifier, UnknownIdentifier, RetiredIdentifier; location "surviving" or
 * "subsumed" says which. */
enum status mpi_merge_local(struct request *rq, const struct mpi_merge *merge,
                            struct mpi_merged *out) MUST_CHECK;

/* Both in xad_authority; only the member that feeds XAD-PIDs may call it (the gateway checks). */
enum status mpi_merge_xad(struct request *rq, const struct mpi_merge *merge,
                          struct mpi_merged *out) MUST_CHECK;
