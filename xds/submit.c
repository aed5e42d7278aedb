/* From a message to rows: read, check, find whose it is, claim, relate, write. */
#include "xds/submit.h"

#include <stdlib.h>
#include <string.h>

#include "hub/data/xml.h"
#include "mpi/identity.h"
#include "xds/claim.h"
#include "xds/consent_document.h"
#include "xds/hidden.h"
#include "xds/label.h"
#include "xds/link.h"
#include "xds/rows.h"
#include "xds/source.h"
#include "xds/validate.h"
#include "xds/version.h"

#define NS_LCM "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
#define NS_RIM "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"

enum status xds_submission_read(struct request *rq, xmlNode *request, enum xds_rules rules,
                                struct xds_submission **out)
{
    struct xds_submission *s = ARENA_NEW(rq->arena, struct xds_submission);
    xmlNode *list;
    enum status status;

    if (request == NULL || !xml_is(request, NS_LCM, "SubmitObjectsRequest"))
        return fail(rq->err, INVALID, "XDSRegistryError",
                    "the message holds no lcm:SubmitObjectsRequest");
    list = xml_child(request, NS_RIM, "RegistryObjectList");
    if (list == NULL)
        return fail(rq->err, INVALID, "XDSRegistryMetadataError",
                    "the lcm:SubmitObjectsRequest holds no rim:RegistryObjectList");
    *out = s;
    status = xds_rim_read(rq->arena, list, s, rq->err);
    s->rules = rules;
    if (s->set != NULL) {
        rq->patient = s->set->patient_id;
        request_about(rq, "submission_set", s->set->unique_id, STR_NONE);
    }
    return status;
}

/* --- ids -------------------------------------------------------------------------------------- */

/* A UUID stays, a symbol becomes a new one, and what the registry sets is set: version, status,
 * logical id, publisher (TF-2 3.42.4.1.3.7, 3.42.4.1.3.3.5). An update's objects are versions of
 * what their lid names. */
static void resolve_object(struct request *rq, const struct xds_submission *s, struct xds_object *o)
{
    struct xds_folder *folder = xds_folder(o);

    if (!uuid_parse_urn(o->id, &o->uuid))
        o->uuid = uuid_v4();
    o->logical = o->uuid;
    if (s->rules >= XDS_UPDATE && (o->kind == XDS_DOCUMENT || o->kind == XDS_FOLDER))
        o->update = uuid_parse_urn(o->lid, &o->logical);
    o->version = 1;
    o->status = XDS_APPROVED;
    o->source_member = s->publisher ? s->publisher : rq->principal.member->id;
    if (o->kind == XDS_DOCUMENT)
        xds_label_new(rq->arena, xds_document(o));
    if (folder)
        folder->last_update_time = clock_dtm(rq->arena, rq->now_us);
}

static struct xds_end resolve_end(const struct xds_index *index, struct str id)
{
    struct xds_end end = {.object = xds_index_find(index, id)};

    if (end.object) {
        end.uuid = end.object->uuid;
        end.kind = end.object->kind;
    } else {
        end.registered = uuid_parse_urn(id, &end.uuid);
    }
    return end;
}

/* What only says what to do is no object of the registry. */
static void take_triggers(struct request *rq, struct xds_submission *s)
{
    size_t n = 0;

    s->triggers = (struct xds_objects){.arena = rq->arena};
    for (size_t i = 0; i < s->objects.n; i++) {
        struct xds_association *link = xds_association(s->objects.v[i]);
        enum xds_link type = link ? xds_link(link->association_type) : XDS_LINK_UNKNOWN;

        if (type == XDS_UPDATE_STATUS || type == XDS_SUBMIT_ASSOCIATION)
            xds_objects_add(&s->triggers, s->objects.v[i]);
        else
            s->objects.v[n++] = s->objects.v[i];
    }
    s->objects.n = n;
}

