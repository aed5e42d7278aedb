#include <string.h>

#include "hub/audit/event.h"
#include "hub/base/log.h"
#include "hub/base/oid.h"
#include "hub/data/xml.h"
#include "hub/mtom.h"
#include "hub/soap.h"
#include "xds/find.h"
#include "xds/ondemand.h"
#include "xds/repository.h"
#include "xds/response.h"
#include "xds/retrieval.h"

#define NOT_HERE "XDSDocumentUniqueIdError"

/* ITI-43 Retrieve Document Set (IHE ITI TF-2 3.43).
 *
 * Each requested document is answered on its own, in the order of the request: found, or an error
 * whose location is its uniqueId. One that consent hides answers like one that does not exist, to
 * the byte; only the audit tells them apart. */

enum {
    DOCUMENTS_MAX = 1000,     /* of one request */
    REPEATS_MAX = 8,          /* of one document in it: each is read from the store anew */
    SNAPSHOTS_MAX = 10,       /* of one request: each copies a document */
    IN_MEMORY_MAX = 256 << 10 /* bytes of all documents of an answer that the worker decrypts; the
                                 rest is decrypted while it goes out */
};

#define NS_XDSB "urn:ihe:iti:xds-b:2007"

/* The bytes of a small document. */
struct memory_source {
    struct byte_source base;
    struct str left;
};

static struct str field(struct request *rq, const xmlNode *n, const char *name)
{
    return str_trim(xml_text_of(rq->arena, n, NS_XDSB, name));
}

static enum status read_one(struct request *rq, const xmlNode *n, struct xds_wanted *w)
{
    w->home = field(rq, n, "HomeCommunityId");
    w->repository = field(rq, n, "RepositoryUniqueId");
    w->unique_id = field(rq, n, "DocumentUniqueId");
    if (w->repository.n > 0 && w->unique_id.n > 0)
        return OK;
    return fail_at(rq->err, xml_location(rq->arena, n), INVALID, "XDSRepositoryError",
                   "A DocumentRequest needs a RepositoryUniqueId and a DocumentUniqueId");
}

enum status xds_retrieval_read(struct request *rq, struct xds_retrieval *r)
{
    const xmlNode *body = rq->message.soap->body;
    size_t n = xml_count(body, NS_XDSB, "DocumentRequest");

    if (!xml_is(body, NS_XDSB, "RetrieveDocumentSetRequest") || n == 0)
        return fail(rq->err, INVALID, "XDSRepositoryError",
                    "The message is no RetrieveDocumentSetRequest with a DocumentRequest");
    if (n > DOCUMENTS_MAX)
        return fail(rq->err, INVALID, "XDSRepositoryOutOfResources",
                    "The request names %zu documents; one request may name %d", n, DOCUMENTS_MAX);
    r->v = ARENA_ARRAY(rq->arena, n, struct xds_wanted);
    XML_EACH(e, body, NS_XDSB, "DocumentRequest")
    if (read_one(rq, e, &r->v[r->n]) == OK)
        r->n++;
    for (size_t i = r->n; i-- > 0;) {
        request_about(rq, "document", r->v[i].unique_id, r->v[i].repository);
        rq->about->home = r->v[i].home;
    }
    return rq->err->status;
}

void xds_retrieval_refuse(struct xds_retrieval *r, struct xds_wanted *w, const char *code,
                          struct str words)
{
    w->code = code;
    w->words = words;
    r->failed++;
}

void xds_retrieval_at_home(struct request *rq, struct xds_wanted *w, struct str home_urn)
{
    w->location = str_printf(rq->arena, "%.*s %.*s", STR_ARG(w->unique_id), STR_ARG(home_urn));
}

/* Nothing is to be found for it here: it has failed, or lies elsewhere. */
static bool is_done(const struct xds_wanted *w)
{
    return w->code != NULL || w->elsewhere;
}

