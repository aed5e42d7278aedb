#include "xds/link.h"

#include <stdlib.h>
#include <string.h>

#include "xds/rows.h"

#define METADATA      "XDSRegistryMetadataError"
#define UNRESOLVED    "UnresolvedReferenceException"
#define DEPRECATED    "XDSRegistryDeprecatedDocumentError"
#define OTHER_PATIENT "XDSPatientIdDoesNotMatch"

#define HAS_MEMBER "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"

static const struct statement LOCK_DOCUMENT = {
    "xds_lock_document",
    "SELECT status, object_type, source_member, logical_id, version, NULL::bigint, NULL::bigint,\n"
    "       format_code\n"
    "  FROM xds_document_entry\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = $3\n"
    "   FOR UPDATE",
};

static const struct statement LOCK_FOLDER = {
    "xds_lock_folder",
    "SELECT status, NULL::text, source_member, logical_id, version\n"
    "  FROM xds_folder\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = $3\n"
    "   FOR UPDATE",
};

static const struct statement LOCK_ASSOCIATION = {
    "xds_lock_association",
    "SELECT status, association_type, source_member, logical_id, version, target_pkey,\n"
    "       target_record\n"
    "  FROM xds_association\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = $3\n"
    "   FOR UPDATE",
};

static const struct statement FIND_CHILDREN = {
    "xds_find_children",
    "SELECT source_pkey, source_record, source_uuid\n"
    "  FROM xds_association\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND target_uuid = $3\n"
    "   AND association_type IN ('urn:ihe:iti:2007:AssociationType:APND',\n"
    "                            'urn:ihe:iti:2007:AssociationType:XFRM')\n"
    "   AND status = 'approved'",
};

static const struct statement FIND_FOLDERS = {
    "xds_find_folders_of",
    "SELECT source_pkey, source_record, source_uuid\n"
    "  FROM xds_association\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND target_uuid = $3\n"
    "   AND association_type = '" HAS_MEMBER "'\n"
    "   AND source_kind = 'folder'\n"
    "   AND status = 'approved'\n"
    " ORDER BY source_uuid",
};

static const struct statement DEPRECATE = {
    "xds_deprecate_document",
    "UPDATE xds_document_entry\n"
    "   SET status = 'deprecated'\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = $3\n"
    "   AND status = 'approved'",
};

static const struct statement TOUCH_FOLDER = {
    "xds_touch_folder",
    "UPDATE xds_folder\n"
    "   SET last_update_time = $4\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = $3",
};

enum { JOINS_MAX = 5000 }; /* of one submission; each is two statements and two associations */

/* A registered folder that a replacement comes into: RPLC's third effect. */
struct xds_join {
    struct uuid folder;
    struct place place;
    struct xds_association *link; /* the RPLC */
    struct rows row;              /* its status, under its lock */
};

/* --- finding -------------------------------------------------------------------------------- */

static int compare_refs(const void *a, const void *b)
{
    return memcmp(&((const struct xds_ref *)a)->uuid, &((const struct xds_ref *)b)->uuid,
                  sizeof(struct uuid));
}

struct xds_ref *xds_links_ref(const struct xds_links *links, struct uuid uuid)
{
    struct xds_ref wanted = {.uuid = uuid};

    return links->n == 0
               ? NULL
               : bsearch(&wanted, links->refs, links->n, sizeof(*links->refs), compare_refs);
}

static struct xds_association *association_at(const struct xds_links *links, size_t i)
{
    return xds_association(links->s->objects.v[i]);
}

static size_t add_refs(struct xds_ref *refs, const struct xds_objects *objects)
{
    size_t n = 0;

    for (size_t i = 0; i < objects->n; i++) {
        const struct xds_association *link = xds_association(objects->v[i]);

        if (objects->v[i]->update)
            refs[n++].uuid = objects->v[i]->logical;
        if (link && link->from.registered)
            refs[n++].uuid = link->from.uuid;
        if (link && link->to.registered)
            refs[n++].uuid = link->to.uuid;
    }
    return n;
}

