#include "xds/blob_pages.h"

enum { PAGE = 1000 };

/* across places: what lies in the store is compared with what is known anywhere */
static const struct statement NEXT_BLOBS = {
    "xds_blob_page",
    "SELECT blob_id, pkey, entry_uuid, wrapped_key, size, coalesce(stored_size, 0), sha1, sha256,\n"
    "       removed_at\n"
    "  FROM xds_blob\n"
    " WHERE blob_id > $1\n"
    " ORDER BY blob_id\n"
    " LIMIT $2",
};

void blob_pages_begin(struct blob_pages *p, struct db *db, struct errors *err)
{
    *p = (struct blob_pages){.db = db, .err = err};
    arena_init(&p->arena);
}

static enum status read_page(struct blob_pages *p)
{
    arena_reset(&p->arena);
    p->rows = (struct rows){0};
    p->at = 0;
    p->begun = true;
    db_attach(p->db, &p->arena, p->err, 0);
    db_queue(p->db, &NEXT_BLOBS, &p->rows, DB_UUID(p->last), DB_INT8(PAGE));
    return db_flush(p->db);
}

static void read_record(const struct rows *r, int i, struct blob_record *out)
{
    *out = (struct blob_record){
        .ref = {row_uuid(r, i, 0), row_bytea(r, i, 3), (uint64_t)row_int(r, i, 4),
                (uint64_t)row_int(r, i, 5)},
        .pkey = row_int(r, i, 1),
        .entry = row_uuid(r, i, 2),
        .sha1 = row_bytea(r, i, 6),
        .sha256 = row_bytea(r, i, 7),
        .removed_us = row_null(r, i, 8) ? 0 : row_time(r, i, 8),
    };
}

enum status blob_pages_next(struct blob_pages *p, const struct blob_record **out)
{
    *out = NULL;
    if (!p->begun || (p->at == p->rows.count && p->rows.count == PAGE))
        TRY(read_page(p));
    if (p->at == p->rows.count)
        return OK;
    read_record(&p->rows, p->at++, &p->record);
    p->last = p->record.ref.id;
    *out = &p->record;
    return OK;
}

void blob_pages_end(struct blob_pages *p)
{
    arena_dispose(&p->arena);
}
