/* Document bytes, encrypted at rest in authenticated frames.
 *
 * An object of the store is a header of 64 bytes and frames of 65,536 plain bytes (the last one
 * less), each followed by its AES-256-GCM tag of 16. Every document has a random key of its own,
 * kept in xds_blob, wrapped under a key that is derived from the hub's master key: whoever deletes
 * the row erases the document, and the store's files alone say nothing. A frame's nonce is the
 * header's random prefix, the frame's number and a last-frame flag (the STREAM construction: Hoang,
 * Reyhanitabar, Rogaway, Vizar 2015); the header, with the blob's id, is associated data. So a
 * flipped bit, a frame moved, dropped or taken from another blob, and a truncation are all seen,
 * and no plain byte leaves a frame that is not authentic.
 *
 * A document whose first frame is text is packed: each frame is compressed by itself (zstd) before
 * it is encrypted, and stands behind its length, 4 bytes, big-endian (blob_pack.h).
 *
 * SHA-1 (XDS), SHA-256 and the size are computed over the plain bytes as they come, in one pass
 * and constant memory. A writer belongs to one thread at a time. */
#pragma once

#include "hub/net/exchange.h"
#include "xds/store.h"

enum {
    BLOB_HEADER = 64,
    BLOB_FRAME = 65536,
    BLOB_TAG = 16,
    BLOB_KEY = 32,
    BLOB_WRAPPED_KEY = 24 + BLOB_KEY + 16, /* XChaCha20-Poly1305: nonce, key, tag */
    BLOB_SHA1 = 20,
    BLOB_SHA256 = 32,
};

struct blobs; /* a store and the keys: one a process, used by all threads */

/* master_key: 32 bytes, borrowed for the call. Owns the store from now on. */
struct blobs *blobs_new(struct store *store, const unsigned char *master_key);
/* One more key, to open documents with that it wrapped: before threads start, while keys are being
 * rotated. False when there are too many. */
bool blobs_know_key(struct blobs *b, const unsigned char *master_key);
void blobs_free(struct blobs *b);
const char *blobs_store_name(const struct blobs *b);
struct store *blobs_store(const struct blobs *b);

/* What is known of a document once its last byte has come. */
struct blob_info {
    struct uuid id;
    uint64_t size;        /* plain bytes */
    uint64_t stored_size; /* bytes of the object where it is packed; 0: it is not */
    unsigned char sha1[BLOB_SHA1], sha256[BLOB_SHA256];
    unsigned char wrapped_key[BLOB_WRAPPED_KEY];
};

struct blob_writer;

/* Begins a temporary blob. It ends with the arena: whatever is not kept by then (blob_keep) is
 * removed. Touches no disk: bytes of small documents wait in memory, encrypted, until the commit;
 * larger ones go to the store as they come. */
struct blob_writer *blob_begin(struct blobs *b, struct arena *a);
enum status blob_write(struct blob_writer *w, struct str bytes) MUST_CHECK;
enum status blob_end(struct blob_writer *w) MUST_CHECK; /* after the last byte: info is known */
const struct blob_info *blob_info_of(const struct blob_writer *w);

/* Makes all of them durable, bytes and names (promise 3). May be called again for blobs that are
 * durable already, when a request runs again. On failure none of the new ones is left. */
enum status blob_commit(struct blob_writer **w, size_t count) MUST_CHECK;
/* A transaction that names the blob may have committed from now on: it is not removed with the
 * arena. `blob_unkeep` when that transaction has certainly been rolled back. */
void blob_keep(struct blob_writer *w);
void blob_unkeep(struct blob_writer *w);

/* The sink for MTOM parts (context: struct blobs): part.stored is a struct blob_writer. */
struct part_sink blob_part_sink(struct blobs *b);

struct blob_ref {
    struct uuid id;
    struct str wrapped_key;
    uint64_t size, stored_size; /* as struct blob_info has them */
};

/* Opens a blob for streaming: its key, its header and its length are right. Nothing is held open
 * until the first read, which may be on another thread; what lies far away has been fetched.
 * NOT_FOUND: the store has no such object; UPSTREAM: the store fails; INTERNAL: it is not what was
 * written (logged). */
enum status blob_open(struct blobs *b, struct arena *a, const struct blob_ref *ref,
                      struct byte_source **out) MUST_CHECK;
/* The whole of a small one, authenticated before any byte of it is used. */
enum status blob_read(struct blobs *b, struct arena *a, const struct blob_ref *ref,
                      struct str *out) MUST_CHECK;

enum blob_fault {
    BLOB_SOUND,
    BLOB_MISSING,    /* the store has no such object */
    BLOB_TRUNCATED,  /* it is shorter than it was */
    BLOB_ALTERED,    /* longer, or its header or a frame is not authentic */
    BLOB_LOCKED,     /* no key at hand opens its key */
    BLOB_WRONG_HASH, /* authentic, but not the bytes that the hashes are of */
    BLOB_UNREADABLE, /* the store fails */
};

/* Reads all of it, and compares it with what is on record. */
enum blob_fault blob_verify(struct blobs *b, const struct blob_ref *ref,
                            const unsigned char sha1[BLOB_SHA1],
                            const unsigned char sha256[BLOB_SHA256]) MUST_CHECK;

enum blob_rewrap { BLOB_KEY_CURRENT, BLOB_KEY_REWRAPPED, BLOB_KEY_LOCKED };

/* Wraps a document's key under the current master key, where another one wrapped it. The bytes of
 * the document stay as they are. */
enum blob_rewrap blob_key_rewrap(struct blobs *b, struct uuid id, struct str wrapped,
                                 unsigned char out[BLOB_WRAPPED_KEY]) MUST_CHECK;