/* The registered ends of all associations, and what new versions are of: each once, sorted. */
static void list_refs(struct request *rq, struct xds_links *links)
{
    const struct xds_submission *s = links->s;
    size_t n;

    links->refs = ARENA_ARRAY(rq->arena, 2 * (s->objects.n + s->triggers.n), struct xds_ref);
    n = add_refs(links->refs, &s->objects);
    n += add_refs(links->refs + n, &s->triggers);
    if (n > 1)
        qsort(links->refs, n, sizeof(*links->refs), compare_refs);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !uuid_eq(links->refs[links->n - 1].uuid, links->refs[i].uuid))
            links->refs[links->n++] = links->refs[i];
}

void xds_links_queue(struct request *rq, struct xds_submission *s, struct xds_links *links)
{
    struct str *ids;

    *links = (struct xds_links){.s = s, .made = {.arena = rq->arena}};
    list_refs(rq, links);
    if (links->n == 0)
        return;
    ids = ARENA_ARRAY(rq->arena, links->n, struct str);
    for (size_t i = 0; i < links->n; i++)
        ids[i] = uuid_urn(rq->arena, links->refs[i].uuid);
    xds_uid_lookup_queue(rq, ids, links->n, &links->lookup);
}

void xds_links_read(struct request *rq, struct xds_links *links)
{
    if (links->n == 0)
        return;
    xds_uid_lookup_read(rq, &links->lookup);
    for (size_t i = 0; i < links->lookup.n; i++) {
        const struct xds_uid_hit *hit = &links->lookup.hits[i];
        struct xds_ref *ref = xds_links_ref(links, hit->uuid);

        if (ref == NULL)
            continue;
        ref->found = true;
        ref->kind = hit->kind;
        ref->place = hit->place;
    }
}

/* --- the ends of each association ------------------------------------------------------------- */

/* Fills a registered end; false where nobody registered it. */
static bool fill_end(struct request *rq, struct xds_links *links,
                     const struct xds_association *link, struct xds_end *end)
{
    const struct xds_ref *ref;

    if (!end->registered) {
        end->place = end->object->place;
        return true;
    }
    ref = xds_links_ref(links, end->uuid);
    if (ref == NULL || !ref->found) {
        fail_at(rq->err, link->o.id, INVALID, UNRESOLVED,
                "%.*s refers to %.*s, which is not registered", STR_ARG(link->o.id),
                STR_ARG(uuid_urn(rq->arena, end->uuid)));
        return false;
    }
    end->kind = ref->kind;
    end->place = ref->place;
    return true;
}

static void relate(struct xds_links *links, const struct xds_end *end, bool replaced)
{
    struct xds_ref *ref = end->registered ? xds_links_ref(links, end->uuid) : NULL;

    if (ref) {
        ref->related = true;
        ref->replaced |= replaced;
    }
}

/* A membership in the set of this submission: what was there before is a Reference. */
static void check_set_member(struct request *rq, struct xds_links *links,
                             const struct xds_association *link)
{
    struct xds_ref *ref = link->to.registered ? xds_links_ref(links, link->to.uuid) : NULL;

    if (ref)
        ref->held = true;
    if (link->to.kind == XDS_SET)
        fail_at(rq->err, link->o.id, INVALID, METADATA, "%.*s makes a SubmissionSet a member",
                STR_ARG(link->o.id));
    else if (link->to.registered && link->to.kind == XDS_DOCUMENT &&
             !str_eq(link->set_status, STR("Reference")))
        fail_at(rq->err, link->o.id, INVALID, METADATA,
                "SubmissionSetStatus of %.*s is '%.*s', it must be Reference", STR_ARG(link->o.id),
                STR_ARG(str_slice(link->set_status, 0, 80)));
}

static void check_folder_member(struct request *rq, struct xds_links *links,
                                const struct xds_association *link)
{
    if (link->from.kind != XDS_FOLDER || link->to.kind != XDS_DOCUMENT) {
        fail_at(rq->err, link->o.id, INVALID, METADATA,
                "%.*s: HasMember joins this submission's SubmissionSet, or a Folder and a "
                "DocumentEntry",
                STR_ARG(link->o.id));
        return;
    }
    relate(links, &link->from, false);
    relate(links, &link->to, false);
}

