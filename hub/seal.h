/* Sealing: bytes about patients that rest in a table of the database.
 *
 * XChaCha20-Poly1305 under a key of the room's own, bound to the id of the row: version 0x01, 24
 * bytes of nonce, ciphertext, tag. A key is made once, before threads start; then any thread. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"
#include "hub/base/uuid.h"

struct seal_key;

/* Derived from the hub's master key; `context` has 8 characters. In sodium_malloc memory that
 * lives as long as the process. */
const struct seal_key *seal_key_new(const unsigned char master_key[32], const char *context);

struct str seal(struct arena *a, const struct seal_key *key, struct uuid id, struct str plain);
/* False when the bytes are not what seal made under this key and id. */
bool seal_open(struct arena *a, const struct seal_key *key, struct uuid id, struct str sealed,
               struct str *plain);
