#include "xds/relabel.h"

#include "consent/label_store.h"
#include "hub/base/log.h"
#include "xds/label.h"
#include "xds/rows.h"

enum { BATCH = 500 };

static const struct statement LOOK = {
    "xds_relabel_look",
    "SELECT e.value, r.version = e.value AND r.done_at IS NOT NULL\n"
    "  FROM xds_relabel AS r, epoch AS e\n"
    " WHERE r.one = true\n"
    "   AND e.name = 'labels'",
};

static const struct statement LOCK = {
    "xds_relabel_lock",
    "SELECT version, pkey, record_id, entry_uuid\n"
    "  FROM xds_relabel\n"
    " WHERE one = true\n"
    "   FOR UPDATE SKIP LOCKED",
};

/* across places: every entry is looked at, by the order of the primary key. */
static const struct statement NEXT = {
    "xds_relabel_next",
    "SELECT " XDS_DOCUMENT_COLUMNS "\n"
    "  FROM xds_document_entry\n"
    " WHERE (pkey, record_id, entry_uuid) > ($1, $2, $3)\n"
    "   AND label_version IS DISTINCT FROM $4\n"
    " ORDER BY pkey, record_id, entry_uuid\n"
    " LIMIT $5",
};

/* The labels of an entry come in one text, parted by U+001F, which no XML holds. */
static const struct statement WRITE = {
    "xds_relabel_write",
    "UPDATE xds_document_entry AS d\n"
    "   SET labels = string_to_array(w.labels, chr(31)), label_version = $5\n"
    "  FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[])\n"
    "       AS w (place, record, entry, labels)\n"
    " WHERE d.pkey = w.place\n"
    "   AND d.record_id = w.record\n"
    "   AND d.entry_uuid = w.entry",
};

static const struct statement ADVANCE = {
    "xds_relabel_advance",
    "UPDATE xds_relabel\n"
    "   SET version = $1, pkey = $2, record_id = $3, entry_uuid = $4,\n"
    "       looked_at = CASE WHEN version = $1 THEN looked_at ELSE 0 END + $5,\n"
    "       changed = CASE WHEN version = $1 THEN changed ELSE 0 END + $6,\n"
    "       began_at = CASE WHEN version = $1 THEN began_at ELSE now() END,\n"
    "       done_at = CASE WHEN $7 THEN now() END\n"
    " WHERE one = true",
};

struct cursor {
    int64_t pkey, record_id;
    struct uuid entry;
};

static const struct cursor BEGINNING = {INT64_MIN, 0, {{0}}};

static struct str joined(struct arena *a, const struct xds_texts *labels)
{
    struct strbuf b = strbuf_on(a, 64);

    for (size_t i = 0; i < labels->n; i++) {
        if (i > 0)
            strbuf_addc(&b, '\x1f');
        strbuf_add(&b, labels->v[i]);
    }
    return strbuf_str(&b);
}

/* Labels the rows, queues what to write of them, and moves the cursor; how many became others. */
static int64_t relabel_rows(struct db *db, struct arena *a, const struct label_book *book,
                            const struct rows *rows, struct cursor *at)
{
    size_t n = (size_t)rows->count;
    int64_t *places = ARENA_ARRAY(a, n, int64_t), *records = ARENA_ARRAY(a, n, int64_t);
    struct uuid *entries = ARENA_ARRAY(a, n, struct uuid);
    struct str *labels = ARENA_ARRAY(a, n, struct str);
    int64_t changed = 0;

    for (size_t i = 0; i < n; i++) {
        struct xds_object *o = xds_rows_read(a, XDS_DOCUMENT, rows, (int)i);
        struct str before = joined(a, &xds_document(o)->labels);

        xds_label_make(a, xds_document(o), book);
        labels[i] = joined(a, &xds_document(o)->labels);
        changed += !str_eq(before, labels[i]);
        places[i] = o->place.pkey;
        records[i] = o->place.record_id;
        entries[i] = o->uuid;
        *at = (struct cursor){o->place.pkey, o->place.record_id, o->uuid};
    }
    if (n > 0)
        db_queue(db, &WRITE, NULL, DB_INT8S(places, n), DB_INT8S(records, n), DB_UUIDS(entries, n),
                 DB_TEXTS(labels, n), DB_INT8(label_book_version(book)));
    return changed;
}

/* Between BEGIN and COMMIT; *more is false when another process holds the lock. */
static enum status batch(struct db *db, struct arena *a, const struct label_book *book, bool *more)
{
    int64_t version = label_book_version(book), changed;
    struct cursor at = BEGINNING;
    struct rows lock, rows;

    db_queue0(db, &LOCK, &lock);
    TRY(db_flush(db));
    *more = lock.count > 0;
    if (!*more)
        return OK;
    if (row_int(&lock, 0, 0) == version)
        at = (struct cursor){row_int(&lock, 0, 1), row_int(&lock, 0, 2), row_uuid(&lock, 0, 3)};
    db_queue(db, &NEXT, &rows, DB_INT8(at.pkey), DB_INT8(at.record_id), DB_UUID(at.entry),
             DB_INT8(version), DB_INT8(BATCH));
    TRY(db_flush(db));
    *more = rows.count == BATCH;
    changed = relabel_rows(db, a, book, &rows, &at);
    db_queue(db, &ADVANCE, NULL, DB_INT8(version), DB_INT8(at.pkey), DB_INT8(at.record_id),
             DB_UUID(at.entry), DB_INT8(rows.count), DB_INT8(changed), DB_BOOL(!*more));
    return OK;
}

static enum status relabel(struct db *db, struct arena *a, bool *more)
{
    const struct label_book *book;
    struct rows look;

    *more = false;
    db_queue0(db, &LOOK, &look);
    TRY(db_flush(db));
    if (look.count == 0)
        return OK;
    TRY(label_book_hold(db, a, row_int(&look, 0, 0), &book));
    if (row_bool(&look, 0, 1))
        return OK;
    db_begin(db, READ_COMMITTED);
    if (batch(db, a, book, more) == OK && db_commit(db) == OK)
        return OK;
    db_rollback(db);
    return UPSTREAM;
}

bool xds_relabel(struct hub *hub, struct db *db, struct arena *a)
{
    bool more;

    (void)hub;
    if (relabel(db, a, &more) == OK)
        return more;
    log_error("relabel_failed", "it goes on a moment later");
    return false;
}
