#include "xds/removal.h"

#include "xds/repository.h"
#include "xds/rows.h"

#define LOCK(columns, table)                                                                       \
    "SELECT " columns "\n"                                                                         \
    "  FROM " table "\n"                                                                           \
    " WHERE pkey = $1\n"                                                                           \
    "   AND record_id = $2\n"                                                                      \
    "   AND entry_uuid = $3\n"                                                                     \
    "   FOR UPDATE"

#define DELETE(table)                                                                              \
    "DELETE FROM " table "\n"                                                                      \
    " WHERE (pkey, record_id, entry_uuid) IN (\n"                                                  \
    "       SELECT place, record, entry\n"                                                         \
    "         FROM unnest($1::bigint[], $2::bigint[], $3::uuid[]) AS w (place, record, entry))"

static const struct {
    struct statement lock, remove;
} statements[XDS_KINDS] = {
    [XDS_DOCUMENT] = {{"xds_removal_document", LOCK(XDS_DOCUMENT_COLUMNS, "xds_document_entry")},
                      {"xds_remove_documents", DELETE("xds_document_entry")}},
    [XDS_SET] = {{"xds_removal_set", LOCK(XDS_SET_COLUMNS, "xds_submission_set")},
                 {"xds_remove_sets", DELETE("xds_submission_set")}},
    [XDS_FOLDER] = {{"xds_removal_folder", LOCK(XDS_FOLDER_COLUMNS, "xds_folder")},
                    {"xds_remove_folders", DELETE("xds_folder")}},
    [XDS_ASSOCIATION] = {{"xds_removal_association",
                          LOCK(XDS_ASSOCIATION_COLUMNS, "xds_association")},
                         {"xds_remove_associations", DELETE("xds_association")}},
};

/* By pairs, as all look-ups of several keys. */
#define FIND_TOUCHING(end)                                                                         \
    "SELECT " XDS_ASSOCIATION_COLUMNS "\n"                                                         \
    "  FROM xds_association\n"                                                                     \
    " WHERE (pkey, " end "_uuid) IN (\n"                                                           \
    "       SELECT place, entry\n"                                                                 \
    "         FROM unnest($1::bigint[], $2::uuid[]) AS w (place, entry))"

static const struct statement FIND_AS_SOURCE = {"xds_removal_as_source", FIND_TOUCHING("source")};
static const struct statement FIND_AS_TARGET = {"xds_removal_as_target", FIND_TOUCHING("target")};

#define FIND_LATER(kind, table)                                                                    \
    "SELECT pkey, record_id, entry_uuid, '" kind "'\n"                                             \
    "  FROM " table "\n"                                                                           \
    " WHERE (pkey, logical_id) IN (\n"                                                             \
    "       SELECT place, entry\n"                                                                 \
    "         FROM unnest($1::bigint[], $2::uuid[]) AS w (place, entry))\n"                        \
    "   AND version > 1"

static const struct statement FIND_LATER_DOCUMENTS = {"xds_removal_later_documents",
                                                      FIND_LATER("document", "xds_document_entry")};
static const struct statement FIND_LATER_FOLDERS = {"xds_removal_later_folders",
                                                    FIND_LATER("folder", "xds_folder")};

static const struct statement REMOVE_IDS = {
    "xds_remove_ids",
    "DELETE FROM uid_entry\n"
    " WHERE (ukey, id, entry_uuid) IN (\n"
    "       SELECT key, id, entry\n"
    "         FROM unnest($1::bigint[], $2::text[], $3::uuid[]) AS w (key, id, entry))",
};

struct xds_removal xds_removal_of(struct request *rq)
{
    return (struct xds_removal){.rq = rq,
                                .objects = {.arena = rq->arena},
                                .around = {.arena = rq->arena},
                                .later = {.arena = rq->arena}};
}

static bool has(const struct xds_objects *list, struct uuid uuid)
{
    for (size_t i = 0; i < list->n; i++)
        if (uuid_eq(list->v[i]->uuid, uuid))
            return true;
    return false;
}

