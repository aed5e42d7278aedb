#include "xds/verify.h"

#include "hub/base/clock.h"
#include "xds/blob_pages.h"
#include "xds/rim.h"

enum { PAGE = 1000 };

/* Size and SHA-1 of a document that is assembled later (IHE ITI TF-3 4.1.3.2). */
#define EMPTY_SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"

static void report(struct verification *v, const struct verify_finding *f)
{
    v->findings[f->fault]++;
    v->found(v->context, f);
}

static void advance(struct verification *v)
{
    v->advanced(v->context, v->documents + v->entries);
}

/* --- documents ---------------------------------------------------------------------------- */

static void verify_document(struct verification *v, const struct blob_record *r)
{
    static const enum verify_fault faults[] = {
        [BLOB_MISSING] = VERIFY_missing,       [BLOB_TRUNCATED] = VERIFY_truncated,
        [BLOB_ALTERED] = VERIFY_altered,       [BLOB_LOCKED] = VERIFY_locked,
        [BLOB_WRONG_HASH] = VERIFY_wrong_hash, [BLOB_UNREADABLE] = VERIFY_unreadable,
    };
    enum blob_fault fault;

    if (r->removed_us != 0)
        return;
    v->documents++;
    v->bytes += r->ref.size;
    fault = blob_verify(v->blobs, &r->ref, (const unsigned char *)r->sha1.p,
                        (const unsigned char *)r->sha256.p);
    if (fault != BLOB_SOUND)
        report(v, &(struct verify_finding){faults[fault], r->ref.id, r->entry, r->pkey});
    advance(v);
}

/* across places: an object's name does not say where its document lies */
static const struct statement IS_KNOWN = {
    "xds_blob_is_known",
    "SELECT EXISTS (SELECT FROM xds_blob WHERE blob_id = $1)",
};

/* Its row may have been written since the page was read. */
static enum status verify_object(struct verification *v, const struct store_entry *o)
{
    struct rows known;

    if (o->since_us > clock_now_us() - v->orphans_us)
        return OK;
    db_queue(v->db, &IS_KNOWN, &known, DB_UUID(o->id));
    TRY(db_flush(v->db));
    if (!row_bool(&known, 0, 0))
        report(v, &(struct verify_finding){.fault = VERIFY_orphan, .blob = o->id});
    return OK;
}

/* Rows and objects side by side, both in the order of their ids. */
static enum status compare(struct verification *v, struct blob_pages *rows, struct store_walk *walk)
{
    const struct store_ops *ops = blobs_store(v->blobs)->ops;
    const struct blob_record *row;
    struct store_entry object;
    bool found;

    TRY(blob_pages_next(rows, &row));
    TRY(ops->walk_next(walk, &object, &found));
    while (row != NULL || found) {
        int order = row == NULL ? 1 : !found ? -1 : uuid_compare(row->ref.id, object.id);

        if (order > 0)
            TRY(verify_object(v, &object));
        else
            verify_document(v, row);
        if (order >= 0) {
            v->objects++;
            TRY(ops->walk_next(walk, &object, &found));
        }
        if (order <= 0)
            TRY(blob_pages_next(rows, &row));
    }
    return OK;
}

static enum status verify_documents(struct verification *v)
{
    struct store *store = blobs_store(v->blobs);
    struct store_walk *walk = store->ops->walk(store);
    struct blob_pages rows;
    enum status status;

    blob_pages_begin(&rows, v->db, v->err);
    status = compare(v, &rows, walk);
    blob_pages_end(&rows);
    store->ops->walk_end(walk);
    if (status == UPSTREAM && v->err->first == NULL)
        fail(v->err, UPSTREAM, "store", "the store cannot be read; the log says why");
    return status;
}

/* --- metadata ----------------------------------------------------------------------------- */

/* across places: every entry of this repository is looked at */
static const struct statement NEXT_ENTRIES = {
    "xds_verify_entries",
    "SELECT e.pkey, e.record_id, e.entry_uuid, b.blob_id,\n"
    "       e.repository_unique_id = $4 AND e.object_type = $5,\n"
    "       b.blob_id IS NULL AND e.size = '0' AND lower(e.hash) = $6,\n"
    "       coalesce(lower(e.hash) = encode(b.sha1, 'hex') AND e.size = b.size::text, false)\n"
    "  FROM xds_document_entry e\n"
    "  LEFT JOIN xds_blob b ON b.pkey = e.pkey AND b.entry_uuid = e.logical_id\n"
    " WHERE (e.pkey, e.record_id, e.entry_uuid) > ($1, $2, $3)\n"
    " ORDER BY e.pkey, e.record_id, e.entry_uuid\n"
    " LIMIT $7",
};

struct entry_cursor {
    int64_t pkey, record_id;
    struct uuid entry;
};

static void verify_entry(struct verification *v, const struct rows *r, int i)
{
    bool stored = !row_null(r, i, 3);
    struct verify_finding f = {VERIFY_unstored, stored ? row_uuid(r, i, 3) : (struct uuid){{0}},
                               row_uuid(r, i, 2), row_int(r, i, 0)};

    if (!row_bool(r, i, 4))
        return;
    v->entries++;
    f.fault = stored ? VERIFY_mismatch : VERIFY_unstored;
    if (stored ? !row_bool(r, i, 6) : !row_bool(r, i, 5))
        report(v, &f);
    advance(v);
}

static enum status entry_page(struct verification *v, struct entry_cursor *at, bool *more)
{
    struct rows r;

    db_queue(v->db, &NEXT_ENTRIES, &r, DB_INT8(at->pkey), DB_INT8(at->record_id),
             DB_UUID(at->entry), DB_TEXT(v->repository), DB_TEXT(STR(XDS_STABLE_TYPE)),
             DB_TEXT(STR(EMPTY_SHA1)), DB_INT8(PAGE));
    TRY(db_flush(v->db));
    for (int i = 0; i < r.count; i++)
        verify_entry(v, &r, i);
    *more = r.count == PAGE;
    if (*more)
        *at = (struct entry_cursor){row_int(&r, PAGE - 1, 0), row_int(&r, PAGE - 1, 1),
                                    row_uuid(&r, PAGE - 1, 2)};
    return OK;
}

static enum status verify_entries(struct verification *v)
{
    struct entry_cursor at = {INT64_MIN, INT64_MIN, {{0}}};
    enum status status = OK;
    struct arena page;
    bool more = true;

    arena_init(&page);
    while (more && status == OK) {
        arena_reset(&page);
        db_attach(v->db, &page, v->err, 0);
        status = entry_page(v, &at, &more);
    }
    arena_dispose(&page);
    return status;
}

uint64_t xds_verify_findings(const struct verification *v)
{
    uint64_t n = 0;

    for (size_t i = 0; i < VERIFY_FAULT_COUNT; i++)
        n += v->findings[i];
    return n;
}

enum status xds_verify(struct verification *v)
{
    TRY(verify_documents(v));
    return verify_entries(v);
}
