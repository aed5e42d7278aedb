#include "xds/rekey.h"

#include <string.h>

#include "hub/base/log.h"
#include "xds/blob_pages.h"

enum { BATCH = 500 };

struct batch {
    int64_t pkeys[BATCH];
    struct uuid entries[BATCH];
    struct str before[BATCH], after[BATCH];
    size_t n;
};

/* Where the key is still the one that was read: a document that is erased meanwhile stays erased.
 */
static const struct statement REWRAP = {
    "xds_blob_rewrap",
    "UPDATE xds_blob AS b\n"
    "   SET wrapped_key = w.after\n"
    "  FROM unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::bytea[])\n"
    "       AS w (place, entry, before, after)\n"
    " WHERE b.pkey = w.place\n"
    "   AND b.entry_uuid = w.entry\n"
    "   AND b.wrapped_key = w.before",
};

static enum status write_batch(struct rekeying *r, struct batch *b)
{
    struct rows done;

    if (b->n == 0)
        return OK;
    db_queue(r->db, &REWRAP, &done, DB_INT8S(b->pkeys, b->n), DB_UUIDS(b->entries, b->n),
             DB_BYTEAS(b->before, b->n), DB_BYTEAS(b->after, b->n));
    b->n = 0;
    TRY(db_flush(r->db));
    r->rewrapped += (uint64_t)done.affected;
    return OK;
}

static bool erased(const struct blob_record *d)
{
    static const unsigned char zeros[BLOB_WRAPPED_KEY];

    return d->removed_us != 0 && memcmp(d->ref.wrapped_key.p, zeros, sizeof(zeros)) == 0;
}

static void note_locked(struct rekeying *r, struct uuid id)
{
    char text[UUID_TEXT + 1];

    uuid_write(id, text);
    log_error("rekey_locked", "blob=%s", text);
    r->locked++;
}

/* What is added lives in the arena until the batch is written. */
static void rewrap(struct rekeying *r, struct arena *a, const struct blob_record *d,
                   struct batch *b)
{
    unsigned char *key = arena_alloc(a, BLOB_WRAPPED_KEY);

    switch (blob_key_rewrap(r->blobs, d->ref.id, d->ref.wrapped_key, key)) {
    case BLOB_KEY_CURRENT:
        return;
    case BLOB_KEY_LOCKED:
        note_locked(r, d->ref.id);
        return;
    case BLOB_KEY_REWRAPPED:
        b->pkeys[b->n] = d->pkey;
        b->entries[b->n] = d->entry;
        b->before[b->n] = str_dup(a, d->ref.wrapped_key);
        b->after[b->n] = str_of(key, BLOB_WRAPPED_KEY);
        b->n++;
    }
}

static enum status rewrap_all(struct rekeying *r, struct blob_pages *rows, struct arena *a)
{
    const struct blob_record *d;
    struct batch batch = {.n = 0};

    for (;;) {
        TRY(blob_pages_next(rows, &d));
        if (d == NULL)
            return write_batch(r, &batch);
        if (!erased(d))
            rewrap(r, a, d, &batch);
        if (batch.n == BATCH) {
            TRY(write_batch(r, &batch));
            arena_reset(a);
        }
        r->advanced(r->context, ++r->documents);
    }
}

enum status xds_rekey(struct rekeying *r)
{
    struct blob_pages rows;
    enum status status;
    struct arena a;

    arena_init(&a);
    blob_pages_begin(&rows, r->db, r->err);
    status = rewrap_all(r, &rows, &a);
    blob_pages_end(&rows);
    arena_dispose(&a);
    return status;
}