bool xds_removal_has(const struct xds_removal *r, struct uuid uuid)
{
    return has(&r->objects, uuid);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Keys of a list of hits, as arrays. */
struct keys {
    int64_t *pkeys;
    struct uuid *uuids;
    size_t n;
};

static struct keys keys_of(struct request *rq, const struct xds_uid_hit *hits, size_t count)
{
    struct keys k = {ARENA_ARRAY(rq->arena, count, int64_t),
                     ARENA_ARRAY(rq->arena, count, struct uuid), count};

    for (size_t i = 0; i < count; i++) {
        k.pkeys[i] = hits[i].place.pkey;
        k.uuids[i] = hits[i].uuid;
    }
    return k;
}

static void queue_touching(struct request *rq, const struct xds_uid_hit *hits, size_t count,
                           struct rows rows[2])
{
    struct keys k = keys_of(rq, hits, count);

    db_queue(rq->db, &FIND_AS_SOURCE, &rows[0], DB_INT8S(k.pkeys, k.n), DB_UUIDS(k.uuids, k.n));
    db_queue(rq->db, &FIND_AS_TARGET, &rows[1], DB_INT8S(k.pkeys, k.n), DB_UUIDS(k.uuids, k.n));
}

static void read_touching(struct request *rq, const struct rows rows[2], struct xds_objects *out)
{
    for (int end = 0; end < 2; end++)
        for (int row = 0; row < rows[end].count; row++) {
            struct xds_object *o = xds_rows_read(rq->arena, XDS_ASSOCIATION, &rows[end], row);

            if (!has(out, o->uuid))
                xds_objects_add(out, o);
        }
}

static void lock(struct request *rq, const struct xds_uid_hit *hit, struct rows *row)
{
    db_queue(rq->db, &statements[hit->kind].lock, row, DB_INT8(hit->place.pkey),
             DB_INT8(hit->place.record_id), DB_UUID(hit->uuid));
}

/* Later versions have no other way back to the first than its row. */
static void read_later(struct xds_removal *r, const struct rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        enum xds_kind kind = XDS_DOCUMENT;
        struct xds_object *o;

        (void)xds_kind_parse(row_text(rows, row, 3), &kind);
        o = xds_object_new(r->rq->arena, kind);
        o->place = (struct place){row_int(rows, row, 0), row_int(rows, row, 1)};
        o->uuid = row_uuid(rows, row, 2);
        o->id = uuid_urn(r->rq->arena, o->uuid);
        if (!has(&r->later, o->uuid))
            xds_objects_add(&r->later, o);
    }
}

enum status xds_removal_add(struct xds_removal *r, const struct xds_uid_hit *hits, size_t count)
{
    struct request *rq = r->rq;
    struct rows *rows = ARENA_ARRAY(rq->arena, count, struct rows);
    struct rows touching[2], later[2];
    struct keys k = keys_of(rq, hits, count);

    for (size_t i = 0; i < count; i++)
        lock(rq, &hits[i], &rows[i]);
    queue_touching(rq, hits, count, touching);
    db_queue(rq->db, &FIND_LATER_DOCUMENTS, &later[0], DB_INT8S(k.pkeys, k.n),
             DB_UUIDS(k.uuids, k.n));
    db_queue(rq->db, &FIND_LATER_FOLDERS, &later[1], DB_INT8S(k.pkeys, k.n),
             DB_UUIDS(k.uuids, k.n));
    TRY(db_flush(rq->db));
    for (size_t i = 0; i < count; i++)
        if (rows[i].count > 0 && !xds_removal_has(r, hits[i].uuid))
            xds_objects_add(&r->objects, xds_rows_read(rq->arena, hits[i].kind, &rows[i], 0));
    read_touching(rq, touching, &r->around);
    read_later(r, &later[0]);
    read_later(r, &later[1]);
    return OK;
}

enum status xds_removal_look(struct xds_removal *r, const struct xds_uid_hit *hits, size_t count,
                             struct xds_objects *touching)
{
    struct rows rows[2];
    struct rows *locked = ARENA_ARRAY(r->rq->arena, count, struct rows);

    *touching = (struct xds_objects){.arena = r->rq->arena};
    if (count == 0)
        return OK;
    for (size_t i = 0; i < count; i++)
        if (hits[i].kind == XDS_SET)
            lock(r->rq, &hits[i], &locked[i]);
    queue_touching(r->rq, hits, count, rows);
    TRY(db_flush(r->rq->db));
    read_touching(r->rq, rows, touching);
    return OK;
}

/* --- who stays behind ------------------------------------------------------------------------- */

