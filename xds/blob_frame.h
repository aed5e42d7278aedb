/* The frames of a blob, and its keys: what blob.c writes with and blob_read.c reads with. */
#pragma once

#include <openssl/evp.h>
#include <stdatomic.h>

#include "xds/blob.h"

enum { BLOB_PREFIX = 7, BLOB_KEYS_MAX = 4, BLOB_PACKING_AT = 10 };

struct blobs {
    struct store *store;
    EVP_CIPHER *cipher; /* fetched once: a fetch for each use takes locks (OpenSSL 3.0) */
    EVP_MD *sha1, *sha256;
    unsigned char *wrapping_keys[BLOB_KEYS_MAX]; /* sodium_malloc; the first one wraps */
    size_t key_count;
    atomic_size_t held; /* bytes of ended blobs that wait in memory */
};

/* The 64 bytes in front:  0 magic, 7 version, 8 cipher, 9 frame size as a power of two, 10 packing
 * (0 none, 1 zstd), 24 blob id, 40 nonce prefix, zeros elsewhere. */
void blob_header_write(struct uuid id, bool packed, const unsigned char prefix[BLOB_PREFIX],
                       unsigned char out[BLOB_HEADER]);
/* Is it the header of this blob, whatever its prefix? */
bool blob_header_matches(struct uuid id, bool packed, const unsigned char header[BLOB_HEADER]);

uint64_t blob_frame_count(uint64_t size); /* an empty document has one empty frame */
uint64_t blob_stored_size(uint64_t size); /* header, frames and tags; not packed */

/* Encrypts n bytes in place and puts the tag behind them. */
void blob_frame_seal(EVP_CIPHER_CTX *c, const unsigned char header[BLOB_HEADER], uint32_t number,
                     bool last, unsigned char *bytes, size_t n);
/* Decrypts n bytes (the tag stands behind them) to `to`, which may be `bytes`. False when they are
 * not authentic: `to` is then wiped. */
bool blob_frame_open(EVP_CIPHER_CTX *c, const unsigned char header[BLOB_HEADER], uint32_t number,
                     bool last, unsigned char *bytes, size_t n, unsigned char *to) MUST_CHECK;
EVP_CIPHER_CTX *blob_cipher_new(const struct blobs *b, const unsigned char key[BLOB_KEY],
                                bool encrypt);

void blob_key_wrap(const struct blobs *b, struct uuid id, const unsigned char key[BLOB_KEY],
                   unsigned char out[BLOB_WRAPPED_KEY]);
/* With whichever key at hand opens it: its number, or -1. */
int blob_key_unwrap(const struct blobs *b, struct uuid id, struct str wrapped,
                    unsigned char key[BLOB_KEY]) MUST_CHECK;
