/* What follows from a change of the index (mpi/change.h), in its transaction, whoever made it. */
#pragma once

#include "mpi/change.h"

/* The observer. Consents go with a record that leaves someone behind (gateway/denials.h);
 * members that want to know are notified (gateway/notify.h); associations that came apart are a
 * steward's task (xds/torn.h); who represents a minor goes by a corrected birth date. */
enum status index_change_follow(struct request *rq, const struct mpi_change *change) MUST_CHECK;

/* The birth date of a person as the index believes it, YYYYMMDD: the first day of what is known of
 * it; 0: nothing. One flush. */
enum status index_birth_date(struct request *rq, struct person_ref person, int32_t *out) MUST_CHECK;
