#include <stdlib.h>
#include <string.h>

#include "consent/bppc.h"
#include "hub/base/hex.h"
#include "hub/data/xml.h"
#include "hub/mtom.h"
#include "hub/soap.h"
#include "xds/repository.h"
#include "xds/response.h"
#include "xds/submit.h"

/* ITI-41 Provide and Register Document Set-b (IHE ITI TF-2 3.41).
 *
 * The bytes came with the request: as MTOM parts, encrypted on the way in (xds_part_sink), or
 * inline. They are matched with the metadata, hashed against it and made durable; then the
 * submission is registered in the one transaction that also says where the bytes lie. A document
 * is known only when that commits, and durable before it does (promise 3). */

#define NS_XDSB "urn:ihe:iti:xds-b:2007"
#define NS_LCM  "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"

/* A Document element with its metadata. */
struct provided {
    struct str id; /* Document/@id, ExtrinsicObject/@id */
    const xmlNode *element;
    struct xds_document *entry;
    struct blob_writer *blob;
};

struct provision {
    struct xds_submission *submission;
    struct provided *v;         /* by id */
    struct blob_writer **blobs; /* by address */
    size_t n;
};

static enum status read_message(struct request *rq, struct provision *p)
{
    const xmlNode *body = rq->message.soap->body;
    size_t n = xml_count(body, NS_XDSB, "Document");
    xmlNode *request = xml_child(body, NS_LCM, "SubmitObjectsRequest");

    if (!xml_is(body, NS_XDSB, "ProvideAndRegisterDocumentSetRequest"))
        return fail(rq->err, INVALID, "XDSRepositoryError",
                    "The message is no ProvideAndRegisterDocumentSetRequest");
    if (request == NULL)
        return fail(rq->err, INVALID, "XDSRepositoryError",
                    "The ProvideAndRegisterDocumentSetRequest holds no lcm:SubmitObjectsRequest");
    TRY(xds_submission_read(rq, request, XDS_REGISTER, &p->submission));
    p->v = ARENA_ARRAY(rq->arena, n, struct provided);
    XML_EACH(e, body, NS_XDSB, "Document")
    p->v[p->n++] = (struct provided){.id = xml_attr(e, "id"), .element = e};
    return OK;
}

/* --- documents and their metadata --------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return str_compare(((const struct provided *)a)->id, ((const struct provided *)b)->id);
}

static struct provided *find_provided(const struct provision *p, struct str id)
{
    struct provided key = {.id = id};

    return p->n > 0 ? bsearch(&key, p->v, p->n, sizeof(key), by_id) : NULL;
}

static enum status check_distinct(struct request *rq, struct provision *p)
{
    qsort(p->v, p->n, sizeof(*p->v), by_id);
    for (size_t i = 1; i < p->n; i++)
        if (str_eq(p->v[i].id, p->v[i - 1].id))
            return fail_at(rq->err, p->v[i].id, INVALID, "XDSRepositoryError",
                           "Two Document elements have the id %.*s", STR_ARG(p->v[i].id));
    return OK;
}

static enum status match_entry(struct request *rq, struct provision *p, struct xds_document *d)
{
    struct provided *found = d->o.id.n > 0 ? find_provided(p, d->o.id) : NULL;

    if (xds_on_demand(d))
        return fail_at(rq->err, d->o.id, INVALID, "XDSRepositoryMetadataError",
                       "%.*s is an On-Demand document entry: those are registered by ITI-61",
                       STR_ARG(d->o.id));
    if (found == NULL)
        return fail_at(rq->err, d->o.id, INVALID, "XDSMissingDocument",
                       "The document entry %.*s has no Document of that id", STR_ARG(d->o.id));
    if (found->entry != NULL)
        return fail_at(rq->err, d->o.id, INVALID, "XDSRepositoryMetadataError",
                       "Two document entries have the id %.*s", STR_ARG(d->o.id));
    found->entry = d;
    return OK;
}

/* All that is wrong is said, not only the first. */
static enum status match_documents(struct request *rq, struct provision *p)
{
    const struct xds_objects *objects = &p->submission->objects;
    enum status s = OK;

