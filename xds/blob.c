#include "xds/blob.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/log.h"
#include "xds/blob_frame.h"
#include "xds/blob_pack.h"

/* A document of up to two frames waits in memory until the worker commits it: the I/O thread then
 * touches no disk for it. What waits in memory is bounded over all requests. */
enum {
    HELD_FRAMES = 2,
    BUFFER_MAX = BLOB_HEADER + HELD_FRAMES * (BLOB_PACK_LENGTH + BLOB_FRAME + BLOB_TAG),
    BUFFER_START = 4096,
    HELD_TOTAL_MAX = 32 << 20,
};

enum writer_state {
    WRITING,
    ENDED,   /* the last frame is sealed; in memory, or in a temporary file */
    DURABLE, /* in the store under its name */
    LOST,    /* the store failed */
};

struct blob_writer {
    struct blobs *blobs;
    enum writer_state state;
    bool kept, packed;
    struct blob_info info;
    EVP_CIPHER_CTX *cipher;
    EVP_MD_CTX *sha1, *sha256;
    unsigned char header[BLOB_HEADER];
    /* The buffer: what is sealed and not yet in the file, then the open frame's plain bytes. */
    unsigned char *buffer;
    size_t used, capacity, open_at;
    unsigned sealed;         /* frames in the buffer */
    uint64_t frame;          /* number of the open frame */
    size_t held;             /* counted in blobs->held */
    struct store_file *file; /* NULL: all is in the buffer */
};

static void drop_buffer(struct blob_writer *w)
{
    free(w->buffer);
    w->buffer = NULL;
    w->capacity = w->used = 0;
    atomic_fetch_sub(&w->blobs->held, w->held);
    w->held = 0;
}

static void drop_contexts(struct blob_writer *w)
{
    EVP_CIPHER_CTX_free(w->cipher);
    EVP_MD_CTX_free(w->sha1);
    EVP_MD_CTX_free(w->sha256);
    w->cipher = NULL;
    w->sha1 = w->sha256 = NULL;
}

/* On the I/O thread, when the answer has gone. */
static void forget(struct store *s, struct uuid id)
{
    if (s->ops->forget != NULL)
        s->ops->forget(s, id);
    else if (s->ops->remove(s, id) != OK)
        log_warn("blob_orphaned", "a document of a failed submission stays in the store");
}

static void writer_dispose(void *p)
{
    struct blob_writer *w = p;
    struct store *s = w->blobs->store;

    drop_contexts(w);
    drop_buffer(w);
    if (w->file != NULL)
        s->ops->abort(w->file);
    if (w->state == DURABLE && !w->kept)
        forget(s, w->info.id);
}

struct blob_writer *blob_begin(struct blobs *b, struct arena *a)
{
    struct blob_writer *w = ARENA_NEW(a, struct blob_writer);
    unsigned char key[BLOB_KEY], prefix[BLOB_PREFIX];

    w->blobs = b;
    w->info.id = uuid_v7();
    randombytes_buf(key, sizeof(key));
    randombytes_buf(prefix, sizeof(prefix));
    blob_key_wrap(b, w->info.id, key, w->info.wrapped_key);
    blob_header_write(w->info.id, false, prefix, w->header);
    w->cipher = blob_cipher_new(b, key, true);
    sodium_memzero(key, sizeof(key));
    w->sha1 = EVP_MD_CTX_new();
    w->sha256 = EVP_MD_CTX_new();
    must(w->sha1 != NULL && w->sha256 != NULL && EVP_DigestInit_ex2(w->sha1, b->sha1, NULL) == 1 &&
             EVP_DigestInit_ex2(w->sha256, b->sha256, NULL) == 1,
         "OpenSSL cannot begin a hash");
    w->buffer = malloc(BUFFER_START);
    must(w->buffer != NULL, "out of memory");
    w->capacity = BUFFER_START;
    memcpy(w->buffer, w->header, BLOB_HEADER);
    w->used = w->open_at = BLOB_HEADER;
    arena_defer(a, writer_dispose, w);
    return w;
}

/* What is in the buffer goes to the temporary file. */
static enum status spill(struct blob_writer *w)
{
    struct store *s = w->blobs->store;

    if (w->file == NULL)
        w->file = s->ops->begin(s, w->info.id);
    if (w->file == NULL || s->ops->write(w->file, w->buffer, w->used) != OK) {
        w->state = LOST;
        return UPSTREAM;
    }
    w->used = w->open_at = 0;
    w->sealed = 0;
    return OK;
}

/* Room for n bytes and a tag behind what is there. Never more than BUFFER_MAX. */
static void reserve(struct blob_writer *w, size_t n)
{
    size_t capacity = w->capacity, needed = w->used + n + BLOB_TAG;

    if (needed <= capacity)
        return;
    while (capacity < needed)
        capacity *= 4;
    if (capacity > BUFFER_MAX)
        capacity = BUFFER_MAX;
    w->buffer = realloc(w->buffer, capacity);
    must(w->buffer != NULL, "out of memory");
    w->capacity = capacity;
}

