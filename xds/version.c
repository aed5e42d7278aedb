#include "xds/version.h"

#include "hub/base/hash.h"
#include "xds/rows.h"
#include "xds/validate_update.h"

#define UPDATE     "XDSMetadataUpdateError"
#define VERSION    "XDSMetadataVersionError"
#define IDENTIFIER "XDSMetadataIdentifierError"
#define PATIENT    "XDSPatientIDReconciliationError"
#define UNMODIFIED "UnmodifiableMetadataError"

/* What holds updates of one object apart: every update locks its first version. */
#define LOCK_FIRST(table)                                                                          \
    "SELECT version\n"                                                                             \
    "  FROM " table "\n"                                                                           \
    " WHERE pkey = $1\n"                                                                           \
    "   AND record_id = $2\n"                                                                      \
    "   AND entry_uuid = $3\n"                                                                     \
    "   FOR UPDATE"

#define FIND_ALL(columns, table)                                                                   \
    "SELECT " columns "\n"                                                                         \
    "  FROM " table "\n"                                                                           \
    " WHERE pkey = $1\n"                                                                           \
    "   AND record_id = $2\n"                                                                      \
    "   AND (entry_uuid = $3 OR (logical_id = $3 AND version > 1))\n"                              \
    " ORDER BY version\n"                                                                          \
    "   FOR UPDATE"

#define DEPRECATE(table)                                                                           \
    "UPDATE " table "\n"                                                                           \
    "   SET status = 'deprecated'\n"                                                               \
    " WHERE pkey = $1\n"                                                                           \
    "   AND record_id = $2\n"                                                                      \
    "   AND entry_uuid = $3"

static const struct {
    struct statement lock, all, deprecate;
} statements[] = {
    [XDS_DOCUMENT] = {{"xds_lock_first_document", LOCK_FIRST("xds_document_entry")},
                      {"xds_document_versions",
                       FIND_ALL(XDS_DOCUMENT_COLUMNS, "xds_document_entry")},
                      {"xds_deprecate_version", DEPRECATE("xds_document_entry")}},
    [XDS_FOLDER] = {{"xds_lock_first_folder", LOCK_FIRST("xds_folder")},
                    {"xds_folder_versions", FIND_ALL(XDS_FOLDER_COLUMNS, "xds_folder")},
                    {"xds_deprecate_folder_version", DEPRECATE("xds_folder")}},
};

/* Memberships of sets stay with the version that was submitted. */
#define FIND_LINKS(end)                                                                            \
    "SELECT " XDS_ASSOCIATION_COLUMNS "\n"                                                         \
    "  FROM xds_association\n"                                                                     \
    " WHERE pkey = $1\n"                                                                           \
    "   AND record_id = $2\n"                                                                      \
    "   AND " end "_uuid = $3\n"                                                                   \
    "   AND source_kind <> 'set'\n"                                                                \
    "   AND status = 'approved'"

static const struct statement FIND_AS_SOURCE = {"xds_version_as_source", FIND_LINKS("source")};
static const struct statement FIND_AS_TARGET = {"xds_version_as_target", FIND_LINKS("target")};

static const struct statement RECLAIM = {
    "xds_version_claim",
    "UPDATE uid_claim\n"
    "   SET hash = $3,\n"
    "       size = $4\n"
    " WHERE ukey = $1\n"
    "   AND id = $2",
};

static const struct statement FIND_CLAIM = {
    "xds_version_claimed",
    "SELECT hash, size,\n"
    "       (SELECT count(*) FROM uid_entry e WHERE e.ukey = $1 AND e.id = $2)\n"
    "  FROM uid_claim\n"
    " WHERE ukey = $1\n"
    "   AND id = $2",
};

/* --- finding ---------------------------------------------------------------------------------- */

static const struct xds_association *member_of(const struct xds_submission *s,
                                               const struct xds_object *o)
{
    for (size_t i = 0; i < s->objects.n; i++) {
        const struct xds_association *link = xds_association(s->objects.v[i]);

        if (link && link->to.object == o && link->from.kind == XDS_SET)
            return link;
    }
    return NULL;
}