    TRY(check_distinct(rq, p));
    for (size_t i = 0; i < objects->n; i++) {
        struct xds_document *d = xds_document(objects->v[i]);

        if (d != NULL && match_entry(rq, p, d) != OK)
            s = INVALID;
    }
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].entry == NULL)
            s = fail_at(rq->err, p->v[i].id, INVALID, "XDSMissingDocumentMetadata",
                        "The Document %.*s has no document entry of that id", STR_ARG(p->v[i].id));
    return s;
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Sets, folders and documents share one space of uniqueIds. */
static enum status check_unique_ids(struct request *rq, const struct provision *p)
{
    const struct xds_objects *objects = &p->submission->objects;
    struct str *ids = ARENA_ARRAY(rq->arena, objects->n, struct str);
    enum status s = OK;
    size_t n = 0;

    for (size_t i = 0; i < objects->n; i++)
        if (objects->v[i]->kind != XDS_ASSOCIATION)
            ids[n++] = xds_text(objects->v[i], "uniqueId");
    qsort(ids, n, sizeof(*ids), by_text);
    for (size_t i = 1; i < n; i++)
        if (ids[i].n > 0 && str_eq(ids[i], ids[i - 1]))
            s = fail_at(rq->err, ids[i], INVALID, "XDSRepositoryDuplicateUniqueIdInMessage",
                        "The uniqueId %.*s occurs more than once in the submission",
                        STR_ARG(ids[i]));
    return s;
}

/* --- bytes -------------------------------------------------------------------------------- */

static enum status store_inline(struct request *rq, struct provided *d, struct str bytes)
{
    d->blob = blob_begin(xds_repository(), rq->arena);
    if (blob_write(d->blob, bytes) == OK && blob_end(d->blob) == OK)
        return OK;
    return fail_at(rq->err, d->id, UPSTREAM, "XDSRepositoryError",
                   "The repository cannot store documents now; send the submission again later");
}

static enum status check_inline_size(struct request *rq, const struct provided *d)
{
    int64_t most = rq->config->max_inline_kb;

    if (xml_text(rq->arena, d->element).n <= (size_t)most * 1024)
        return OK;
    return fail_at(rq->err, d->id, INVALID, "XDSRepositoryError",
                   "The Document %.*s has more than %lld kB of base64 inside the XML: send it as "
                   "an MTOM part (xop:Include), which may have any size",
                   STR_ARG(d->id), (long long)most);
}

static enum status take_bytes(struct request *rq, struct provided *d)
{
    struct mtom_binary b;

    TRY(check_inline_size(rq, d));
    TRY(mtom_binary_read(rq->arena, rq->message.soap->parts, d->element, "XDSRepositoryError", &b,
                         rq->err));
    if (b.part == NULL)
        return store_inline(rq, d, b.bytes);
    if (b.part->stored == NULL)
        return store_inline(rq, d, b.part->bytes);
    d->blob = b.part->stored;
    return OK;
}

static int by_blob(const void *a, const void *b)
{
    const struct blob_writer *x = *(struct blob_writer *const *)a;
    const struct blob_writer *y = *(struct blob_writer *const *)b;

    return (x > y) - (x < y);
}

/* Two Documents that include one part would share its bytes, and could not be removed one without
 * the other. */
static enum status collect_blobs(struct request *rq, struct provision *p)
{
    p->blobs = ARENA_ARRAY(rq->arena, p->n, struct blob_writer *);
    for (size_t i = 0; i < p->n; i++)
        p->blobs[i] = p->v[i].blob;
    qsort(p->blobs, p->n, sizeof(struct blob_writer *), by_blob);
    for (size_t i = 1; i < p->n; i++)
        if (p->blobs[i] == p->blobs[i - 1])
            return fail(rq->err, INVALID, "XDSRepositoryError",
                        "Two Document elements include one MTOM part: each needs its own");
    return OK;
}

/* --- hash, size, repositoryUniqueId ------------------------------------------------------- */

