#include "xds/ondemand.h"

#include "hub/base/oid.h"
#include "xds/rows.h"
#include "xds/submit.h"

#define SNAPSHOT_OF "urn:ihe:iti:2010:AssociationType:IsSnapshotOf"

enum { SOURCES_MAX = 200, CHUNK = 65536 };

/* The publisher's own, of the same record: what the hub keeps in its name is nobody else's, and
 * goes where that record goes. Snapshots are no sources. Two hundred are enough to find one that
 * the caller may see. */
static const struct statement FIND_SOURCES = {
    "xds_snapshot_sources",
    "SELECT " XDS_DOCUMENT_COLUMNS "\n"
    "  FROM xds_document_entry d\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND source_member = $9\n"
    "   AND status = 'approved'\n"
    "   AND object_type = $3\n"
    "   AND repository_unique_id = $4\n"
    "   AND type_code = $5\n"
    "   AND format_code = $6\n"
    "   AND mime_type = $7\n"
    "   AND NOT EXISTS (\n"
    "       SELECT\n"
    "         FROM xds_association a\n"
    "        WHERE a.pkey = d.pkey\n"
    "          AND a.source_uuid = d.entry_uuid\n"
    "          AND a.association_type = '" SNAPSHOT_OF "')\n"
    " ORDER BY creation_time DESC, registered_at DESC\n"
    " LIMIT $8",
};

static const struct statement FIND_LAST = {
    "xds_snapshot_last",
    "SELECT " XDS_DOCUMENT_COLUMNS "\n"
    "  FROM xds_document_entry\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND source_member = $4\n"
    "   AND status = 'approved'\n"
    "   AND entry_uuid IN (\n"
    "       SELECT a.source_uuid\n"
    "         FROM xds_association a\n"
    "        WHERE a.pkey = $1\n"
    "          AND a.target_uuid = $3\n"
    "          AND a.association_type = '" SNAPSHOT_OF "')\n"
    " ORDER BY registered_at DESC\n"
    " LIMIT 1",
};

/* Changes nothing but who comes first: of two that make a snapshot at once, one starts over. */
static const struct statement TOUCH = {
    "xds_snapshot_touch",
    "UPDATE xds_document_entry\n"
    "   SET status = status\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = $3",
};

struct taking {
    struct request *rq;
    const struct xds_document *on_demand;
    const struct person *person;
    struct rows sources, last, blobs;
    const struct xds_document *source, *previous;
};

static struct str code_text(struct arena *a, const struct xds_code *code)
{
    return str_printf(a, "%.*s^^%.*s", STR_ARG(code->code), STR_ARG(code->scheme));
}

/* --- the newest that the caller may see ---------------------------------------------------------
 */

static enum status find(struct taking *t)
{
    struct arena *a = t->rq->arena;
    const struct xds_document *d = t->on_demand;

    db_queue(t->rq->db, &FIND_SOURCES, &t->sources, DB_INT8(d->o.place.pkey),
             DB_INT8(d->o.place.record_id), DB_TEXT(STR(XDS_STABLE_TYPE)),
             DB_TEXT(str_from(t->rq->config->repository_unique_id)),
             DB_TEXT(code_text(a, &d->type_code)), DB_TEXT(code_text(a, &d->format_code)),
             DB_TEXT(d->mime_type), DB_INT8(SOURCES_MAX), DB_INT8(d->o.source_member));
    db_queue(t->rq->db, &FIND_LAST, &t->last, DB_INT8(d->o.place.pkey),
             DB_INT8(d->o.place.record_id), DB_UUID(d->o.uuid), DB_INT8(d->o.source_member));
    TRY(db_flush(t->rq->db));
    if (t->last.count > 0)
        t->previous = xds_document(xds_rows_read(a, XDS_DOCUMENT, &t->last, 0));
    return OK;
}

static enum status gate(struct taking *t, const struct xds_candidates *found,
                        const struct xds_visible **seen)
{
    struct xds_candidates c = {.people = found->people, .policies = found->policies};

    for (int row = 0; row < t->sources.count; row++)
        xds_candidates_add(t->rq, &c, xds_rows_read(t->rq->arena, XDS_DOCUMENT, &t->sources, row),
                           t->person, false);
    return xds_gate(t->rq, &c, seen);
}

/* The bytes of a version are the first one's (xds_blob). */
static enum status find_blobs(struct taking *t, const struct xds_visible *seen)
{
    size_t n = xds_visible_count(seen);
    int64_t *pkeys = ARENA_ARRAY(t->rq->arena, n, int64_t);
    struct uuid *uuids = ARENA_ARRAY(t->rq->arena, n, struct uuid);

    for (size_t i = 0; i < n; i++) {
        pkeys[i] = xds_visible_object(seen, i)->place.pkey;
        uuids[i] = xds_visible_object(seen, i)->logical;
    }
    blob_rows_queue(t->rq, pkeys, uuids, n, &t->blobs);
    return db_flush(t->rq->db);
}

static bool choose(struct taking *t, const struct xds_visible *seen, struct xds_snapshot *out)
{
    for (size_t i = 0; i < xds_visible_count(seen) && t->source == NULL; i++) {
        const struct xds_object *o = xds_visible_object(seen, i);

        if (blob_rows_find(&t->blobs, o->logical, &out->blob))
            t->source = xds_document((struct xds_object *)(uintptr_t)o);
    }
    return t->source != NULL;
}

static bool is_of_source(const struct taking *t)
{
    return t->previous && str_eq_nocase(t->previous->hash, t->source->hash) &&
           str_eq(t->previous->size, t->source->size);
}

