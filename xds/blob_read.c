#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/log.h"
#include "xds/blob_frame.h"

struct blob_source {
    struct byte_source base;
    struct blobs *blobs;
    struct uuid id;
    uint64_t size;
    unsigned char key[BLOB_KEY], header[BLOB_HEADER];
    bool failed;
    /* From the first read to the last byte. */
    struct store_object *object;
    EVP_CIPHER_CTX *cipher;
    unsigned char *frame;       /* one frame and its tag */
    const unsigned char *plain; /* what is left of the frame that was opened last */
    size_t plain_left;
    uint64_t next; /* number of the next frame */
};

/* The blob is not what was written. Nothing of it is in the log but its id. */
static enum status spoiled(const struct blob_source *s, const char *what)
{
    char id[UUID_TEXT + 1];

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

/* Opens the object, and sees that its length and its header are this blob's. */
static enum status open_object(struct blob_source *s)
{
    const struct store_ops *ops = s->blobs->store->ops;
    size_t n;

    TRY(ops->open(s->blobs->store, s->id, &s->object));
    if (ops->size(s->object) != blob_stored_size(s->size))
        return spoiled(s, "its length is wrong");
    TRY(ops->read(s->object, 0, s->header, BLOB_HEADER, &n));
    if (n != BLOB_HEADER || !blob_header_matches(s->blobs, s->id, s->header))
        return spoiled(s, "its header is wrong");
    return OK;
}

static enum status begin(struct blob_source *s)
{
    if (s->object == NULL)
        TRY(open_object(s));
    s->cipher = blob_cipher_new(s->blobs, s->key, false);
    s->frame = malloc(BLOB_FRAME + BLOB_TAG);
    must(s->frame != NULL, "out of memory");
    return OK;
}

static size_t frame_size(const struct blob_source *s)
{
    uint64_t left = s->size - s->next * BLOB_FRAME;

    return left < BLOB_FRAME ? (size_t)left : BLOB_FRAME;
}

/* Reads the next frame of n plain bytes and decrypts it to `to`. */
static enum status open_frame(struct blob_source *s, size_t n, unsigned char *to)
{
    uint64_t at = BLOB_HEADER + s->next * (BLOB_FRAME + BLOB_TAG);
    bool last = s->next + 1 == blob_frame_count(s->size);
    size_t got;

    TRY(s->blobs->store->ops->read(s->object, at, s->frame, n + BLOB_TAG, &got));
    if (got != n + BLOB_TAG)
        return spoiled(s, "it ends early");
    if (!blob_frame_open(s->cipher, s->header, (uint32_t)s->next, last, s->frame, n, to))
        return spoiled(s, "a frame is not authentic");
    s->next++;
    return OK;
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
        TRY(open_frame(s, size, s->frame));
        s->plain = s->frame;
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

static enum status source_new(struct blobs *b, struct arena *a, const struct blob_ref *ref,
                              struct blob_source **out)
{
    struct blob_source *s = ARENA_NEW(a, struct blob_source);

    s->base = (struct byte_source){source_read, ref->size};
    s->blobs = b;
    s->id = ref->id;
    s->size = ref->size;
    if (!blob_key_unwrap(b, ref->id, ref->wrapped_key, s->key))
        return spoiled(s, "its key does not open: another master key?");
    arena_defer(a, source_dispose, s);
    *out = s;
    return open_object(s);
}

enum status blob_open(struct blobs *b, struct arena *a, const struct blob_ref *ref,
                      struct byte_source **out)
{
    struct blob_source *s;

    TRY(source_new(b, a, ref, &s));
    let_go(s);
    *out = &s->base;
    return OK;
}

enum status blob_read(struct blobs *b, struct arena *a, const struct blob_ref *ref, struct str *out)
{
    struct blob_source *s;
    unsigned char *bytes;
    size_t n;

    TRY(source_new(b, a, ref, &s));
    bytes = arena_alloc(a, (size_t)ref->size + 1);
    TRY(source_read(&s->base, bytes, (size_t)ref->size, &n));
    *out = str_of(bytes, n);
    return OK;
}
