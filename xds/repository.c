#include "xds/repository.h"

#include "hub/hub.h"

static struct blobs *repository;

struct part_sink xds_part_sink;

static enum status read_keys(const struct config *config, struct store *store, struct errors *err)
{
    const unsigned char *key;
    struct str rest = str_from(config->document_keys_known), path;
    struct arena a;
    enum status s;

    s = config->document_key[0] != '\0' ? hub_key_file(config->document_key, &key, err)
                                        : hub_master_key(config, &key, err);
    if (s != OK) {
        store->ops->free(store);
        return s;
    }
    repository = blobs_new(store, key);
    arena_init(&a);
    while (s == OK && (rest = str_trim(rest)).n > 0) {
        path = str_cut(&rest, ' ');
        s = hub_key_file(str_c(&a, path), &key, err);
        if (s == OK && !blobs_know_key(repository, key))
            s = fail(err, INVALID, "config", "document_keys_known names too many keys");
    }
    arena_dispose(&a);
    return s;
}

static enum status open_store(const struct config *config, struct store **out, struct errors *err)
{
    struct str kind = str_from(config->store);

    if (str_eq(kind, STR("fs")))
        return store_fs_open(config->store_dir, config->fsync_group_us, out, err);
    if (str_eq(kind, STR("s3")))
        return store_s3_open(config, out, err);
    return fail(err, INVALID, "config", "store = %s: fs or s3", config->store);
}

enum status xds_repository_open(const struct config *config, struct errors *err)
{
    struct store *store;

    TRY(open_store(config, &store, err));
    TRY(read_keys(config, store, err));
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

enum status xds_read_back(struct arena *a, struct blob_writer **blob, struct byte_source **out)
{
    const struct blob_info *info = blob_info_of(*blob);
    const struct blob_ref ref = {info->id, str_of(info->wrapped_key, BLOB_WRAPPED_KEY), info->size,
                                 info->stored_size};

    TRY(blob_commit(blob, 1));
    return blob_open(repository, a, &ref, out);
}

static const struct statement INSERT_BLOBS = {
    "xds_blob_insert",
    "INSERT INTO xds_blob\n"
    "       (pkey, entry_uuid, blob_id, store, wrapped_key, size, stored_size, sha1, sha256,\n"
    "        stored_at)\n"
    "SELECT $1, entry_uuid, blob_id, $2, wrapped_key, size, nullif(stored_size, 0), sha1, sha256,\n"
    "       CASE WHEN clock_timestamp() < $4 THEN $3 END\n"
    "  FROM unnest($5::uuid[], $6::uuid[], $7::bytea[], $8::bigint[], $9::bigint[],\n"
    "              $10::bytea[], $11::bytea[])\n"
    "       AS b (entry_uuid, blob_id, wrapped_key, size, stored_size, sha1, sha256)",
};

/* A row that is written after its lease has ended fails (stored_at is NULL then): the collector may
 * have taken the bytes for the rest of a submission that never came to its COMMIT (collect.h). */
static int64_t lease_of(const struct request *rq)
{
    return rq->now_us + rq->config->request_seconds * US_PER_SECOND;
}

void blob_rows_insert(struct request *rq, int64_t pkey, const struct blob_row *rows, size_t count)
{
    struct uuid *entries = ARENA_ARRAY(rq->arena, count, struct uuid);
    struct uuid *ids = ARENA_ARRAY(rq->arena, count, struct uuid);
    struct str *keys = ARENA_ARRAY(rq->arena, count, struct str);
    struct str *sha1s = ARENA_ARRAY(rq->arena, count, struct str);
    struct str *sha256s = ARENA_ARRAY(rq->arena, count, struct str);
    int64_t *sizes = ARENA_ARRAY(rq->arena, count, int64_t);
    int64_t *stored_sizes = ARENA_ARRAY(rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++) {
        const struct blob_info *b = rows[i].info;

        entries[i] = rows[i].entry;
        ids[i] = b->id;
        keys[i] = str_of(b->wrapped_key, BLOB_WRAPPED_KEY);
        sha1s[i] = str_of(b->sha1, BLOB_SHA1);
        sha256s[i] = str_of(b->sha256, BLOB_SHA256);
        sizes[i] = (int64_t)b->size;
        stored_sizes[i] = (int64_t)b->stored_size;
    }
    db_queue(rq->db, &INSERT_BLOBS, NULL, DB_INT8(pkey),
             DB_TEXT(str_from(blobs_store_name(repository))), DB_TIME(rq->now_us),
             DB_TIME(lease_of(rq)), DB_UUIDS(entries, count), DB_UUIDS(ids, count),
             DB_BYTEAS(keys, count), DB_INT8S(sizes, count), DB_INT8S(stored_sizes, count),
             DB_BYTEAS(sha1s, count), DB_BYTEAS(sha256s, count));
}

/* What blob_rows_find reads. */
#define BLOB_COLUMNS "entry_uuid, blob_id, wrapped_key, size, coalesce(stored_size, 0)"

/* Nearly always: all at one place. */
static const struct statement FIND_BLOBS_AT = {
    "xds_blob_find_at",
    "SELECT " BLOB_COLUMNS "\n"
    "  FROM xds_blob\n"
    " WHERE pkey = $1\n"
    "   AND entry_uuid = ANY($2)\n"
    "   AND removed_at IS NULL",
};

/* By pairs: two arrays side by side would try every combination of place and entry. */
static const struct statement FIND_BLOBS = {
    "xds_blob_find",
    "SELECT " BLOB_COLUMNS "\n"
    "  FROM xds_blob\n"
    " WHERE (pkey, entry_uuid) IN (\n"
    "       SELECT place, entry\n"
    "         FROM unnest($1::bigint[], $2::uuid[]) AS w (place, entry))\n"
    "   AND removed_at IS NULL",
};

void blob_rows_queue(struct request *rq, const int64_t *pkeys, const struct uuid *entries,
                     size_t count, struct rows *rows)
{
    size_t same = 0;

    while (same < count && pkeys[same] == pkeys[0])
        same++;
    if (count > 0 && same == count)
        db_queue(rq->db, &FIND_BLOBS_AT, rows, DB_INT8(pkeys[0]), DB_UUIDS(entries, count));
    else
        db_queue(rq->db, &FIND_BLOBS, rows, DB_INT8S(pkeys, count), DB_UUIDS(entries, count));
}

bool blob_rows_find(const struct rows *rows, struct uuid entry, struct blob_ref *ref)
{
    for (int i = 0; i < rows->count; i++) {
        if (!uuid_eq(row_uuid(rows, i, 0), entry))
            continue;
        *ref = (struct blob_ref){row_uuid(rows, i, 1), row_bytea(rows, i, 2),
                                 (uint64_t)row_int(rows, i, 3), (uint64_t)row_int(rows, i, 4)};
        return true;
    }
    return false;
}

static const struct statement REMOVE_BLOBS = {
    "xds_blob_remove",
    "UPDATE xds_blob\n"
    "   SET removed_at = $3\n"
    " WHERE (pkey, entry_uuid) IN (\n"
    "       SELECT place, entry\n"
    "         FROM unnest($1::bigint[], $2::uuid[]) AS w (place, entry))\n"
    "   AND removed_at IS NULL\n"
    "RETURNING entry_uuid",
};

void blob_rows_remove(struct request *rq, const int64_t *pkeys, const struct uuid *entries,
                      size_t count, struct rows *rows)
{
    db_queue(rq->db, &REMOVE_BLOBS, rows, DB_INT8S(pkeys, count), DB_UUIDS(entries, count),
             DB_TIME(rq->now_us));
}