/* Is it meant for this community, and this repository? */
static void check_addresses(struct request *rq, struct xds_retrieval *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct xds_wanted *w = &r->v[i];

        if (is_done(w))
            continue;
        if (w->home.n > 0 &&
            !str_eq(oid_strip_urn(w->home), str_from(rq->config->home_community_id)))
            xds_retrieval_refuse(r, w, "XDSUnknownCommunity",
                                 str_printf(rq->arena, "This community is urn:oid:%s, not %.*s",
                                            rq->config->home_community_id, STR_ARG(w->home)));
        else if (!str_eq(oid_strip_urn(w->repository), str_from(rq->config->repository_unique_id)))
            xds_retrieval_refuse(r, w, "XDSUnknownRepositoryId",
                                 str_printf(rq->arena, "This repository is %s, not %.*s",
                                            rq->config->repository_unique_id,
                                            STR_ARG(w->repository)));
    }
}

/* The rows of the bytes are read beside the documents: a flush less. */
static void queue_blobs(struct request *rq, const struct xds_uid_lookup *lookup, void *context)
{
    struct xds_retrieval *r = context;
    int64_t *pkeys = ARENA_ARRAY(rq->arena, lookup->n, int64_t);
    struct uuid *entries = ARENA_ARRAY(rq->arena, lookup->n, struct uuid);

    for (size_t i = 0; i < lookup->n; i++) {
        pkeys[i] = lookup->hits[i].place.pkey;
        entries[i] = lookup->hits[i].uuid;
    }
    blob_rows_queue(rq, pkeys, entries, lookup->n, &r->blobs);
}

static enum status find_documents(struct request *rq, struct xds_retrieval *r)
{
    const struct xds_beside blobs = {queue_blobs, r};
    struct str *ids = ARENA_ARRAY(rq->arena, r->n, struct str);
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        if (!is_done(&r->v[i]))
            ids[n++] = r->v[i].unique_id;
    if (n > 0)
        TRY(xds_find_documents_by_id(rq, ids, n, &blobs, &r->found));
    TRY(xds_gate(rq, &r->found, &r->seen));
    r->obligations |= xds_visible_obligations(r->seen);
    return OK;
}

static const struct xds_document *visible_document(const struct xds_retrieval *r, size_t i)
{
    return xds_document((struct xds_object *)xds_visible_object(r->seen, i));
}

/* Whose it would have been: for the audit, never for the answer. */
static void note_withheld(struct xds_retrieval *r, struct xds_wanted *w)
{
    for (size_t i = 0; i < r->found.n; i++) {
        const struct xds_candidate *c = &r->found.v[i];
        const struct xds_document *d = xds_document(c->object);

        if (d == NULL || !str_eq(d->unique_id, w->unique_id))
            continue;
        w->person = c->person;
        w->withheld = true;
        return;
    }
}

/* Is it the latest version of its object that the caller may see? */
static bool is_latest(const struct xds_retrieval *r, const struct xds_document *d)
{
    for (size_t i = 0; i < xds_visible_count(r->seen); i++) {
        const struct xds_object *o = xds_visible_object(r->seen, i);

        if (uuid_eq(o->logical, d->o.logical) && o->version > d->o.version)
            return false;
    }
    return true;
}

/* Submissions are checked so that it cannot be; no one is given bytes that may be another's. */
static bool refuse_ambiguous(struct request *rq, struct xds_retrieval *r, struct xds_wanted *w)
{
    log_error("document_ambiguous", "request=%.*s", STR_ARG(request_id(rq)));
    xds_retrieval_refuse(
        r, w, "XDSRepositoryError",
        str_printf(rq->arena,
                   "Entries of the document %.*s have different hashes; the operator of the hub "
                   "finds them under request %.*s",
                   STR_ARG(w->unique_id), STR_ARG(request_id(rq))));
    return true;
}

/* Several entries may share a uniqueId, and then have the same bytes: those of the first version
 * (xds_blob). The latest one says what they are. */
static bool choose(struct request *rq, struct xds_retrieval *r, struct xds_wanted *w)
{
    struct blob_ref blob;

    for (size_t i = 0; i < xds_visible_count(r->seen); i++) {
        const struct xds_document *d = visible_document(r, i);

        if (d == NULL || !str_eq(d->unique_id, w->unique_id) ||
            !blob_rows_find(&r->blobs, d->o.logical, &blob) || !is_latest(r, d))
            continue;
        if (w->document && !str_eq_nocase(w->document->hash, d->hash))
            return refuse_ambiguous(rq, r, w);
        w->document = d;
        w->blob = blob;
        w->person = xds_visible_person(r->seen, i);
    }
    return w->document != NULL;
}

