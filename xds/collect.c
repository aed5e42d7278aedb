#include "xds/collect.h"

#include <string.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "xds/blob_pages.h"

enum { BATCH = 500, WAIT_STEP_US = 50 * 1000 };

#define WAIT_US (60 * US_PER_SECOND)

static const unsigned char ERASED[BLOB_WRAPPED_KEY];

/* --- documents that were removed ---------------------------------------------------------- */

static const struct statement ERASE_KEY = {
    "xds_blob_erase_key",
    "UPDATE xds_blob\n"
    "   SET wrapped_key = $3\n"
    " WHERE pkey = $1\n"
    "   AND entry_uuid = $2\n"
    "   AND removed_at IS NOT NULL",
};

/* NOT_FOUND: somebody else collects too. */
static enum status take_away(struct collection *c, struct uuid id)
{
    struct store *store = blobs_store(c->blobs);
    enum status s = store->ops->remove(store, id);

    if (s == OK || s == NOT_FOUND)
        return OK;
    return fail(c->err, s, "store", "the store cannot remove an object; the log says why");
}

/* The key first: from then on the object is noise, whatever copies of it exist. */
static enum status collect_removed(struct collection *c, const struct blob_record *r)
{
    if (r->removed_us > clock_now_us() - c->removed_us)
        return OK;
    c->removed++;
    if (c->dry_run)
        return OK;
    db_queue(c->db, &ERASE_KEY, NULL, DB_INT8(r->pkey), DB_UUID(r->entry),
             DB_BYTEA(str_of(ERASED, sizeof(ERASED))));
    TRY(db_flush(c->db));
    return take_away(c, r->ref.id);
}

/* --- orphans ------------------------------------------------------------------------------ */

struct suspects {
    struct uuid ids[BATCH];
    size_t n;
};

/* A number that every transaction has stayed below that has written anything by now. */
static const struct statement OWN_TRANSACTION = {
    "xds_collect_own_transaction",
    "SELECT pg_current_xact_id()::text::bigint",
};

static const struct statement OLDEST_TRANSACTION = {
    "xds_collect_oldest_transaction",
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
};

static enum status ask(struct collection *c, const struct statement *s, int64_t *out)
{
    struct rows r;

    db_queue0(c->db, s, &r);
    TRY(db_flush(c->db));
    *out = row_int(&r, 0, 0);
    return OK;
}

/* Returns when every transaction that is open now, and has written, has ended. */
static enum status outwait_transactions(struct collection *c)
{
    int64_t limit = clock_monotonic_us() + WAIT_US, until, oldest;

    TRY(ask(c, &OWN_TRANSACTION, &until));
    for (;;) {
        TRY(ask(c, &OLDEST_TRANSACTION, &oldest));
        if (oldest >= until)
            return OK;
        if (clock_monotonic_us() > limit) {
            c->waited_in_vain = true;
            return OK;
        }
        usleep(WAIT_STEP_US);
    }
}

/* across places: an object's name does not say where its document lies */
static const struct statement KNOWN_ONES = {
    "xds_blob_known_ones",
    "SELECT blob_id\n"
    "  FROM xds_blob\n"
    " WHERE blob_id = ANY($1)",
};

static bool among(const struct rows *known, struct uuid id)
{
    for (int i = 0; i < known->count; i++)
        if (uuid_eq(row_uuid(known, i, 0), id))
            return true;
    return false;
}

static enum status judge(struct collection *c, const struct suspects *s)
{
    struct rows known;

    TRY(outwait_transactions(c));
    if (c->waited_in_vain)
        return OK;
    db_queue(c->db, &KNOWN_ONES, &known, DB_UUIDS(s->ids, s->n));
    TRY(db_flush(c->db));
    for (size_t i = 0; i < s->n; i++) {
        if (among(&known, s->ids[i])) {
            c->kept++;
            continue;
        }
        c->orphans++;
        if (!c->dry_run)
            TRY(take_away(c, s->ids[i]));
    }
    return OK;
}

static enum status suspect(struct collection *c, const struct store_entry *o, struct suspects *s)
{
    if (o->since_us > clock_now_us() - c->orphans_us || c->waited_in_vain)
        return OK;
    s->ids[s->n++] = o->id;
    if (s->n < BATCH)
        return OK;
    TRY(judge(c, s));
    s->n = 0;
    return OK;
}

/* --- the walk ----------------------------------------------------------------------------- */

static enum status walk_all(struct collection *c, struct blob_pages *rows, struct store_walk *walk,
                            struct suspects *suspects)
{
    const struct store_ops *ops = blobs_store(c->blobs)->ops;
    const struct blob_record *row;
    struct store_entry object;
    bool found;

    TRY(blob_pages_next(rows, &row));
    for (;;) {
        TRY(ops->walk_next(walk, &object, &found));
        if (!found)
            return suspects->n > 0 ? judge(c, suspects) : OK;
        while (row != NULL && uuid_compare(row->ref.id, object.id) < 0)
            TRY(blob_pages_next(rows, &row));
        if (row == NULL || !uuid_eq(row->ref.id, object.id))
            TRY(suspect(c, &object, suspects));
        else if (row->removed_us != 0)
            TRY(collect_removed(c, row));
        c->advanced(c->context, ++c->objects);
    }
}

enum status xds_collect(struct collection *c)
{
    struct store *store = blobs_store(c->blobs);
    struct store_walk *walk = store->ops->walk(store);
    struct suspects suspects = {.n = 0};
    struct blob_pages rows;
    enum status status;

    blob_pages_begin(&rows, c->db, c->err);
    status = walk_all(c, &rows, walk, &suspects);
    blob_pages_end(&rows);
    store->ops->walk_end(walk);
    if (status == UPSTREAM && c->err->first == NULL)
        fail(c->err, UPSTREAM, "store", "the store cannot be read; the log says why");
    return status;
}