static enum status wrong(struct request *rq, const struct provided *d, const char *what,
                         struct str said, struct str is)
{
    return fail_at(rq->err, d->id, INVALID, "XDSRepositoryMetadataError",
                   "DocumentEntry.%s of %.*s is %.*s, but the document that came has %.*s", what,
                   STR_ARG(d->entry->unique_id.n > 0 ? d->entry->unique_id : d->id), STR_ARG(said),
                   STR_ARG(is));
}

static enum status describe(struct request *rq, const struct provided *d)
{
    const struct blob_info *b = blob_info_of(d->blob);
    struct str hash = hex_encode(rq->arena, b->sha1, BLOB_SHA1);
    struct str size = str_printf(rq->arena, "%llu", (unsigned long long)b->size);
    struct xds_document *e = d->entry;
    uint64_t said;

    if (e->hash.n > 0 && !str_eq_nocase(e->hash, hash))
        return wrong(rq, d, "hash", e->hash, hash);
    if (e->size.n > 0 && (!str_to_u64(e->size, &said) || said != b->size))
        return wrong(rq, d, "size", e->size, size);
    e->hash = hash;
    e->size = size;
    e->repository_unique_id = str_from(rq->config->repository_unique_id);
    return OK;
}

static enum status take_all(struct request *rq, struct provision *p)
{
    enum status s = OK;

    for (size_t i = 0; i < p->n; i++) {
        TRY(take_bytes(rq, &p->v[i]));
        if (describe(rq, &p->v[i]) != OK)
            s = INVALID;
    }
    return s;
}

/* --- the effect --------------------------------------------------------------------------- */

static void unkeep(void *blob)
{
    blob_unkeep(blob);
}

/* Before anything is sent to the database: no lock is held while the disk is awaited. */
static enum status make_durable(struct request *rq, const struct provision *p)
{
    if (blob_commit(p->blobs, p->n) != OK)
        return fail(rq->err, UPSTREAM, "XDSRepositoryError",
                    "The repository cannot store documents now; send the submission again later");
    for (size_t i = 0; i < p->n; i++) {
        blob_keep(p->blobs[i]);
        request_on_rollback(rq, unkeep, p->blobs[i]);
    }
    return OK;
}

/* For the registry, while it decides about them: small ones. */
static enum status read_bytes(struct request *rq, void *context, const struct xds_document *d,
                              struct str *out)
{
    const struct provided *found = find_provided(context, d->o.id);
    const struct blob_info *b = blob_info_of(found->blob);
    struct blob_ref ref = {b->id, str_of(b->wrapped_key, BLOB_WRAPPED_KEY), b->size,
                           b->stored_size};

    if (b->size > BPPC_SIZE_MAX)
        return fail_at(rq->err, d->o.id, INVALID, "XDSRepositoryMetadataError",
                       "%.*s is too large for a consent document", STR_ARG(d->unique_id));
    return blob_read(xds_repository(), rq->arena, &ref, out);
}

static void record_blobs(struct request *rq, const struct provision *p)
{
    struct blob_row *rows = ARENA_ARRAY(rq->arena, p->n, struct blob_row);

    for (size_t i = 0; i < p->n; i++)
        rows[i] = (struct blob_row){p->v[i].entry->o.uuid, blob_info_of(p->v[i].blob)};
    if (p->n > 0)
        blob_rows_insert(rq, p->submission->place.pkey, rows, p->n);
    metric_add(METRIC_documents_stored_total, p->n);
}

enum status xds_provide(struct request *rq, struct reply *rp)
{
    struct provision p = {0};

    TRY(read_message(rq, &p));
    TRY(match_documents(rq, &p));
    TRY(check_unique_ids(rq, &p));
    TRY(take_all(rq, &p));
    TRY(collect_blobs(rq, &p));
    TRY(make_durable(rq, &p));
    p.submission->read_bytes = read_bytes;
    p.submission->context = &p;
    TRY(xds_submit(rq, p.submission));
    record_blobs(rq, &p);
    return xds_registry_response(rq, rp);
}
