/* Look-up keys and lock stripes: how the index hashes what it searches.
 *
 * A key is a hash_key (hub/base/hash.h); its topmost 16 bits are its stripe in mpi_lock. Who writes
 * takes the stripes of everything that it will search, ascending, before the search, in one
 * call, so that two feeds never wait for each other in a ring. The key functions are pure. */
#pragma once

#include "hub/request.h"

int64_t mpi_identifier_key(struct identifier id); /* of authority|id */

/* Queues one FOR UPDATE a stripe, ascending, each once. Sorts the keys. */
void mpi_lock_keys(struct request *rq, int64_t *keys, size_t count);
