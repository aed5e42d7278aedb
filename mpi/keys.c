#include "mpi/keys.h"

#include <sodium.h>
#include <stdlib.h>

static int64_t key_of(crypto_hash_sha256_state *state)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    uint64_t key = 0;

    crypto_hash_sha256_final(state, digest);
    for (int i = 0; i < 8; i++)
        key = key << 8 | digest[i];
    return (int64_t)key;
}

int64_t mpi_key(struct str bytes)
{
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)bytes.p, bytes.n);
    return key_of(&state);
}

int64_t mpi_identifier_key(struct identifier id)
{
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)id.authority.p, id.authority.n);
    crypto_hash_sha256_update(&state, (const unsigned char *)"|", 1);
    crypto_hash_sha256_update(&state, (const unsigned char *)id.id.p, id.id.n);
    return key_of(&state);
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
