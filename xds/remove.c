#include "xds/remove.h"

#include <stdlib.h>

#include "hub/base/oid.h"
#include "hub/data/xml.h"
#include "hub/soap.h"
#include "xds/consent_document.h"
#include "xds/removal.h"
#include "xds/repository.h"
#include "xds/response.h"
#include "xds/source.h"

#define NS_LCM  "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
#define NS_RIM  "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
#define NS_XDSB "urn:ihe:iti:xds-b:2007"
#define NS_RMD  "urn:ihe:iti:rmd:2017"

enum { REMOVED_MAX = 1000 }; /* of one request */

/* What a request names, and what is known by these names. */
struct named {
    struct str *ids;
    size_t n;
    struct xds_uid_lookup lookup;
    struct xds_source source;
    struct mpi_owners owners;
    struct mpi_people people;
};

static enum status find(struct request *rq, struct named *named)
{
    xds_uid_lookup_queue(rq, named->ids, named->n, &named->lookup);
    xds_source_queue(rq, NULL, &named->source);
    TRY(db_flush(rq->db));
    xds_uid_lookup_read(rq, &named->lookup);
    return xds_source_check(rq, NULL, &named->source);
}

/* --- whose it was: for the audit -------------------------------------------------------------- */

static enum status find_people(struct request *rq, struct named *named)
{
    struct place *places = ARENA_ARRAY(rq->arena, named->lookup.n, struct place);
    struct person_ref *refs = ARENA_ARRAY(rq->arena, named->lookup.n, struct person_ref);
    size_t n = 0;

    for (size_t i = 0; i < named->lookup.n; i++)
        places[i] = named->lookup.hits[i].place;
    mpi_owners_queue(rq, places, named->lookup.n, &named->owners);
    TRY(db_flush(rq->db));
    TRY(mpi_owners_read(rq, &named->owners));
    for (size_t i = 0; i < named->owners.count; i++) {
        size_t j = 0;

        while (j < n && !person_ref_eq(refs[j], named->owners.refs[i]))
            j++;
        if (j == n)
            refs[n++] = named->owners.refs[i];
    }
    mpi_people_queue(rq, refs, n, &named->people);
    TRY(db_flush(rq->db));
    return mpi_people_read(rq, &named->people);
}

static bool is_of(const struct named *named, size_t hit, const struct person *person)
{
    return person_ref_eq(named->owners.refs[hit], person->ref);
}

/* Metadata are named by entryUUID, documents by uniqueId and repository. */
static void name_object(struct request *rq, struct audit_row *row, struct uuid uuid,
                        const struct xds_removal *documents)
{
    struct str repository = str_from(rq->config->repository_unique_id);

    if (documents == NULL)
        audit_object_add(rq->arena, row, "object", uuid_urn(rq->arena, uuid), STR_NONE);
    for (size_t i = 0; documents != NULL && i < documents->objects.n; i++)
        if (uuid_eq(documents->objects.v[i]->uuid, uuid))
            audit_object_add(rq->arena, row, "document",
                             xds_text(documents->objects.v[i], "uniqueId"), repository);
}

/* One row a patient, with what was removed of that one: metadata, or (not NULL) documents. */
static void audit(struct request *rq, const struct named *named,
                  const struct xds_removal *documents)
{
    for (size_t i = 0; i < named->people.count; i++) {
        const struct person *person = &named->people.people[i];
        struct identifier xad = {str_from(rq->config->xad_authority), person->xad_pid};
        struct audit_row *row = audit_add(rq->arena, &rq->audit);

        row->pkey = person->ref.pkey;
        row->person_id = person->ref.person_id;
        row->patient = identifier_cx(rq->arena, xad);
        for (size_t j = 0; j < named->lookup.n; j++)
            if (is_of(named, j, person))
                name_object(rq, row, named->lookup.hits[j].uuid, documents);
    }
}

/* --- ITI-62 ----------------------------------------------------------------------------------- */

static enum status read_refs(struct request *rq, struct named *named)
{
    const xmlNode *body = rq->message.soap->body, *list;
    struct uuid uuid;

    if (!xml_is(body, NS_LCM, "RemoveObjectsRequest"))
        return fail(rq->err, INVALID, "XDSRegistryError",
                    "the message holds no lcm:RemoveObjectsRequest");
    list = xml_child(body, NS_RIM, "ObjectRefList");
    named->n = list ? xml_count(list, NS_RIM, "ObjectRef") : 0;
    if (named->n == 0)
        return fail(rq->err, INVALID, "XDSRegistryError",
                    "the lcm:RemoveObjectsRequest names no rim:ObjectRef");
    if (named->n > REMOVED_MAX)
        return fail(rq->err, INVALID, "XDSRegistryOutOfResources",
                    "the request names %zu objects; one request may name %d", named->n,
                    REMOVED_MAX);
    named->ids = ARENA_ARRAY(rq->arena, named->n, struct str);
    named->n = 0;
    XML_EACH(ref, list, NS_RIM, "ObjectRef")
    named->ids[named->n++] = xml_attr(ref, "id");
    for (size_t i = named->n; i-- > 0;) {
        request_about(rq, "object", str_slice(named->ids[i], 0, 120), STR_NONE);
        if (!uuid_parse_urn(named->ids[i], &uuid))
            fail_at(rq->err, named->ids[i], INVALID, "UnresolvedReferenceException",
                    "'%.*s' is no entryUUID", STR_ARG(str_slice(named->ids[i], 0, 120)));
    }
    return rq->err->status;
}