/* An on-demand entry has no bytes: they are made. */
static bool choose_on_demand(struct request *rq, struct xds_retrieval *r, struct xds_wanted *w)
{
    for (size_t i = 0; i < xds_visible_count(r->seen); i++) {
        const struct xds_document *d = visible_document(r, i);

        if (d == NULL || !xds_on_demand(d) || d->o.status != XDS_APPROVED ||
            !str_eq(d->unique_id, w->unique_id) ||
            !str_eq(d->repository_unique_id, str_from(rq->config->repository_unique_id)))
            continue;
        w->on_demand = d;
        w->person = xds_visible_person(r->seen, i);
    }
    return w->on_demand != NULL;
}

static bool is_repeated(const struct xds_retrieval *r, size_t at)
{
    size_t n = 0;

    for (size_t i = 0; i < at && n < REPEATS_MAX; i++)
        n += str_eq(r->v[i].unique_id, r->v[at].unique_id);
    return n == REPEATS_MAX;
}

static void check_repeats(struct request *rq, struct xds_retrieval *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (!is_done(&r->v[i]) && is_repeated(r, i))
            xds_retrieval_refuse(r, &r->v[i], "XDSRepositoryOutOfResources",
                                 str_printf(rq->arena,
                                            "One request may name the document %.*s %d times",
                                            STR_ARG(r->v[i].unique_id), REPEATS_MAX));
}

static void choose_documents(struct request *rq, struct xds_retrieval *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct xds_wanted *w = &r->v[i];

        if (is_done(w) || choose(rq, r, w) || choose_on_demand(rq, r, w))
            continue;
        note_withheld(r, w);
        xds_retrieval_refuse(r, w, NOT_HERE,
                             str_printf(rq->arena, "The repository has no document %.*s",
                                        STR_ARG(w->unique_id)));
    }
}

/* Kept before it is answered; where there is nothing to make it of, that document alone fails. */
static enum status take_snapshots(struct request *rq, struct xds_retrieval *r)
{
    size_t taken = 0;

    for (size_t i = 0; i < r->n; i++) {
        struct xds_wanted *w = &r->v[i];
        struct xds_snapshot snapshot;
        enum status s;

        if (w->on_demand == NULL)
            continue;
        if (request_recalls(rq))
            return fail(rq->err, NOT_FOUND, "recall", "a snapshot is not in memory");
        if (taken == SNAPSHOTS_MAX) {
            xds_retrieval_refuse(r, w, "XDSRepositoryOutOfResources",
                                 str_printf(rq->arena,
                                            "One request may have %d on-demand documents made",
                                            SNAPSHOTS_MAX));
            continue;
        }
        taken++;
        TRY(request_alive(rq));
        s = xds_snapshot_take(rq, &r->found, w->on_demand, w->person, &snapshot);
        if (s == NOT_FOUND && rq->err->status == OK) {
            xds_retrieval_refuse(r, w, NOT_HERE,
                                 str_printf(rq->arena,
                                            "There is nothing to make the document %.*s of",
                                            STR_ARG(w->unique_id)));
            continue;
        }
        TRY(s);
        w->document = snapshot.entry;
        w->blob = snapshot.blob;
    }
    return OK;
}

static enum status memory_read(struct byte_source *base, void *to, size_t size, size_t *n)
{
    struct memory_source *s = (struct memory_source *)base;

    *n = size < s->left.n ? size : s->left.n;
    if (*n > 0)
        memcpy(to, s->left.p, *n);
    s->left = str_slice(s->left, *n, s->left.n);
    return OK;
}

/* A small document is authenticated as a whole before the answer begins, and the I/O thread
 * touches no disk for it. */
static enum status open_small(struct request *rq, struct xds_wanted *w)
{
    struct memory_source *s = ARENA_NEW(rq->arena, struct memory_source);