static void resolve(struct request *rq, struct xds_submission *s)
{
    struct xds_index index = xds_index_of(&s->objects);

    for (size_t i = 0; i < s->objects.n; i++)
        resolve_object(rq, s, s->objects.v[i]);
    for (size_t i = 0; i < s->objects.n; i++) {
        struct xds_association *link = xds_association(s->objects.v[i]);

        if (link == NULL)
            continue;
        link->from = resolve_end(&index, link->source);
        link->to = resolve_end(&index, link->target);
    }
    take_triggers(rq, s);
}

/* --- whose is it? ------------------------------------------------------------------------------
 */

/* The XAD-PID, and the identifier under which the source knows the patient: the first document's
 * that can be read. */
struct patient {
    struct identifier ids[2];
    size_t n;
    struct mpi_lookup lookup;
};

static struct str source_patient_id(const struct xds_submission *s)
{
    for (size_t i = 0; i < s->objects.n; i++) {
        const struct xds_document *d = xds_document(s->objects.v[i]);

        if (d && d->source_patient_id.n > 0)
            return d->source_patient_id;
    }
    return STR_NONE;
}

static enum status unknown_patient(struct request *rq, const struct xds_submission *s,
                                   const char *why)
{
    return fail_at(rq->err, s->set->o.id, INVALID, "XDSUnknownPatientId", "%.*s: %s",
                   STR_ARG(str_slice(s->set->patient_id, 0, 120)), why);
}

static enum status queue_patient(struct request *rq, struct xds_submission *s, struct patient *p)
{
    struct identifier source;

    *p = (struct patient){.n = 1};
    if (!identifier_parse_cx(s->set->patient_id, &s->patient))
        return unknown_patient(rq, s, "not an identifier");
    if (!str_eq(s->patient.authority, str_from(rq->config->xad_authority)))
        return unknown_patient(rq, s, "not of the affinity domain's authority");
    p->ids[0] = s->patient;
    if (identifier_parse_cx(source_patient_id(s), &source))
        p->ids[p->n++] = source;
    mpi_lock_queue(rq, s->patient);
    mpi_lookup_queue(rq, p->ids, p->n, &p->lookup);
    return OK;
}

/* The record that sourcePatientId resolves to, if it is linked to the XAD-PID's person; else the
 * person's anchor, which carries the XAD-PID. */
static enum status read_patient(struct request *rq, struct xds_submission *s, struct patient *p)
{
    const struct mpi_hit *xad, *source;

    TRY(mpi_lookup_read(rq, &p->lookup));
    xad = &p->lookup.hits[0];
    source = p->n > 1 ? &p->lookup.hits[1] : NULL;
    if (xad->known == MPI_UNKNOWN)
        return unknown_patient(rq, s, "nobody has fed this patient identifier");
    if (xad->known == MPI_SUBSUMED)
        return unknown_patient(rq, s, "merged into another patient identifier");
    s->person = rq->person = xad->person;
    s->place = source && source->known == MPI_ACTIVE && person_ref_eq(source->person, xad->person)
                   ? source->place
                   : xad->place;
    for (size_t i = 0; i < s->objects.n; i++)
        s->objects.v[i]->place = s->place;
    return OK;
}

/* Does the member that asks know the patient by an identifier of its own? */
static bool own_patient(const struct request *rq, const struct xds_submission *s,
                        const struct patient *p)
{
    return p->n > 1 && p->lookup.hits[1].known == MPI_ACTIVE &&
           person_ref_eq(p->lookup.hits[1].person, s->person) &&
           member_owns_authority(rq->principal.member, p->ids[1].authority);
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* A row: where it lies; an association, for one of its ends. */
struct laid {
    struct place place;
    struct xds_object *object;
};

static int compare_places(struct place a, struct place b)
{
    if (a.pkey != b.pkey)
        return a.pkey < b.pkey ? -1 : 1;
    return a.record_id == b.record_id ? 0 : a.record_id < b.record_id ? -1 : 1;
}

static int compare_laid(const void *a, const void *b)
{
    return compare_places(((const struct laid *)a)->place, ((const struct laid *)b)->place);
}

static size_t lay(struct laid *out, const struct xds_objects *objects)
{
    size_t n = 0;

    for (size_t i = 0; i < objects->n; i++) {
        struct xds_association *link = xds_association(objects->v[i]);

        if (link == NULL)
            continue;
        out[n++] = (struct laid){link->from.place, &link->o};
        if (!place_eq(link->from.place, link->to.place))
            out[n++] = (struct laid){link->to.place, &link->o};
    }
    return n;
}

/* One statement for each place, nearly always one. */
static void insert_laid(struct request *rq, enum xds_kind kind, struct laid *rows, size_t n)
{
    struct xds_object **v = ARENA_ARRAY(rq->arena, n, struct xds_object *);

    if (n > 1)
        qsort(rows, n, sizeof(*rows), compare_laid);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && compare_laid(&rows[from], &rows[to]) == 0; to++)
            v[to] = rows[to].object;
        xds_rows_insert(rq, kind, rows[from].place, v + from, to - from);
    }
}