/* --- bytes of its own ---------------------------------------------------------------------------
 */

static enum status copy(struct taking *t, const struct blob_ref *from, struct blob_writer **out)
{
    struct byte_source *source;
    char *chunk = arena_alloc(t->rq->arena, CHUNK);
    size_t n;

    *out = blob_begin(xds_repository(), t->rq->arena);
    TRY(blob_open(xds_repository(), t->rq->arena, from, &source));
    do {
        TRY(source->read(source, chunk, CHUNK, &n));
        TRY(blob_write(*out, str_of(chunk, n)));
    } while (n > 0);
    TRY(blob_end(*out));
    return blob_commit(out, 1);
}

static void unkeep(void *blob)
{
    blob_unkeep(blob);
}

static enum status keep_copy(struct taking *t, const struct blob_ref *from,
                             struct blob_writer **out)
{
    if (copy(t, from, out) != OK)
        return fail_at(t->rq->err, t->on_demand->unique_id, UPSTREAM, "XDSRepositoryError",
                       "The repository cannot make the document %.*s now",
                       STR_ARG(t->on_demand->unique_id));
    blob_keep(*out);
    request_on_rollback(t->rq, unkeep, *out);
    return OK;
}

/* --- its metadata -------------------------------------------------------------------------------
 */

static void link(struct xds_submission *s, const char *id, enum xds_link type, struct str source,
                 struct str target)
{
    struct xds_association *a = xds_association(xds_object_new(s->objects.arena, XDS_ASSOCIATION));

    a->o.id = str_from(id);
    a->association_type = xds_link_urn(type);
    a->source = source;
    a->target = target;
    if (type == XDS_HAS_MEMBER)
        a->set_status = STR("Original");
    xds_objects_add(&s->objects, &a->o);
}

/* What the on-demand entry says of the document, and what only its bytes say. */
static struct xds_document *snapshot_entry(struct taking *t, struct str patient)
{
    struct xds_document *d = xds_document(xds_object_new(t->rq->arena, XDS_DOCUMENT));
    struct xds_object header = d->o;

    *d = *t->on_demand;
    d->o = header;
    d->o.id = STR("snapshot");
    d->o.limited = t->on_demand->o.limited;
    d->o.extra = t->on_demand->o.extra;
    d->object_type = STR(XDS_STABLE_TYPE);
    d->unique_id = oid_of_uuid(t->rq->arena, uuid_v4());
    d->patient_id = patient;
    d->creation_time = t->source->creation_time;
    d->hash = t->source->hash;
    d->size = t->source->size;
    return d;
}

static struct xds_submission_set *snapshot_set(struct taking *t, struct str patient)
{
    struct xds_submission_set *s = xds_submission_set(xds_object_new(t->rq->arena, XDS_SET));

    s->o.id = STR("set");
    s->patient_id = patient;
    s->unique_id = oid_of_uuid(t->rq->arena, uuid_v4());
    s->source_id = str_from(t->rq->config->repository_unique_id);
    s->submission_time = clock_dtm(t->rq->arena, t->rq->now_us);
    s->content_type_code = t->on_demand->type_code;
    return s;
}

static enum status enter(struct taking *t, const struct blob_writer *bytes,
                         struct xds_snapshot *out)
{
    struct xds_submission *s = ARENA_NEW(t->rq->arena, struct xds_submission);
    struct identifier xad = {str_from(t->rq->config->xad_authority), t->person->xad_pid};
    struct str patient = identifier_cx(t->rq->arena, xad);
    struct xds_document *d = snapshot_entry(t, patient);
    struct blob_row row;

    *s = (struct xds_submission){.objects = {.arena = t->rq->arena},
                                 .set = snapshot_set(t, patient),
                                 .publisher = t->on_demand->o.source_member};
    xds_objects_add(&s->objects, &d->o);
    xds_objects_add(&s->objects, &s->set->o);
    link(s, "member", XDS_HAS_MEMBER, s->set->o.id, d->o.id);
    link(s, "snapshot-of", XDS_IS_SNAPSHOT_OF, d->o.id,
         uuid_urn(t->rq->arena, t->on_demand->o.uuid));
    if (t->previous)
        link(s, "replaces", XDS_RPLC, d->o.id, uuid_urn(t->rq->arena, t->previous->o.uuid));
    db_queue(t->rq->db, &TOUCH, NULL, DB_INT8(t->on_demand->o.place.pkey),
             DB_INT8(t->on_demand->o.place.record_id), DB_UUID(t->on_demand->o.uuid));
    TRY(xds_submit(t->rq, s));
    t->rq->audit.last->action = 'C';
    row = (struct blob_row){d->o.uuid, blob_info_of(bytes)};
    blob_rows_insert(t->rq, d->o.place.pkey, &row, 1);
    out->entry = d;
    return OK;
}

enum status xds_snapshot_take(struct request *rq, const struct xds_candidates *found,
                              const struct xds_document *on_demand, const struct person *person,
                              struct xds_snapshot *out)
{
    struct taking t = {.rq = rq, .on_demand = on_demand, .person = person};
    const struct xds_visible *seen;
    struct blob_writer *bytes;

    *out = (struct xds_snapshot){0};
    TRY(find(&t));
    TRY(gate(&t, found, &seen));
    TRY(find_blobs(&t, seen));
    if (!choose(&t, seen, out))
        return NOT_FOUND;
    out->entry = t.previous;
    if (is_of_source(&t))
        return OK;
    TRY(keep_copy(&t, &out->blob, &bytes));
    return enter(&t, bytes, out);
}