static void queue_claim(struct request *rq, struct xds_version *v)
{
    const struct xds_document *d = xds_document(v->object);

    if (d)
        db_queue(rq->db, &FIND_CLAIM, &v->claim, DB_INT8(xds_uid_key(d->unique_id)),
                 DB_TEXT(d->unique_id));
}

static enum status queue_versions(struct request *rq, struct xds_links *links,
                                  struct xds_versions *versions, struct mpi_owners *owners)
{
    struct place *places = ARENA_ARRAY(rq->arena, versions->n, struct place);

    for (size_t i = 0; i < versions->n; i++) {
        struct xds_version *v = &versions->v[i];
        const struct xds_ref *ref = xds_links_ref(links, v->object->logical);

        if (!ref->found || ref->kind != v->object->kind)
            return fail_at(rq->err, v->object->id, INVALID, VERSION,
                           "lid %.*s of %.*s names no registered %s", STR_ARG(v->object->lid),
                           STR_ARG(v->object->id), xds_models[v->object->kind].label);
        places[i] = ref->place;
        db_queue(rq->db, &statements[ref->kind].lock, &v->lock, DB_INT8(ref->place.pkey),
                 DB_INT8(ref->place.record_id), DB_UUID(v->object->logical));
        db_queue(rq->db, &statements[ref->kind].all, &v->all, DB_INT8(ref->place.pkey),
                 DB_INT8(ref->place.record_id), DB_UUID(v->object->logical));
        queue_claim(rq, v);
    }
    mpi_owners_queue(rq, places, versions->n, owners);
    return OK;
}

/* --- is it the next version of that object? --------------------------------------------------- */

static void refuse(struct request *rq, const struct xds_version *v, const char *code,
                   const char *label, struct str was, struct str is)
{
    fail_at(rq->err, v->object->id, INVALID, code,
            "%s of %.*s is '%.*s', that of version %d of %.*s is '%.*s'", label,
            STR_ARG(v->object->id), STR_ARG(str_slice(is, 0, 120)), v->latest->version,
            STR_ARG(v->object->lid), STR_ARG(str_slice(was, 0, 120)));
}

/* What no update may change, and with which error. */
static const struct fixed {
    const char *label, *code;
    enum xds_rules from;   /* by the rules of ITI-57 already, or only by those of ITI-92 */
    const char *otherwise; /* what an absent value means */
} fixed[] = {
    {"uniqueId", IDENTIFIER, XDS_UPDATE, ""},
    {"objectType", UNMODIFIED, XDS_RESTRICTED_UPDATE, ""},
    {"objectType", UPDATE, XDS_UPDATE, ""},
    {"sourcePatientId", UNMODIFIED, XDS_RESTRICTED_UPDATE, ""},
    {"repositoryUniqueId", UNMODIFIED, XDS_RESTRICTED_UPDATE, ""},
    {"documentAvailability", UNMODIFIED, XDS_RESTRICTED_UPDATE,
     "urn:ihe:iti:2010:DocumentAvailability:Online"},
};

static struct str value_or(const struct xds_object *o, const struct fixed *f)
{
    struct str value = xds_text(o, f->label);

    return value.n > 0 ? value : str_from(f->otherwise);
}

static void check_fixed(struct request *rq, enum xds_rules rules, const struct xds_version *v)
{
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        struct str was = value_or(v->latest, &fixed[i]), is = value_or(v->object, &fixed[i]);

        if (rules >= fixed[i].from && !str_eq(was, is)) {
            refuse(rq, v, fixed[i].code, fixed[i].label, was, is);
            return;
        }
    }
}

/* The bytes that this hub keeps are what they are. A delayed document has none yet. */
static void check_bytes(struct request *rq, const struct xds_version *v)
{
    static const char *const labels[] = {"hash", "size", "repositoryUniqueId"};
    const struct xds_document *was = xds_document(v->latest);

    if (was == NULL || xds_delayed(was) ||
        !str_eq(was->repository_unique_id, str_from(rq->config->repository_unique_id)))
        return;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (!str_eq_nocase(xds_text(v->latest, labels[i]), xds_text(v->object, labels[i])))
            refuse(rq, v, UPDATE, labels[i], xds_text(v->latest, labels[i]),
                   xds_text(v->object, labels[i]));
}