/* What ITI-57 says about documents that are registered is for who published them to say. */
static void own(struct xds_links *links, const struct xds_association *link, bool replaced)
{
    const struct xds_end *ends[] = {&link->from, replaced ? &link->to : NULL};

    for (int i = 0; i < 2 && links->s->rules >= XDS_UPDATE; i++) {
        struct xds_ref *ref =
            ends[i] && ends[i]->registered ? xds_links_ref(links, ends[i]->uuid) : NULL;

        if (ref)
            ref->changed = true;
    }
}

static void check_relationship(struct request *rq, struct xds_links *links,
                               const struct xds_association *link, enum xds_link type)
{
    bool replaced = type == XDS_RPLC || type == XDS_XFRM_RPLC;

    if (link->to.kind != XDS_DOCUMENT || link->from.kind != XDS_DOCUMENT) {
        bool source = link->from.kind != XDS_DOCUMENT;

        fail_at(rq->err, link->o.id, INVALID, UNRESOLVED, "%s %.*s of %.*s is no DocumentEntry",
                source ? "sourceObject" : "targetObject",
                STR_ARG(uuid_urn(rq->arena, source ? link->from.uuid : link->to.uuid)),
                STR_ARG(link->o.id));
        return;
    }
    if (type == XDS_IS_SNAPSHOT_OF && links->s->rules >= XDS_UPDATE)
        fail_at(rq->err, link->o.id, INVALID, METADATA,
                "%.*s: a snapshot is one from its registration on", STR_ARG(link->o.id));
    relate(links, &link->from, false);
    relate(links, &link->to, replaced);
    own(links, link, replaced);
}

static void check_ends(struct request *rq, struct xds_links *links, struct xds_association *link)
{
    enum xds_link type = xds_link(link->association_type);
    bool from = fill_end(rq, links, link, &link->from);

    if (!fill_end(rq, links, link, &link->to) || !from)
        return;
    link->o.place = link->from.place;
    if (uuid_eq(link->from.uuid, link->to.uuid))
        fail_at(rq->err, link->o.id, INVALID, METADATA, "%.*s joins an object with itself",
                STR_ARG(link->o.id));
    else if (type != XDS_HAS_MEMBER)
        check_relationship(rq, links, link, type);
    else if (!link->from.registered && link->from.kind == XDS_SET)
        check_set_member(rq, links, link);
    else
        check_folder_member(rq, links, link);
}

/* Whose availabilityStatus is updated: anything registered but a SubmissionSet, or a new version of
 * this message. */
static void check_restated(struct request *rq, struct xds_links *links,
                           const struct xds_association *trigger)
{
    struct xds_ref *ref = xds_links_ref(links, trigger->to.uuid);

    if (!trigger->to.registered)
        return;
    if (ref == NULL || !ref->found)
        fail_at(rq->err, trigger->o.id, INVALID, UNRESOLVED,
                "%.*s refers to %.*s, which is not registered", STR_ARG(trigger->o.id),
                STR_ARG(uuid_urn(rq->arena, trigger->to.uuid)));
    else if (ref->kind == XDS_SET)
        fail_at(
            rq->err, trigger->o.id, INVALID, "XDSMetadataUpdateOperationError",
            "targetObject %.*s of %.*s is a SubmissionSet: its availabilityStatus never changes",
            STR_ARG(uuid_urn(rq->arena, ref->uuid)), STR_ARG(trigger->o.id));
    else
        ref->restated = true;
}

static void check_triggers(struct request *rq, struct xds_links *links)
{
    for (size_t i = 0; i < links->s->triggers.n; i++) {
        const struct xds_association *trigger = xds_association(links->s->triggers.v[i]);

        if (xds_link(trigger->association_type) == XDS_UPDATE_STATUS)
            check_restated(rq, links, trigger);
    }
}

/* An association lies where its source does, which only check_ends has found out. */
static void place_inner(struct xds_links *links)
{
    for (size_t i = 0; i < links->s->objects.n; i++) {
        struct xds_association *link = association_at(links, i);

        if (link && link->to.object && link->to.kind == XDS_ASSOCIATION)
            link->to.place = link->to.object->place;
    }
}