static enum status unresolved(struct request *rq, struct str id)
{
    return fail_at(rq->err, id, INVALID, "UnresolvedReferenceException", "%.*s is not registered",
                   STR_ARG(id));
}

static bool found(const struct xds_uid_lookup *lookup, struct uuid uuid)
{
    for (size_t i = 0; i < lookup->n; i++)
        if (uuid_eq(lookup->hits[i].uuid, uuid))
            return true;
    return false;
}

static enum status check_found(struct request *rq, const struct named *named)
{
    struct uuid uuid;

    for (size_t i = 0; i < named->n; i++)
        if (uuid_parse_urn(named->ids[i], &uuid) && !found(&named->lookup, uuid))
            (void)!unresolved(rq, named->ids[i]);
    return rq->err->status;
}

/* What a concurrent removal took, and what another member published. */
static enum status check_objects(struct request *rq, const struct named *named,
                                 const struct xds_removal *r)
{
    for (size_t i = 0; i < named->lookup.n; i++)
        if (!xds_removal_has(r, named->lookup.hits[i].uuid))
            (void)!unresolved(rq, uuid_urn(rq->arena, named->lookup.hits[i].uuid));
    for (size_t i = 0; i < r->objects.n; i++)
        if (!xds_source_may_change(rq, &named->source, r->objects.v[i]->source_member))
            fail_at(rq->err, r->objects.v[i]->id, DENIED, "XDSRegistryError",
                    "%.*s was published by another member, which alone may remove it",
                    STR_ARG(r->objects.v[i]->id));
    return rq->err->status;
}

static bool goes(const struct xds_removal *r, const struct xds_end *end)
{
    return xds_removal_has(r, end->uuid);
}

static enum status check_references(struct request *rq, const struct xds_removal *r)
{
    for (size_t i = 0; i < r->around.n; i++) {
        const struct xds_association *link = xds_association(r->around.v[i]);
        const struct xds_end *end = goes(r, &link->from) ? &link->from : &link->to;

        if (!xds_removal_has(r, link->o.uuid))
            fail_at(rq->err, link->o.id, INVALID, "ReferencesExistException",
                    "association %.*s refers to %.*s, and is not removed with it",
                    STR_ARG(link->o.id), STR_ARG(uuid_urn(rq->arena, end->uuid)));
    }
    for (size_t i = 0; i < r->later.n; i++)
        if (!xds_removal_has(r, r->later.v[i]->uuid))
            fail_at(rq->err, r->later.v[i]->id, INVALID, "ReferencesExistException",
                    "%.*s is a later version of an object whose first version would be removed",
                    STR_ARG(r->later.v[i]->id));
    return rq->err->status;
}

static enum status check_bereaved(struct request *rq, struct xds_removal *r)
{
    struct xds_uid_hit *left;
    struct xds_objects touching;
    size_t n = xds_removal_bereaved(r, &left);

    TRY(xds_removal_look(r, left, n, &touching));
    for (size_t i = 0; i < n; i++) {
        struct str id = uuid_urn(rq->arena, left[i].uuid);

        if (!xds_removal_linked(r, &touching, &left[i]))
            fail_at(rq->err, id, INVALID, "XDSUnreferencedObjectException",
                    left[i].kind == XDS_SET ? "SubmissionSet %.*s would be left without a member"
                                            : "%.*s would be left without a SubmissionSet",
                    STR_ARG(id));
    }
    return rq->err->status;
}

enum status xds_remove_metadata(struct request *rq, struct reply *rp)
{
    struct named named = {0};
    struct xds_removal r = xds_removal_of(rq);

    TRY(read_refs(rq, &named));
    TRY(find(rq, &named));
    TRY(check_found(rq, &named));
    TRY(xds_removal_add(&r, named.lookup.hits, named.lookup.n));
    TRY(check_objects(rq, &named, &r));
    TRY(check_references(rq, &r));
    TRY(check_bereaved(rq, &r));
    TRY(find_people(rq, &named));
    TRY(xds_consents_remove(rq, &r.objects));
    xds_removal_apply(&r);
    audit(rq, &named, NULL);
    return xds_registry_response(rq, rp);
}

/* --- ITI-86 ----------------------------------------------------------------------------------- */

static void read_document(struct request *rq, struct named *named, const xmlNode *e)
{
    struct str repository = str_trim(xml_text_of(rq->arena, e, NS_XDSB, "RepositoryUniqueId"));
    struct str id = str_trim(xml_text_of(rq->arena, e, NS_XDSB, "DocumentUniqueId"));

    if (id.n == 0)
        fail_at(rq->err, xml_location(rq->arena, e), INVALID, "XDSRepositoryError",
                "A DocumentRequest needs a RepositoryUniqueId and a DocumentUniqueId");
    else if (!str_eq(oid_strip_urn(repository), str_from(rq->config->repository_unique_id)))
        fail_at(rq->err, id, NOT_FOUND, "XDSUnknownRepositoryId", "This repository is %s, not %.*s",
                rq->config->repository_unique_id, STR_ARG(str_slice(repository, 0, 120)));
    else
        named->ids[named->n++] = id;
}