/* What other entries are registered with under the same uniqueId holds for this one too. Until the
 * bytes of a delayed document are made, nothing does. */
static void check_claim(struct request *rq, struct xds_version *v)
{
    const struct xds_document *d = xds_document(v->object);
    struct xds_document was = {0};

    if (d == NULL || xds_on_demand(d) || v->claim.count == 0 ||
        row_int(&v->claim, 0, 2) <= v->all.count)
        return;
    was.hash = row_text(&v->claim, 0, 0);
    was.size = row_text(&v->claim, 0, 1);
    v->shared = !xds_delayed(&was);
    if (v->shared && !str_eq_nocase(was.hash, d->hash))
        fail_at(rq->err, v->object->id, INVALID, "XDSNonIdenticalHash",
                "another entry is registered with uniqueId %.*s, and with another hash than %.*s",
                STR_ARG(str_slice(d->unique_id, 0, 120)), STR_ARG(d->hash));
}

static void check_previous(struct request *rq, const struct xds_version *v)
{
    uint64_t previous = 0;

    if (!str_to_u64(v->member->previous_version, &previous) ||
        previous != (uint64_t)v->latest->version)
        fail_at(rq->err, v->object->id, INVALID, VERSION,
                "PreviousVersion of %.*s is %.*s, the latest version of %.*s is %d",
                STR_ARG(v->object->id), STR_ARG(str_slice(v->member->previous_version, 0, 40)),
                STR_ARG(v->object->lid), v->latest->version);
    else if (v->latest->status != XDS_APPROVED)
        fail_at(rq->err, v->object->id, INVALID, UPDATE,
                "the latest version of %.*s, %d, is Deprecated: only an Approved one is updated",
                STR_ARG(v->object->lid), v->latest->version);
}

static void check_version(struct request *rq, struct xds_links *links,
                          const struct xds_source *source, struct person_ref owner,
                          struct xds_version *v)
{
    if (!xds_source_may_change(rq, source, v->latest->source_member))
        fail_at(rq->err, v->object->id, INVALID, UPDATE,
                "%.*s was published by another member, which alone may update it",
                STR_ARG(v->object->lid));
    else if (!person_ref_eq(owner, links->s->person))
        fail_at(
            rq->err, v->object->id, INVALID, PATIENT,
            "patientId %.*s of %.*s is not that of the registered %.*s: an update does not move "
            "an object to another patient",
            STR_ARG(str_slice(links->s->set->patient_id, 0, 120)), STR_ARG(v->object->id),
            STR_ARG(v->object->lid));
    else {
        check_previous(rq, v);
        check_fixed(rq, links->s->rules, v);
        check_bytes(rq, v);
        check_claim(rq, v);
    }
}

static enum status read_version(struct request *rq, struct xds_links *links,
                                const struct xds_source *source, struct person_ref owner,
                                struct xds_version *v)
{
    if (v->all.count == 0 || v->lock.count == 0)
        return fail_at(rq->err, v->object->id, INVALID, VERSION, "lid %.*s is not registered",
                       STR_ARG(v->object->lid));
    v->latest = xds_rows_read(rq->arena, v->object->kind, &v->all, v->all.count - 1);
    check_version(rq, links, source, owner, v);
    v->object->place = v->latest->place;
    v->object->logical = v->latest->logical;
    v->object->version = v->latest->version + 1;
    return OK;
}

static void queue_links(struct request *rq, struct xds_version *v)
{
    const struct xds_object *o = v->latest;

    if (!xds_propagates(v->member))
        return;
    db_queue(rq->db, &FIND_AS_SOURCE, &v->as_source, DB_INT8(o->place.pkey),
             DB_INT8(o->place.record_id), DB_UUID(o->uuid));
    db_queue(rq->db, &FIND_AS_TARGET, &v->as_target, DB_INT8(o->place.pkey),
             DB_INT8(o->place.record_id), DB_UUID(o->uuid));
}