/* --- locks ------------------------------------------------------------------------------------ */

static void queue_locks(struct request *rq, struct xds_links *links, enum xds_kind kind,
                        const struct statement *lock)
{
    for (size_t i = 0; i < links->n; i++) {
        struct xds_ref *ref = &links->refs[i];

        if ((ref->related || ref->restated || ref->held) && ref->kind == kind)
            db_queue(rq->db, lock, &ref->row, DB_INT8(ref->place.pkey),
                     DB_INT8(ref->place.record_id), DB_UUID(ref->uuid));
    }
}

/* Behind the locks: each statement sees what was committed until it began. */
static void queue_surroundings(struct request *rq, struct xds_links *links)
{
    for (size_t i = 0; i < links->n; i++) {
        struct xds_ref *ref = &links->refs[i];

        if (!ref->replaced)
            continue;
        db_queue(rq->db, &FIND_CHILDREN, &ref->children, DB_INT8(ref->place.pkey),
                 DB_INT8(ref->place.record_id), DB_UUID(ref->uuid));
        db_queue(rq->db, &FIND_FOLDERS, &ref->folders, DB_INT8(ref->place.pkey),
                 DB_INT8(ref->place.record_id), DB_UUID(ref->uuid));
    }
}

static void queue_owners(struct request *rq, struct xds_links *links, struct mpi_owners *owners)
{
    struct place *places = ARENA_ARRAY(rq->arena, links->n, struct place);

    for (size_t i = 0; i < links->n; i++)
        places[i] = links->refs[i].place;
    mpi_owners_queue(rq, places, links->n, owners);
}

static void check_status(struct request *rq, const struct xds_ref *ref)
{
    struct str urn = uuid_urn(rq->arena, ref->uuid);

    if (ref->row.count == 1 &&
        (!ref->related || str_eq(row_text(&ref->row, 0, XDS_LOCKED_STATUS), STR("approved"))))
        return;
    fail_at(rq->err, urn, INVALID, ref->kind == XDS_DOCUMENT ? DEPRECATED : METADATA,
            "%s %.*s is not Approved", xds_models[ref->kind].label, STR_ARG(urn));
}

static bool is_owner(const struct xds_links *links, struct person_ref owner)
{
    return person_ref_eq(owner, links->s->person);
}

/* Everything but what a set merely refers to is of the submission's own patient. */
static void check_refs(struct request *rq, const struct xds_links *links,
                       const struct xds_source *source, const struct mpi_owners *owners)
{
    for (size_t i = 0; i < links->n; i++) {
        const struct xds_ref *ref = &links->refs[i];

        if (ref->held && ref->row.count == 0)
            fail_at(rq->err, uuid_urn(rq->arena, ref->uuid), INVALID, UNRESOLVED,
                    "%.*s is not registered any more", STR_ARG(uuid_urn(rq->arena, ref->uuid)));
        if (!ref->related && !ref->restated)
            continue;
        if (!is_owner(links, owners->refs[i]))
            fail_at(rq->err, uuid_urn(rq->arena, ref->uuid), INVALID, OTHER_PATIENT,
                    "%s %.*s is of another patient than this submission",
                    xds_models[ref->kind].label, STR_ARG(uuid_urn(rq->arena, ref->uuid)));
        if (ref->changed && ref->row.count == 1 &&
            !xds_source_may_change(rq, source, row_int(&ref->row, 0, XDS_LOCKED_MEMBER)))
            fail_at(rq->err, uuid_urn(rq->arena, ref->uuid), INVALID, "XDSMetadataUpdateError",
                    "%.*s was published by another member, which alone may update it",
                    STR_ARG(uuid_urn(rq->arena, ref->uuid)));
        check_status(rq, ref);
    }
}