    TRY(blob_read(xds_repository(), rq->arena, &w->blob, &s->left));
    s->base = (struct byte_source){memory_read, s->left.n, s->left};
    w->source = &s->base;
    return OK;
}

static enum status open_one(struct request *rq, struct xds_wanted *w, size_t *in_memory)
{
    if (w->blob.size > *in_memory)
        return blob_open(xds_repository(), rq->arena, &w->blob, &w->source);
    *in_memory -= (size_t)w->blob.size;
    return open_small(rq, w);
}

static void tell_what_it_is(struct xds_wanted *w)
{
    w->mime_type = w->document->mime_type;
    if (w->on_demand == NULL)
        return;
    w->new_repository = w->document->repository_unique_id;
    w->new_unique_id = w->document->unique_id;
}

/* What cannot be read is an error of that document alone. */
static enum status open_documents(struct request *rq, struct xds_retrieval *r)
{
    size_t in_memory = IN_MEMORY_MAX;

    for (size_t i = 0; i < r->n; i++) {
        struct xds_wanted *w = &r->v[i];
        enum status s;

        if (is_done(w))
            continue;
        tell_what_it_is(w);
        TRY(request_alive(rq));
        s = open_one(rq, w, &in_memory);
        if (s == OK)
            continue;
        if (request_recalls(rq)) /* it may have been removed since */
            return s;
        log_error("document_unreadable", "blob=%.*s status=%s",
                  STR_ARG(uuid_text(rq->arena, w->blob.id)), status_name(s));
        xds_retrieval_refuse(
            r, w, "XDSRepositoryError",
            str_printf(rq->arena,
                       "The document's stored bytes cannot be read; the operator of the hub "
                       "finds why under request %.*s",
                       STR_ARG(request_id(rq))));
    }
    return OK;
}

/* --- audit -------------------------------------------------------------------------------- */

static struct person_ref ref_of(const struct xds_wanted *w)
{
    return w->person != NULL ? w->person->ref : (struct person_ref){0, 0};
}

static bool belongs(const struct audit_row *row, const struct xds_wanted *w)
{
    struct person_ref ref = ref_of(w);

    if (w->code != NULL && strcmp(w->code, NOT_HERE) == 0)
        return false;
    return row->action == 0 && row->pkey == ref.pkey && row->person_id == ref.person_id &&
           (row->outcome == AUDIT_SUCCESS) == (w->code == NULL);
}

static struct str patient_cx(struct request *rq, const struct person *p)
{
    if (p == NULL)
        return STR_NONE;
    return identifier_cx(rq->arena,
                         (struct identifier){str_from(rq->config->xad_authority), p->xad_pid});
}

static struct audit_row *row_for(struct request *rq, const struct xds_wanted *w)
{
    struct audit_row *row = rq->audit.first;

    while (row != NULL && !belongs(row, w))
        row = row->next;
    if (row != NULL)
        return row;
    row = audit_add(rq->arena, &rq->audit);
    row->outcome = w->code == NULL ? AUDIT_SUCCESS : AUDIT_SERIOUS;
    row->pkey = ref_of(w).pkey;
    row->person_id = ref_of(w).person_id;
    row->patient = patient_cx(rq, w->person);
    if (w->code != NULL)
        row->description = w->withheld
                               ? str_printf(rq->arena, "%s: " AUDIT_NOTHING_OF_THEM, w->code)
                               : str_from(w->code);
    return row;
}

/* One row for what succeeded and one for what failed, for each patient (CP-493); one for each that
 * is not here or not shown: a row for several would tell whoever reads its own records which of
 * them are of one patient. */
static void audit_documents(struct request *rq, const struct xds_retrieval *r)
{
    for (size_t i = 0; i < r->n; i++)
        audit_object_add(rq->arena, row_for(rq, &r->v[i]), "document", r->v[i].unique_id,
                         r->v[i].repository)
            ->home = r->v[i].home;
}

/* --- the answer --------------------------------------------------------------------------- */

