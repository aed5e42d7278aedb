/* Whose record was it then? A person as the index had it at an instant, out of the versions of
 * links (mpi_link) and the before-images of merges, links and unmerges (mpi_merge_log): for
 * replaying a decision, not for a request's way. */
#pragma once

#include "hub/request.h"

struct mpi_past {
    struct person person; /* the XAD-PID, constituents and records of then */
    bool unsure; /* an unmerge behind that instant kept no image of the person: constituents
                    and XAD-PID are those after it */
};

/* Who the record was that carries this identifier today, retired or not. NOT_FOUND "patient" where
 * none does, or where the record was not there yet. Four flushes. */
enum status mpi_person_at(struct request *rq, struct identifier id, int64_t at_us,
                          struct mpi_past *out) MUST_CHECK;