/* IsSnapshotOf names what was made on demand. */
static void check_snapshots(struct request *rq, const struct xds_links *links)
{
    for (size_t i = 0; i < links->s->objects.n; i++) {
        const struct xds_association *link = association_at(links, i);
        const struct xds_ref *ref = link ? xds_links_ref(links, link->to.uuid) : NULL;

        if (ref && xds_link(link->association_type) == XDS_IS_SNAPSHOT_OF && ref->row.count == 1 &&
            !str_eq(row_text(&ref->row, 0, XDS_LOCKED_TYPE), STR(XDS_ON_DEMAND_TYPE)))
            fail_at(rq->err, link->o.id, INVALID, METADATA,
                    "targetObject of %.*s is no on-demand DocumentEntry", STR_ARG(link->o.id));
    }
}

/* --- folders of what is replaced -------------------------------------------------------------- */

static enum status list_joins(struct request *rq, struct xds_links *links)
{
    for (size_t i = 0; i < links->s->objects.n; i++) {
        struct xds_association *link = association_at(links, i);
        const struct xds_ref *ref = link ? xds_links_ref(links, link->to.uuid) : NULL;

        if (ref == NULL || !ref->replaced || xds_link(link->association_type) == XDS_HAS_MEMBER)
            continue;
        if (links->joined_count + (size_t)ref->folders.count > JOINS_MAX)
            return fail_at(rq->err, link->o.id, INVALID, "XDSRegistryOutOfResources",
                           "what this submission replaces is in more than %d folders", JOINS_MAX);
        for (int row = 0; row < ref->folders.count; row++) {
            links->joined =
                arena_grow(rq->arena, links->joined, links->joined_count, sizeof(*links->joined));
            links->joined[links->joined_count++] = (struct xds_join){
                .folder = row_uuid(&ref->folders, row, 2),
                .place = {row_int(&ref->folders, row, 0), row_int(&ref->folders, row, 1)},
                .link = link,
            };
        }
    }
    return OK;
}

static enum status lock_joins(struct request *rq, struct xds_links *links)
{
    struct place *places = ARENA_ARRAY(rq->arena, links->joined_count, struct place);
    struct mpi_owners owners;

    for (size_t i = 0; i < links->joined_count; i++) {
        struct xds_join *join = &links->joined[i];

        places[i] = join->place;
        db_queue(rq->db, &LOCK_FOLDER, &join->row, DB_INT8(join->place.pkey),
                 DB_INT8(join->place.record_id), DB_UUID(join->folder));
    }
    mpi_owners_queue(rq, places, links->joined_count, &owners);
    TRY(db_flush(rq->db));
    TRY(mpi_owners_read(rq, &owners));
    for (size_t i = 0; i < links->joined_count; i++)
        if (!is_owner(links, owners.refs[i]))
            fail_at(rq->err, links->joined[i].link->o.id, INVALID, OTHER_PATIENT,
                    "folder %.*s, which holds what %.*s replaces, is of another patient",
                    STR_ARG(uuid_urn(rq->arena, links->joined[i].folder)),
                    STR_ARG(links->joined[i].link->o.id));
    return rq->err->status;
}

enum status xds_links_check(struct request *rq, struct xds_links *links,
                            const struct xds_source *source)
{
    struct mpi_owners owners;

    for (size_t i = 0; i < links->s->objects.n; i++)
        if (association_at(links, i))
            check_ends(rq, links, association_at(links, i));
    check_triggers(rq, links);
    TRY(rq->err->status);
    place_inner(links);
    if (links->n == 0)
        return OK;
    queue_locks(rq, links, XDS_DOCUMENT, &LOCK_DOCUMENT);
    queue_locks(rq, links, XDS_FOLDER, &LOCK_FOLDER);
    queue_locks(rq, links, XDS_ASSOCIATION, &LOCK_ASSOCIATION);
    queue_surroundings(rq, links);
    queue_owners(rq, links, &owners);
    TRY(db_flush(rq->db));
    TRY(mpi_owners_read(rq, &owners));
    check_refs(rq, links, source, &owners);
    check_snapshots(rq, links);
    TRY(rq->err->status);
    TRY(list_joins(rq, links));
    return links->joined_count > 0 ? lock_joins(rq, links) : OK;
}

/* --- effects ---------------------------------------------------------------------------------- */