/* The first frame decides about the whole document; nothing has left the buffer yet. */
static void choose_packing(struct blob_writer *w)
{
    if (w->frame > 0 || !blob_pack_helps(w->buffer + w->open_at, w->used - w->open_at))
        return;
    w->packed = true;
    w->header[BLOB_PACKING_AT] = w->buffer[BLOB_PACKING_AT] = 1;
    w->info.stored_size = BLOB_HEADER;
}

static void pack(struct blob_writer *w)
{
    size_t n;

    reserve(w, BLOB_PACK_LENGTH);
    n = blob_pack_frame(w->buffer + w->open_at, w->used - w->open_at);
    w->open_at += BLOB_PACK_LENGTH;
    w->used = w->open_at + n;
    w->info.stored_size += BLOB_PACK_LENGTH + n + BLOB_TAG;
}

static void seal(struct blob_writer *w, bool last)
{
    must(w->frame <= UINT32_MAX, "a document of more than 2^32 frames");
    choose_packing(w);
    if (w->packed)
        pack(w);
    reserve(w, 0);
    blob_frame_seal(w->cipher, w->header, (uint32_t)w->frame, last, w->buffer + w->open_at,
                    w->used - w->open_at);
    w->used += BLOB_TAG;
    w->open_at = w->used;
    w->frame++;
    w->sealed++;
}

/* A full frame is sealed only when more bytes come: the last one carries the flag. */
static enum status next_frame(struct blob_writer *w)
{
    seal(w, false);
    return w->sealed == HELD_FRAMES ? spill(w) : OK;
}

enum status blob_write(struct blob_writer *w, struct str bytes)
{
    if (w->state != WRITING)
        return UPSTREAM;
    must(bytes.n == 0 || (EVP_DigestUpdate(w->sha1, bytes.p, bytes.n) == 1 &&
                          EVP_DigestUpdate(w->sha256, bytes.p, bytes.n) == 1),
         "OpenSSL cannot go on with a hash");
    w->info.size += bytes.n;
    while (bytes.n > 0) {
        size_t open, take;

        if (w->used - w->open_at == BLOB_FRAME)
            TRY(next_frame(w));
        open = w->used - w->open_at;
        take = bytes.n < BLOB_FRAME - open ? bytes.n : BLOB_FRAME - open;
        reserve(w, take);
        memcpy(w->buffer + w->used, bytes.p, take);
        w->used += take;
        bytes = str_slice(bytes, take, bytes.n);
    }
    return OK;
}

/* Waits in memory if it is small and there is room for it. */
static enum status settle(struct blob_writer *w)
{
    size_t before = atomic_fetch_add(&w->blobs->held, w->used);

    w->held = w->used;
    if (w->file == NULL && before + w->used <= HELD_TOTAL_MAX)
        return OK;
    TRY(spill(w));
    drop_buffer(w);
    return OK;
}

enum status blob_end(struct blob_writer *w)
{
    if (w->state != WRITING)
        return UPSTREAM;
    seal(w, true);
    must(EVP_DigestFinal_ex(w->sha1, w->info.sha1, NULL) == 1 &&
             EVP_DigestFinal_ex(w->sha256, w->info.sha256, NULL) == 1,
         "OpenSSL cannot end a hash");
    drop_contexts(w);
    w->state = ENDED;
    return settle(w);
}

const struct blob_info *blob_info_of(const struct blob_writer *w)
{
    must(w->state != WRITING, "a blob's info is known after its end");
    return &w->info;
}

/* Hands the temporary file of an ended blob over to the list. */
static enum status collect(struct blob_writer *w, struct store_file **files, size_t *count)
{
    if (w->state == DURABLE)
        return OK;
    if (w->state != ENDED)
        return UPSTREAM;
    if (w->file == NULL) {
        TRY(spill(w));
        drop_buffer(w);
    }
    files[(*count)++] = w->file;
    w->file = NULL;
    return OK;
}

static enum status commit_files(struct store *s, struct blob_writer **w, size_t count,
                                struct store_file **files)
{
    enum status status = OK;
    size_t n = 0;

    for (size_t i = 0; i < count && status == OK; i++)
        status = collect(w[i], files, &n);
    if (status == OK && n > 0)
        return s->ops->commit(s, files, n);
    for (size_t i = 0; i < n; i++)
        s->ops->abort(files[i]);
    return status;
}

enum status blob_commit(struct blob_writer **w, size_t count)
{
    struct store_file **files = calloc(count + 1, sizeof(struct store_file *));
    enum status status = OK;

    must(files != NULL, "out of memory");
    if (count > 0)
        status = commit_files(w[0]->blobs->store, w, count, files);
    free(files);
    for (size_t i = 0; i < count; i++)
        if (w[i]->state == ENDED)
            w[i]->state = status == OK ? DURABLE : LOST;
    return status;
}

void blob_keep(struct blob_writer *w)
{
    w->kept = true;
}

void blob_unkeep(struct blob_writer *w)
{
    w->kept = false;
}

static void *sink_begin(void *context, struct arena *a)
{
    return blob_begin(context, a);
}

static enum status sink_write(void *stored, struct str bytes)
{
    return blob_write(stored, bytes);
}

static enum status sink_end(void *stored)
{
    return blob_end(stored);
}

struct part_sink blob_part_sink(struct blobs *b)
{
    return (struct part_sink){b, sink_begin, sink_write, sink_end};
}
