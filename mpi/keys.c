#include "mpi/keys.h"

#include <stdlib.h>

#include "hub/base/hash.h"

int64_t mpi_identifier_key(struct identifier id)
{
    return hash_key((const struct str[]){id.authority, STR("|"), id.id}, 3);
}

static int stripe_of(int64_t key)
{
    return (int)((uint64_t)key >> 48);
}

static int by_stripe(const void *a, const void *b)
{
    return stripe_of(*(const int64_t *)a) - stripe_of(*(const int64_t *)b);
}

void mpi_lock_keys(struct request *rq, int64_t *keys, size_t count)
{
    static const struct statement LOCK = {
        "mpi_lock_stripe",
        "SELECT stripe FROM mpi_lock WHERE stripe = $1 FOR UPDATE",
    };
    int last = -1;

    if (count > 0)
        qsort(keys, count, sizeof(*keys), by_stripe);
    for (size_t i = 0; i < count; i++) {
        int stripe = stripe_of(keys[i]);

        if (stripe != last)
            db_queue(rq->db, &LOCK, NULL, DB_INT4(stripe));
        last = stripe;
    }
}