static const char *status_of(const struct xds_retrieval *r)
{
    if (r->failed == 0)
        return XDS_SUCCESS;
    return r->failed == r->n ? XDS_FAILURE : XDS_PARTIAL_SUCCESS;
}

static void write_status(struct request *rq, struct xml_writer *w, const struct xds_retrieval *r)
{
    struct errors list;

    errors_init(&list, rq->arena);
    for (size_t i = 0; i < r->n; i++) {
        const struct xds_wanted *d = &r->v[i];

        if (d->code != NULL)
            fail_at(&list, d->location.n > 0 ? d->location : d->unique_id, NOT_FOUND, d->code,
                    "%.*s", STR_ARG(d->words));
    }
    xds_registry_response_write(w, status_of(r), XDS_AT_RETRIEVE, r->obligations, &list);
}

static void write_document(struct soap_answer *answer, const struct xds_wanted *d)
{
    struct xml_writer *w = &answer->w;

    xml_begin(w, "xdsb:DocumentResponse");
    if (d->home.n > 0)
        xml_leaf(w, "xdsb:HomeCommunityId", d->home);
    xml_leaf(w, "xdsb:RepositoryUniqueId", d->repository);
    xml_leaf(w, "xdsb:DocumentUniqueId", d->unique_id);
    if (d->new_repository.n > 0)
        xml_leaf(w, "xdsb:NewRepositoryUniqueId", d->new_repository);
    if (d->new_unique_id.n > 0)
        xml_leaf(w, "xdsb:NewDocumentUniqueId", d->new_unique_id);
    xml_leaf(w, "xdsb:mimeType", d->mime_type);
    xml_begin(w, "xdsb:Document");
    soap_answer_attach(answer, d->mime_type, d->source);
    xml_end(w, "xdsb:Document");
    xml_end(w, "xdsb:DocumentResponse");
    metric_add(METRIC_documents_retrieved_total, 1);
}

static struct xml_writer *begin_answer(struct request *rq, struct soap_answer *answer)
{
    struct xml_writer *w = soap_answer_begin(rq, answer, NULL);

    xml_begin(w, "xdsb:RetrieveDocumentSetResponse");
    xml_attribute(w, "xmlns:xdsb", STR(NS_XDSB));
    return w;
}

enum status xds_retrieval_answer(struct request *rq, const struct xds_retrieval *r,
                                 struct reply *rp)
{
    struct soap_answer answer;
    struct xml_writer *w;

    audit_documents(rq, r);
    w = begin_answer(rq, &answer);
    write_status(rq, w, r);
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].code == NULL)
            write_document(&answer, &r->v[i]);
    xml_end(w, "xdsb:RetrieveDocumentSetResponse");
    return soap_answer_end(&answer, rp);
}

enum status xds_retrieval_find(struct request *rq, struct xds_retrieval *r)
{
    check_addresses(rq, r);
    check_repeats(rq, r);
    TRY(find_documents(rq, r));
    choose_documents(rq, r);
    xds_find_remember(rq, r->seen);
    TRY(take_snapshots(rq, r));
    return open_documents(rq, r);
}

/* What is made on demand is made anew. */
static bool all_is_shown(const struct xds_retrieval *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].code != NULL || r->v[i].on_demand != NULL)
            return false;
    return xds_visible_withheld(r->seen) == 0;
}

enum status xds_retrieve(struct request *rq, struct reply *rp)
{
    struct xds_retrieval r = {0};

    TRY(xds_retrieval_read(rq, &r));
    TRY(xds_retrieval_find(rq, &r));
    if (all_is_shown(&r))
        request_shown_all(rq);
    return xds_retrieval_answer(rq, &r, rp);
}

/* The whole request failed: it could not be read, or the hub failed. */
enum status xds_retrieve_failure(struct request *rq, struct reply *rp)
{
    struct soap_answer answer;
    struct xml_writer *w = begin_answer(rq, &answer);

    xds_registry_response_write(w, XDS_FAILURE, XDS_AT_RETRIEVE, 0, rq->err);
    xml_end(w, "xdsb:RetrieveDocumentSetResponse");
    return soap_answer_end(&answer, rp);
}