static enum status read_documents(struct request *rq, struct named *named)
{
    const xmlNode *body = rq->message.soap->body;
    size_t n = xml_count(body, NS_XDSB, "DocumentRequest");

    if (!xml_is(body, NS_RMD, "RemoveDocumentsRequest") || n == 0)
        return fail(rq->err, INVALID, "XDSRepositoryError",
                    "The message is no RemoveDocumentsRequest with a DocumentRequest");
    if (n > REMOVED_MAX)
        return fail(rq->err, INVALID, "XDSRepositoryOutOfResources",
                    "The request names %zu documents; one request may name %d", n, REMOVED_MAX);
    named->ids = ARENA_ARRAY(rq->arena, n, struct str);
    XML_EACH(e, body, NS_XDSB, "DocumentRequest")
    read_document(rq, named, e);
    for (size_t i = named->n; i-- > 0;)
        request_about(rq, "document", named->ids[i], str_from(rq->config->repository_unique_id));
    return rq->err->status;
}

/* Which of the locked entries have their bytes here: those of a version are the first one's. */
static enum status find_bytes(struct request *rq, const struct xds_removal *r, struct rows *blobs)
{
    int64_t *pkeys = ARENA_ARRAY(rq->arena, r->objects.n, int64_t);
    struct uuid *uuids = ARENA_ARRAY(rq->arena, r->objects.n, struct uuid);

    for (size_t i = 0; i < r->objects.n; i++) {
        pkeys[i] = r->objects.v[i]->place.pkey;
        uuids[i] = r->objects.v[i]->logical;
    }
    blob_rows_queue(rq, pkeys, uuids, r->objects.n, blobs);
    return db_flush(rq->db);
}

/* The entries of each document, locked: the publishers of those that have bytes to remove. */
static enum status lock_entries(struct request *rq, const struct named *named,
                                struct xds_removal *r)
{
    struct xds_uid_hit *hits = ARENA_ARRAY(rq->arena, named->lookup.n, struct xds_uid_hit);
    struct rows blobs;
    struct blob_ref blob;
    size_t n = 0;

    for (size_t i = 0; i < named->lookup.n; i++)
        if (named->lookup.hits[i].kind == XDS_DOCUMENT)
            hits[n++] = named->lookup.hits[i];
    TRY(xds_removal_add(r, hits, n));
    TRY(find_bytes(rq, r, &blobs));
    for (size_t i = 0; i < r->objects.n; i++)
        if (blob_rows_find(&blobs, r->objects.v[i]->logical, &blob) &&
            !xds_source_may_change(rq, &named->source, r->objects.v[i]->source_member))
            fail_at(rq->err, xds_text(r->objects.v[i], "uniqueId"), DENIED, "XDSRepositoryError",
                    "The document %.*s was published by another member, which alone may remove it",
                    STR_ARG(xds_text(r->objects.v[i], "uniqueId")));
    return rq->err->status;
}

static void queue_bytes(struct request *rq, const struct xds_removal *r, struct rows *removed)
{
    int64_t *pkeys = ARENA_ARRAY(rq->arena, r->objects.n, int64_t);
    struct uuid *uuids = ARENA_ARRAY(rq->arena, r->objects.n, struct uuid);

    for (size_t i = 0; i < r->objects.n; i++) {
        pkeys[i] = r->objects.v[i]->place.pkey;
        uuids[i] = r->objects.v[i]->uuid;
    }
    blob_rows_remove(rq, pkeys, uuids, r->objects.n, removed);
}

static bool was_removed(const struct xds_removal *r, const struct rows *removed, struct str id)
{
    for (size_t i = 0; i < r->objects.n; i++)
        for (int row = 0; row < removed->count; row++)
            if (str_eq(xds_text(r->objects.v[i], "uniqueId"), id) &&
                uuid_eq(row_uuid(removed, row, 0), r->objects.v[i]->uuid))
                return true;
    return false;
}

enum status xds_remove_documents(struct request *rq, struct reply *rp)
{
    struct named named = {0};
    struct xds_removal r = xds_removal_of(rq);
    struct rows removed;

    TRY(read_documents(rq, &named));
    TRY(find(rq, &named));
    TRY(lock_entries(rq, &named, &r));
    queue_bytes(rq, &r, &removed);
    TRY(find_people(rq, &named));
    for (size_t i = 0; i < named.n; i++)
        if (!was_removed(&r, &removed, named.ids[i]))
            fail_at(rq->err, named.ids[i], NOT_FOUND, "XDSDocumentUniqueIdError",
                    "The repository has no document %.*s", STR_ARG(named.ids[i]));
    TRY(rq->err->status);
    audit(rq, &named, &r);
    return xds_registry_response(rq, rp);
}
