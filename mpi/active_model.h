/* Which model decides: the row of mpi_model that was activated last, read in each transaction that
 * decides, so that an activation holds from the next feed on, in every hub. Models that were read
 * once stay in the process; any thread. */
#pragma once

#include "hub/request.h"
#include "mpi/core/model.h"

struct mpi_model_seen {
    struct rows rows;
};

/* Goes out with the caller's next flush. */
void mpi_active_model_queue(struct request *rq, struct mpi_model_seen *seen);
/* Flushes once more where this process has not read that model yet. A hub whose table knows no
 * model of this core gets the built-in one, queued to be stored. */
enum status mpi_active_model_read(struct request *rq, struct mpi_model_seen *seen,
                                  const struct mpi_model **out) MUST_CHECK;
/* By hash (32 bytes), for replay. NOT_FOUND. */
enum status mpi_model_by_hash(struct request *rq, struct str hash,
                              const struct mpi_model **out) MUST_CHECK;