static void list_versions(struct request *rq, const struct xds_submission *s,
                          struct xds_versions *versions)
{
    *versions =
        (struct xds_versions){.v = ARENA_ARRAY(rq->arena, s->objects.n, struct xds_version)};
    for (size_t i = 0; i < s->objects.n; i++)
        if (s->objects.v[i]->update)
            versions->v[versions->n++] =
                (struct xds_version){.object = s->objects.v[i],
                                     .member = member_of(s, s->objects.v[i])};
}

enum status xds_versions_find(struct request *rq, struct xds_links *links,
                              const struct xds_source *source, struct xds_versions *versions)
{
    struct mpi_owners owners;

    list_versions(rq, links->s, versions);
    if (versions->n == 0)
        return OK;
    TRY(queue_versions(rq, links, versions, &owners));
    TRY(db_flush(rq->db));
    TRY(mpi_owners_read(rq, &owners));
    for (size_t i = 0; i < versions->n; i++)
        TRY(read_version(rq, links, source, owners.refs[i], &versions->v[i]));
    TRY(rq->err->status);
    for (size_t i = 0; i < versions->n; i++)
        queue_links(rq, &versions->v[i]);
    return db_flush(rq->db);
}

/* --- effects ---------------------------------------------------------------------------------- */

/* An end of a registered association, where that object gets a new version too: the new one. */
static struct xds_end renewed(const struct xds_versions *versions, struct xds_end end)
{
    for (size_t i = 0; i < versions->n; i++)
        if (uuid_eq(versions->v[i].latest->uuid, end.uuid))
            return (struct xds_end){.uuid = versions->v[i].object->uuid,
                                    .kind = end.kind,
                                    .place = end.place,
                                    .object = versions->v[i].object};
    end.registered = true;
    return end;
}

static void propagate(struct request *rq, struct xds_links *links,
                      const struct xds_versions *versions, const struct xds_association *old)
{
    struct xds_end from = renewed(versions, old->from), to = renewed(versions, old->to);
    enum xds_link type = xds_link(old->association_type);

    if (type == XDS_HAS_MEMBER)
        xds_links_join(rq, links, from, to);
    else
        xds_links_make(rq, links, type, from, to)->documentation = old->documentation;
}

static void propagate_rows(struct request *rq, struct xds_links *links,
                           const struct xds_versions *versions, const struct rows *rows,
                           bool as_target)
{
    for (int row = 0; row < rows->count; row++) {
        const struct xds_association *old =
            xds_association(xds_rows_read(rq->arena, XDS_ASSOCIATION, rows, row));

        /* Both ends renewed: once is enough, and its source does it. */
        if (!as_target || renewed(versions, old->from).registered)
            propagate(rq, links, versions, old);
    }
}

/* What is registered under its uniqueId from now on. The bytes stay those of the first version,
 * which is not removed before the others are. */
static void reclaim(struct request *rq, const struct xds_version *v)
{
    const struct xds_document *d = xds_document(v->object);

    if (d && !xds_on_demand(d) && !v->shared)
        db_queue(rq->db, &RECLAIM, NULL, DB_INT8(xds_uid_key(d->unique_id)), DB_TEXT(d->unique_id),
                 DB_TEXT(str_lower(rq->arena, d->hash)), DB_TEXT(d->size));
}

void xds_versions_apply(struct request *rq, struct xds_links *links,
                        const struct xds_versions *versions)
{
    for (size_t i = 0; i < versions->n; i++) {
        const struct xds_version *v = &versions->v[i];

        db_queue(rq->db, &statements[v->latest->kind].deprecate, NULL,
                 DB_INT8(v->latest->place.pkey), DB_INT8(v->latest->place.record_id),
                 DB_UUID(v->latest->uuid));
        reclaim(rq, v);
        propagate_rows(rq, links, versions, &v->as_source, false);
        propagate_rows(rq, links, versions, &v->as_target, true);
    }
    /* What an update submits between registered objects is a member of its set, as ITI-42 asks. */
    for (size_t i = 0; i < links->s->objects.n; i++) {
        const struct xds_association *link = xds_association(links->s->objects.v[i]);

        if (links->s->rules >= XDS_UPDATE && link && link->from.kind == XDS_FOLDER)
            xds_links_file(rq, links, link);
    }
}
