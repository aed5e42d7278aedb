#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/log.h"
#include "xds/blob_frame.h"
#include "xds/blob_pack.h"

struct blob_source {
    struct byte_source base;
    struct blobs *blobs;
    struct uuid id;
    uint64_t size, stored_size; /* stored_size 0: not packed */
    unsigned char key[BLOB_KEY], header[BLOB_HEADER];
    bool failed;
    enum blob_fault fault; /* why it is spoiled */
    /* From the first read to the last byte. */
    struct store_object *object;
    EVP_CIPHER_CTX *cipher;
    unsigned char *frame;       /* one frame and its tag, and what a packed one becomes */
    const unsigned char *plain; /* what is left of the frame that was opened last */
    size_t plain_left;
    uint64_t next; /* number of the next frame */
    uint64_t at;   /* where it begins in the object */
};

enum {
    FRAME_ROOM = BLOB_FRAME + BLOB_TAG + BLOB_PACK_LENGTH,
    PIECE = 1 << 20, /* of a document that is verified */
};

/* The blob is not what was written. Nothing of it is in the log but its id. */
static enum status spoiled(struct blob_source *s, enum blob_fault fault, const char *what)
{
    char id[UUID_TEXT + 1];

    s->fault = fault;
    uuid_write(s->id, id);
    log_error("blob_spoiled", "blob=%s %s", id, what);
    return INTERNAL;
}

static void let_go(struct blob_source *s)
{
    if (s->object != NULL)
        s->blobs->store->ops->close(s->object);
    EVP_CIPHER_CTX_free(s->cipher);
    free(s->frame);
    s->object = NULL;
    s->cipher = NULL;
    s->frame = NULL;
}

static void source_dispose(void *p)
{
    struct blob_source *s = p;

    let_go(s);
    sodium_memzero(s->key, sizeof(s->key));
}

static uint64_t expected_size(const struct blob_source *s)
{
    return s->stored_size > 0 ? s->stored_size : blob_stored_size(s->size);
}

/* Opens the object, and sees that its length and its header are this blob's. */
static enum status open_object(struct blob_source *s)
{
    const struct store_ops *ops = s->blobs->store->ops;
    uint64_t size;
    size_t n;

    TRY(ops->open(s->blobs->store, s->id, &s->object));
    size = ops->size(s->object);
    if (size != expected_size(s))
        return spoiled(s, size < expected_size(s) ? BLOB_TRUNCATED : BLOB_ALTERED,
                       "its length is wrong");
    TRY(ops->read(s->object, 0, s->header, BLOB_HEADER, &n));
    if (n != BLOB_HEADER || !blob_header_matches(s->id, s->stored_size > 0, s->header))
        return spoiled(s, BLOB_ALTERED, "its header is wrong");
    s->at = BLOB_HEADER;
    return OK;
}

static enum status begin(struct blob_source *s)
{
    if (s->object == NULL)
        TRY(open_object(s));
    s->cipher = blob_cipher_new(s->blobs, s->key, false);
    s->frame = malloc(FRAME_ROOM + (s->stored_size > 0 ? BLOB_FRAME : 0));
    must(s->frame != NULL, "out of memory");
    return OK;
}

static size_t frame_size(const struct blob_source *s)
{
    uint64_t left = s->size - s->next * BLOB_FRAME;

    return left < BLOB_FRAME ? (size_t)left : BLOB_FRAME;
}

/* The next `n` bytes of the object, which must be there. */
static enum status read_on(struct blob_source *s, size_t n)
{
    size_t got;

    TRY(s->blobs->store->ops->read(s->object, s->at, s->frame, n, &got));
    if (got != n)
        return spoiled(s, BLOB_TRUNCATED, "it ends early");
    s->at += n;
    return OK;
}

static enum status decrypt(struct blob_source *s, size_t n, unsigned char *to)
{
    bool last = s->next + 1 == blob_frame_count(s->size);

    if (!blob_frame_open(s->cipher, s->header, (uint32_t)s->next, last, s->frame, n, to))
        return spoiled(s, BLOB_ALTERED, "a frame is not authentic");
    return OK;
}

/* A length that is not the frame's own fails like a flipped bit: the tag is another's then. */
static enum status open_packed(struct blob_source *s, size_t size, unsigned char *to)
{
    size_t n;

    TRY(read_on(s, BLOB_PACK_LENGTH));
    n = blob_pack_length(s->frame);
    if (n > size)
        return spoiled(s, BLOB_ALTERED, "a frame's length is wrong");
    TRY(read_on(s, n + BLOB_TAG));
    TRY(decrypt(s, n, s->frame));
    if (!blob_unpack_frame(s->frame, n, to, size))
        return spoiled(s, BLOB_ALTERED, "a frame does not unpack");
    return OK;
}

/* Reads the next frame of `size` plain bytes, and makes them plain at `to`. */
static enum status open_frame(struct blob_source *s, size_t size, unsigned char *to)
{
    if (s->stored_size > 0) {
        TRY(open_packed(s, size, to));
    } else {
        TRY(read_on(s, size + BLOB_TAG));
        TRY(decrypt(s, size, to));
    }
    s->next++;
    return OK;
}

/* Where a frame becomes plain that the caller has no room for. */
static unsigned char *spare(const struct blob_source *s)
{
    return s->stored_size > 0 ? s->frame + FRAME_ROOM : s->frame;
}

/* Straight into the caller's memory when a whole frame fits there. */
static enum status fill(struct blob_source *s, unsigned char *to, size_t room, size_t *n)
{
    size_t size;