static bool is_filing(const struct xds_association *link)
{
    return link && link->from.kind == XDS_SET && xds_link(link->association_type) == XDS_HAS_MEMBER;
}

static void add_end(const struct xds_removal *r, struct xds_uid_hit *out, size_t *n,
                    const struct xds_end *end)
{
    if (xds_removal_has(r, end->uuid))
        return;
    for (size_t i = 0; i < *n; i++)
        if (uuid_eq(out[i].uuid, end->uuid))
            return;
    out[(*n)++] = (struct xds_uid_hit){end->uuid, end->kind, end->place};
}

size_t xds_removal_bereaved(const struct xds_removal *r, struct xds_uid_hit **out)
{
    size_t n = 0;

    *out = ARENA_ARRAY(r->rq->arena, 2 * r->objects.n, struct xds_uid_hit);
    for (size_t i = 0; i < r->objects.n; i++) {
        const struct xds_association *link = xds_association(r->objects.v[i]);

        if (!is_filing(link))
            continue;
        add_end(r, *out, &n, &link->from);
        add_end(r, *out, &n, &link->to);
    }
    return n;
}

bool xds_removal_linked(const struct xds_removal *r, const struct xds_objects *touching,
                        const struct xds_uid_hit *hit)
{
    for (size_t i = 0; i < touching->n; i++) {
        const struct xds_association *link = xds_association(touching->v[i]);

        if (is_filing(link) && !xds_removal_has(r, link->o.uuid) &&
            (uuid_eq(link->from.uuid, hit->uuid) || uuid_eq(link->to.uuid, hit->uuid)))
            return true;
    }
    return false;
}

/* --- effects ---------------------------------------------------------------------------------- */

static void remove_kind(const struct xds_removal *r, enum xds_kind kind)
{
    struct arena *a = r->rq->arena;
    int64_t *pkeys = ARENA_ARRAY(a, 2 * r->objects.n, int64_t);
    int64_t *records = ARENA_ARRAY(a, 2 * r->objects.n, int64_t);
    struct uuid *uuids = ARENA_ARRAY(a, 2 * r->objects.n, struct uuid);
    size_t n = 0;

    for (size_t i = 0; i < r->objects.n; i++) {
        struct xds_object *o = r->objects.v[i];
        const struct xds_association *link = xds_association(o);
        struct place places[2] = {link ? link->from.place : o->place,
                                  link ? link->to.place : o->place};

        for (int end = 0; end < 2 && o->kind == kind; end++) {
            if (end == 1 && place_eq(places[0], places[1]))
                continue;
            pkeys[n] = places[end].pkey;
            records[n] = places[end].record_id;
            uuids[n++] = o->uuid;
        }
    }
    if (n == 0)
        return;
    db_queue(r->rq->db, &statements[kind].remove, NULL, DB_INT8S(pkeys, n), DB_INT8S(records, n),
             DB_UUIDS(uuids, n));
    if (kind == XDS_DOCUMENT)
        blob_rows_remove(r->rq, pkeys, uuids, n, NULL);
}

static void remove_ids(const struct xds_removal *r)
{
    struct arena *a = r->rq->arena;
    int64_t *keys = ARENA_ARRAY(a, 2 * r->objects.n, int64_t);
    struct str *ids = ARENA_ARRAY(a, 2 * r->objects.n, struct str);
    struct uuid *uuids = ARENA_ARRAY(a, 2 * r->objects.n, struct uuid);
    size_t n = 0;

    for (size_t i = 0; i < r->objects.n; i++) {
        struct xds_object *o = r->objects.v[i];
        struct str names[] = {uuid_text(a, o->uuid), xds_text(o, "uniqueId")};

        for (int j = 0; j < 2; j++) {
            if (names[j].n == 0)
                continue;
            keys[n] = xds_uid_key(names[j]);
            ids[n] = names[j];
            uuids[n++] = o->uuid;
        }
    }
    if (n > 0)
        db_queue(r->rq->db, &REMOVE_IDS, NULL, DB_INT8S(keys, n), DB_TEXTS(ids, n),
                 DB_UUIDS(uuids, n));
}

void xds_removal_apply(const struct xds_removal *r)
{
    for (int kind = 0; kind < XDS_KINDS; kind++)
        remove_kind(r, (enum xds_kind)kind);
    remove_ids(r);
}
