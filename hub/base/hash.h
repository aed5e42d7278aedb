/* Look-up keys: where a row that is found by its content lies (ikey, bkey, ukey, ...). Pure. */
#pragma once

#include "hub/base/str.h"

/* The first 8 bytes, big-endian, of the SHA-256 of the parts, one after the other. SQL says it so:
 * ('x' || encode(substring(sha256(bytes) FOR 8), 'hex'))::bit(64)::bigint. */
int64_t hash_key(const struct str *parts, size_t count);
