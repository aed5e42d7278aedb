#include "xds/repository.h"

#include "hub/hub.h"

static struct blobs *repository;

struct part_sink xds_part_sink;

enum status xds_repository_open(const struct config *config, struct errors *err)
{
    const unsigned char *master_key;
    struct store *store;

    TRY(hub_master_key(config, &master_key, err));
    TRY(store_fs_open(config->store_dir, config->fsync_group_us, &store, err));
    repository = blobs_new(store, master_key);
    xds_part_sink = blob_part_sink(repository);
    return OK;
}

void xds_repository_close(void)
{
    if (repository != NULL)
        blobs_free(repository);
    repository = NULL;
}

struct blobs *xds_repository(void)
{
    return repository;
}

static const struct statement INSERT_BLOBS = {
    "xds_blob_insert",
    "INSERT INTO xds_blob\n"
    "       (pkey, entry_uuid, blob_id, store, wrapped_key, size, sha1, sha256, stored_at)\n"
    "SELECT $1, entry_uuid, blob_id, $2, wrapped_key, size, sha1, sha256, $3\n"
    "  FROM unnest($4, $5, $6, $7, $8, $9)\n"
    "       AS b (entry_uuid, blob_id, wrapped_key, size, sha1, sha256)",
};

void blob_rows_insert(struct request *rq, int64_t pkey, const struct blob_row *rows, size_t count)
{
    struct uuid *entries = ARENA_ARRAY(rq->arena, count, struct uuid);
    struct uuid *ids = ARENA_ARRAY(rq->arena, count, struct uuid);
    struct str *keys = ARENA_ARRAY(rq->arena, count, struct str);
    struct str *sha1s = ARENA_ARRAY(rq->arena, count, struct str);
    struct str *sha256s = ARENA_ARRAY(rq->arena, count, struct str);
    int64_t *sizes = ARENA_ARRAY(rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++) {
        const struct blob_info *b = rows[i].info;

        entries[i] = rows[i].entry;
        ids[i] = b->id;
        keys[i] = str_of(b->wrapped_key, BLOB_WRAPPED_KEY);
        sha1s[i] = str_of(b->sha1, BLOB_SHA1);
        sha256s[i] = str_of(b->sha256, BLOB_SHA256);
        sizes[i] = (int64_t)b->size;
    }
    db_queue(rq->db, &INSERT_BLOBS, NULL, DB_INT8(pkey),
             DB_TEXT(str_from(blobs_store_name(repository))), DB_TIME(rq->now_us),
             DB_UUIDS(entries, count), DB_UUIDS(ids, count), DB_BYTEAS(keys, count),
             DB_INT8S(sizes, count), DB_BYTEAS(sha1s, count), DB_BYTEAS(sha256s, count));
}

/* By pairs: two arrays side by side would try every combination of place and entry. */
static const struct statement FIND_BLOBS = {
    "xds_blob_find",
    "SELECT entry_uuid, blob_id, wrapped_key, size\n"
    "  FROM xds_blob\n"
    " WHERE (pkey, entry_uuid) IN (\n"
    "       SELECT place, entry\n"
    "         FROM unnest($1::bigint[], $2::uuid[]) AS w (place, entry))",
};

void blob_rows_queue(struct request *rq, const int64_t *pkeys, const struct uuid *entries,
                     size_t count, struct rows *rows)
{
    db_queue(rq->db, &FIND_BLOBS, rows, DB_INT8S(pkeys, count), DB_UUIDS(entries, count));
}

bool blob_rows_find(const struct rows *rows, struct uuid entry, struct blob_ref *ref)
{
    for (int i = 0; i < rows->count; i++) {
        if (!uuid_eq(row_uuid(rows, i, 0), entry))
            continue;
        *ref = (struct blob_ref){row_uuid(rows, i, 1), row_bytea(rows, i, 2),
                                 (uint64_t)row_int(rows, i, 3)};
        return true;
    }
    return false;
}