static void deprecate(struct request *rq, struct place place, struct uuid uuid)
{
    db_queue(rq->db, &DEPRECATE, NULL, DB_INT8(place.pkey), DB_INT8(place.record_id),
             DB_UUID(uuid));
}

static void deprecate_replaced(struct request *rq, const struct xds_links *links)
{
    for (size_t i = 0; i < links->n; i++) {
        const struct xds_ref *ref = &links->refs[i];

        if (!ref->replaced)
            continue;
        deprecate(rq, ref->place, ref->uuid);
        for (int row = 0; row < ref->children.count; row++)
            deprecate(rq,
                      (struct place){row_int(&ref->children, row, 0),
                                     row_int(&ref->children, row, 1)},
                      row_uuid(&ref->children, row, 2));
    }
}

static void touch(struct request *rq, struct place place, struct uuid folder)
{
    db_queue(rq->db, &TOUCH_FOLDER, NULL, DB_INT8(place.pkey), DB_INT8(place.record_id),
             DB_UUID(folder), DB_TEXT(clock_dtm(rq->arena, rq->now_us)));
}

/* Folders that the submission itself puts documents into. */
static void touch_folders(struct request *rq, const struct xds_links *links)
{
    for (size_t i = 0; i < links->s->objects.n; i++) {
        const struct xds_association *link = association_at(links, i);

        if (link && link->from.registered && link->from.kind == XDS_FOLDER)
            touch(rq, link->from.place, link->from.uuid);
    }
}

struct xds_association *xds_links_make(struct request *rq, struct xds_links *links,
                                       enum xds_link type, struct xds_end from, struct xds_end to)
{
    struct xds_association *link = xds_association(xds_object_new(rq->arena, XDS_ASSOCIATION));

    link->o.uuid = link->o.logical = uuid_v4();
    link->o.id = uuid_urn(rq->arena, link->o.uuid);
    link->o.source_member = links->s->set->o.source_member;
    link->o.place = from.place;
    link->association_type = xds_link_urn(type);
    link->from = from;
    link->to = to;
    xds_objects_add(&links->made, &link->o);
    return link;
}

void xds_links_file(struct request *rq, struct xds_links *links,
                    const struct xds_association *member)
{
    const struct xds_object *set = &links->s->set->o;

    xds_links_make(rq, links, XDS_HAS_MEMBER,
                   (struct xds_end){.uuid = set->uuid, .kind = XDS_SET, .place = set->place},
                   (struct xds_end){.uuid = member->o.uuid,
                                    .kind = XDS_ASSOCIATION,
                                    .place = member->o.place});
}

void xds_links_join(struct request *rq, struct xds_links *links, struct xds_end folder,
                    struct xds_end document)
{
    xds_links_file(rq, links, xds_links_make(rq, links, XDS_HAS_MEMBER, folder, document));
    touch(rq, folder.place, folder.uuid);
}

static bool already_member(const struct xds_links *links, struct uuid folder, struct uuid document)
{
    for (size_t i = 0; i < links->s->objects.n; i++) {
        const struct xds_association *link = association_at(links, i);

        if (link && uuid_eq(link->from.uuid, folder) && uuid_eq(link->to.uuid, document))
            return true;
    }
    return false;
}

/* The replacement takes the place of what it replaces in its folders. */
static void join_folders(struct request *rq, struct xds_links *links)
{
    for (size_t i = 0; i < links->joined_count; i++) {
        const struct xds_join *join = &links->joined[i];
        struct xds_end folder = {.uuid = join->folder,
                                 .kind = XDS_FOLDER,
                                 .place = join->place,
                                 .registered = true};

        if (join->row.count == 1 &&
            str_eq(row_text(&join->row, 0, XDS_LOCKED_STATUS), STR("approved")) &&
            !already_member(links, join->folder, join->link->from.uuid))
            xds_links_join(rq, links, folder, join->link->from);
    }
}

void xds_links_apply(struct request *rq, struct xds_links *links)
{
    deprecate_replaced(rq, links);
    touch_folders(rq, links);
    join_folders(rq, links);
}
