#include "hub/audit/leaves.h"

#include "hub/audit/record_cipher.h"

enum status audit_leaves_end(struct db *db, int64_t *end)
{
    static const struct statement END = {
        "audit_leaves_end",
        /* across places: the newest number of all */
        "SELECT leaf"
        " FROM audit_leaf"
        " ORDER BY leaf DESC"
        " LIMIT 1",
    };
    struct rows r;

    db_queue0(db, &END, &r);
    TRY(db_flush(db));
    *end = r.count > 0 ? row_int(&r, 0, 0) + 1 : 0;
    return OK;
}

/* The positions of the leaves, for the statement that reads the records. */
struct positions {
    int64_t *pkeys, *times;
    struct uuid *ids;
};

static enum status positions_read(struct db *db, struct arena *a, int64_t from, int most,
                                  struct positions *p, struct audit_leaf **out, size_t *count)
{
    static const struct statement LEAVES = {
        "audit_leaves",
        /* across places: a follower reads the log as a whole */
        "SELECT leaf, pkey, at, id"
        " FROM audit_leaf"
        " WHERE leaf >= $1"
        " ORDER BY leaf"
        " LIMIT $2",
    };
    struct rows r;
    size_t n;

    db_queue(db, &LEAVES, &r, DB_INT8(from), DB_INT8(most));
    TRY(db_flush(db));
    n = (size_t)r.count;
    *p = (struct positions){ARENA_ARRAY(a, n, int64_t), ARENA_ARRAY(a, n, int64_t),
                            ARENA_ARRAY(a, n, struct uuid)};
    *out = ARENA_ARRAY(a, n, struct audit_leaf);
    *count = n;
    for (size_t i = 0; i < n; i++) {
        (*out)[i].leaf = row_int(&r, (int)i, 0);
        p->pkeys[i] = row_int(&r, (int)i, 1);
        p->times[i] = row_time(&r, (int)i, 2);
        p->ids[i] = row_uuid(&r, (int)i, 3);
    }
    return OK;
}

static void leaf_open(struct arena *a, const struct rows *r, int row, struct str *out)
{
    struct audit_position at = {row_int(r, row, 0), row_time(r, row, 1), row_uuid(r, row, 2)};
    struct sealed_record sealed = {.record = row_bytea(r, row, 3), .key = row_bytea(r, row, 5)};
    struct str leaf_hash = row_bytea(r, row, 4);

    must(leaf_hash.n == AUDIT_LEAF_BYTES, "a leaf hash of 32 bytes");
    memcpy(sealed.leaf_hash, leaf_hash.p, AUDIT_LEAF_BYTES);
    record_unseal(a, &at, &sealed, out);
}

enum status audit_leaves_read(struct db *db, struct arena *a, int64_t from, int most,
                              struct audit_leaf **out, size_t *count)
{
    static const struct statement RECORDS = {
        "audit_leaf_records",
        "SELECT e.pkey, e.at, e.id, e.record, e.leaf_hash, s.record_key"
        " FROM audit_event e"
        " JOIN audit_search s ON s.pkey = e.pkey AND s.at = e.at AND s.id = e.id"
        " WHERE (e.pkey, e.at, e.id) IN"
        "  (SELECT w.pkey, w.at, w.id"
        "   FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[]) AS w (pkey, at, id))",
    };
    struct positions p;
    struct rows r;

    TRY(positions_read(db, a, from, most, &p, out, count));
    if (*count == 0)
        return OK;
    db_queue(db, &RECORDS, &r, DB_INT8S(p.pkeys, *count), DB_TIMES(p.times, *count),
             DB_UUIDS(p.ids, *count));
    TRY(db_flush(db));
    for (int i = 0; i < r.count; i++)
        for (size_t j = 0; j < *count; j++)
            if (uuid_eq(p.ids[j], row_uuid(&r, i, 2)))
                leaf_open(a, &r, i, &(*out)[j].record);
    return OK;
}