    if (s->plain_left == 0) {
        size = frame_size(s);
        if (size <= room) {
            TRY(open_frame(s, size, to));
            *n = size;
            return OK;
        }
        TRY(open_frame(s, size, spare(s)));
        s->plain = spare(s);
        s->plain_left = size;
    }
    *n = room < s->plain_left ? room : s->plain_left;
    memcpy(to, s->plain, *n);
    s->plain += *n;
    s->plain_left -= *n;
    return OK;
}

static enum status fill_all(struct blob_source *s, unsigned char *to, size_t size, size_t *n)
{
    uint64_t frames = blob_frame_count(s->size);
    size_t got;

    if (s->cipher == NULL && s->next < frames)
        TRY(begin(s));
    /* An empty document has a frame too, whose tag is looked at. */
    while ((*n < size || s->size == 0) && (s->plain_left > 0 || s->next < frames)) {
        TRY(fill(s, to + *n, size - *n, &got));
        *n += got;
    }
    if (s->plain_left == 0 && s->next == frames)
        let_go(s);
    return OK;
}

static enum status source_read(struct byte_source *base, void *to, size_t size, size_t *n)
{
    struct blob_source *s = (struct blob_source *)base;
    enum status status;

    *n = 0;
    if (s->failed)
        return INTERNAL;
    status = fill_all(s, to, size, n);
    if (status != OK) {
        s->failed = true;
        *n = 0;
        let_go(s);
    }
    return status;
}

/* It is disposed with the arena, also when it does not open. */
static enum status source_new(struct blobs *b, struct arena *a, const struct blob_ref *ref,
                              struct blob_source **out)
{
    struct blob_source *s = *out = ARENA_NEW(a, struct blob_source);

    s->base = (struct byte_source){.read = source_read, .length = ref->size};
    s->blobs = b;
    s->id = ref->id;
    s->size = ref->size;
    s->stored_size = ref->stored_size;
    arena_defer(a, source_dispose, s);
    if (blob_key_unwrap(b, ref->id, ref->wrapped_key, s->key) < 0)
        return spoiled(s, BLOB_LOCKED, "its key does not open: another master key?");
    return open_object(s);
}

enum status blob_open(struct blobs *b, struct arena *a, const struct blob_ref *ref,
                      struct byte_source **out)
{
    struct blob_source *s;

    TRY(source_new(b, a, ref, &s));
    *out = &s->base;
    if (b->store->ops->fetch != NULL)
        return b->store->ops->fetch(s->object);
    let_go(s);
    return OK;
}

enum status blob_read(struct blobs *b, struct arena *a, const struct blob_ref *ref, struct str *out)
{
    struct blob_source *s;
    unsigned char *bytes;
    size_t n;

    TRY(source_new(b, a, ref, &s));
    bytes = arena_bytes(a, (size_t)ref->size + 1);
    TRY(source_read(&s->base, bytes, (size_t)ref->size, &n));
    *out = str_of(bytes, n);
    return OK;
}

/* --- verification ------------------------------------------------------------------------- */

struct hashes {
    EVP_MD_CTX *sha1, *sha256;
};

static void hash(const struct hashes *h, const void *bytes, size_t n)
{
    must(EVP_DigestUpdate(h->sha1, bytes, n) == 1 && EVP_DigestUpdate(h->sha256, bytes, n) == 1,
         "OpenSSL cannot go on with a hash");
}

static bool hashes_are(const struct hashes *h, const unsigned char *sha1,
                       const unsigned char *sha256)
{
    unsigned char one[BLOB_SHA1], two[BLOB_SHA256];

    must(EVP_DigestFinal_ex(h->sha1, one, NULL) == 1 &&
             EVP_DigestFinal_ex(h->sha256, two, NULL) == 1,
         "OpenSSL cannot end a hash");
    return memcmp(one, sha1, BLOB_SHA1) == 0 && memcmp(two, sha256, BLOB_SHA256) == 0;
}

static enum status hash_all(struct blob_source *s, struct arena *a, const struct hashes *h)
{
    unsigned char *piece = arena_alloc(a, PIECE);
    size_t n;

    do {
        TRY(source_read(&s->base, piece, PIECE, &n));
        hash(h, piece, n);
    } while (n > 0);
    return OK;
}

static enum blob_fault fault_of(const struct blob_source *s, enum status status)
{
    if (status == OK || s->fault != BLOB_SOUND)
        return s->fault;
    return status == NOT_FOUND ? BLOB_MISSING : BLOB_UNREADABLE;
}

enum blob_fault blob_verify(struct blobs *b, const struct blob_ref *ref,
                            const unsigned char sha1[BLOB_SHA1],
                            const unsigned char sha256[BLOB_SHA256])
{
    struct hashes h = {EVP_MD_CTX_new(), EVP_MD_CTX_new()};
    struct blob_source *s;
    struct arena a;
    enum blob_fault fault;
    enum status status;

    must(h.sha1 != NULL && h.sha256 != NULL && EVP_DigestInit_ex2(h.sha1, b->sha1, NULL) == 1 &&
             EVP_DigestInit_ex2(h.sha256, b->sha256, NULL) == 1,
         "OpenSSL cannot begin a hash");
    arena_init(&a);
    status = source_new(b, &a, ref, &s);
    if (status == OK)
        status = hash_all(s, &a, &h);
    fault = fault_of(s, status);
    if (fault == BLOB_SOUND && !hashes_are(&h, sha1, sha256))
        fault = BLOB_WRONG_HASH;
    arena_dispose(&a);
    EVP_MD_CTX_free(h.sha1);
    EVP_MD_CTX_free(h.sha256);
    return fault;
}