static void insert_kind(struct request *rq, const struct xds_submission *s, enum xds_kind kind)
{
    struct laid *rows = ARENA_ARRAY(rq->arena, s->objects.n, struct laid);
    size_t n = 0;

    for (size_t i = 0; i < s->objects.n; i++)
        if (s->objects.v[i]->kind == kind)
            rows[n++] = (struct laid){s->objects.v[i]->place, s->objects.v[i]};
    insert_laid(rq, kind, rows, n);
}

/* Associations lie under both ends' places. */
static void insert_associations(struct request *rq, const struct xds_submission *s,
                                const struct xds_objects *made)
{
    struct laid *rows = ARENA_ARRAY(rq->arena, 2 * (s->objects.n + made->n), struct laid);
    size_t n = lay(rows, &s->objects);

    n += lay(rows + n, made);
    insert_laid(rq, XDS_ASSOCIATION, rows, n);
}

static void enter_made(struct request *rq, const struct xds_objects *made)
{
    struct xds_claims *claims = ARENA_NEW(rq->arena, struct xds_claims); /* read at COMMIT */

    if (made->n == 0)
        return;
    xds_claims_queue(rq, made, claims);
    xds_claims_enter(rq, claims);
}

static void write(struct request *rq, struct xds_submission *s, const struct xds_claims *claims,
                  struct xds_links *links, const struct xds_versions *versions)
{
    xds_links_apply(rq, links);
    xds_versions_apply(rq, links, versions);
    xds_restate_apply(rq, links);
    insert_kind(rq, s, XDS_DOCUMENT);
    insert_kind(rq, s, XDS_SET);
    insert_kind(rq, s, XDS_FOLDER);
    insert_associations(rq, s, &links->made);
    xds_claims_enter(rq, claims);
    enter_made(rq, &links->made);
}

static void audit(struct request *rq, const struct xds_submission *s)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->pkey = s->person.pkey;
    row->person_id = s->person.person_id;
    row->patient = s->set->patient_id;
    row->objects = rq->about;
}

enum status xds_submit(struct request *rq, struct xds_submission *s)
{
    struct patient patient;
    struct xds_source source;
    struct xds_claims claims;
    struct xds_links links;
    struct xds_versions versions;

    TRY(xds_validate(rq->arena, s, rq->err));
    resolve(rq, s);
    TRY(queue_patient(rq, s, &patient));
    xds_source_queue(rq, s, &source);
    xds_claims_queue(rq, &s->objects, &claims);
    xds_links_queue(rq, s, &links);
    TRY(db_flush(rq->db));
    TRY(read_patient(rq, s, &patient));
    TRY(xds_source_check(rq, s->publisher ? NULL : s, &source));
    TRY(xds_claims_check(rq, &claims));
    xds_links_read(rq, &links);
    TRY(xds_hidden_forget(rq, &links, &source));
    TRY(xds_versions_find(rq, &links, &source, &versions));
    TRY(xds_links_check(rq, &links, &source));
    TRY(xds_restate_check(rq, &links, &source));
    TRY(xds_consents_submit(rq, s, &links, &versions, &source, own_patient(rq, s, &patient)));
    write(rq, s, &claims, &links, &versions);
    audit(rq, s);
    return OK;
}
