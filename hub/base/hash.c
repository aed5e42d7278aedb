#include "hub/base/hash.h"

#include <sodium.h>

int64_t hash_key(const struct str *parts, size_t count)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    uint64_t key = 0;

    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++)
        crypto_hash_sha256_update(&state, (const unsigned char *)parts[i].p, parts[i].n);
    crypto_hash_sha256_final(&state, digest);
    for (int i = 0; i < 8; i++)
        key = key << 8 | digest[i];
    return (int64_t)key;
}
