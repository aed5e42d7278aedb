/* The cipher of audit records: each under a key of its own, which the audit key wraps.
 *
 * A stored record is 0x01, then AES-256-GCM ciphertext and tag. The key is random and used once, so
 * the nonce is all zeroes; place, time and id of the row are associated data, so that a record
 * cannot be moved to another row. The record's key is stored as 0x01, a random nonce of 24 bytes,
 * and XChaCha20-Poly1305 of it under the audit key, with the row's id as associated data.
 *
 * audit_init (hub/audit/audit.h) must have run. Any thread. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"
#include "hub/base/uuid.h"

/* Which row a record belongs to. */
struct audit_position {
    int64_t pkey, at_us;
    struct uuid id;
};

enum { AUDIT_LEAF_BYTES = 32 };

struct sealed_record {
    struct str record; /* as stored in audit_event */
    struct str key;    /* as stored in audit_search */
    unsigned char leaf_hash[AUDIT_LEAF_BYTES];
};

void record_cipher_init(const unsigned char master_key[32]);

void record_seal(struct arena *a, const struct audit_position *at, struct str plain,
                 struct sealed_record *out);

/* The plain record. False when anything was altered or moved, or the key is another's. */
bool record_unseal(struct arena *a, const struct audit_position *at,
                   const struct sealed_record *sealed, struct str *plain);

/* SHA-256(0x00 || record): the hash of a leaf, RFC 6962 section 2.1. */
void record_leaf_hash(struct str record, unsigned char out[AUDIT_LEAF_BYTES]);

/* The record's own key out of its wrapped form: 32 bytes, for who is to open this record and no
 * other. False when it was altered, or wrapped under another audit key. */
bool record_key_open(struct uuid id, struct str wrapped, unsigned char key[32]);
/* Opens a record with its own key, without the hub's: audit_init need not have run. */
bool record_open(struct arena *a, const struct audit_position *at, struct str key,
                 struct str record, struct str *plain);
