/* The golden record as it is stored (mpi_golden): made again with every change of a link or a
 * record, in the transaction of the change. */
#pragma once

#include "mpi/golden.h"
#include "mpi/store.h"

/* From the person's records as they will be; anchors say nothing. Queues one statement; INTERNAL
 * when a stored record cannot be read. */
enum status mpi_golden_store(struct request *rq, struct person_ref person,
                             const struct mpi_record *records, size_t count) MUST_CHECK;
void mpi_golden_remove(struct request *rq, struct person_ref person);
