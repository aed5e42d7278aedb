#include "gateway/xcdr.h"

#include <libxml/tree.h>
#include <string.h>

#include "gateway/xca_answer.h"
#include "gateway/xcpd.h"
#include "hub/base/oid.h"
#include "hub/principal.h"
#include "hub/soap.h"
#include "xds/find.h"
#include "xds/gate.h"
#include "xds/repository.h"
#include "xds/response.h"
#include "xds/rim_write.h"

#define NS_LCM  "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
#define NS_XDR  "urn:ihe:iti:xdr:2014"
#define NS_XDSB "urn:ihe:iti:xds-b:2007"
#define ACTION  "urn:ihe:iti:2015:CrossGatewayDocumentProvide"

enum { ANSWER_MAX = 1 << 20 };

/* What is kept from one transaction to the next. */
struct consignment {
    struct xds_submission submission;
    struct partners partners;
    const struct partner *to;
    struct identifier patient, there; /* here; and as that community knows it */
    struct person_ref person;
    struct discoveries discoveries;
    struct question question;
    struct question_part *parts;
    size_t part_count;
    struct call call;
};

static const struct transaction send_transaction, answer_transaction;

/* --- what is provided, and to whom -------------------------------------------------------------
 */

static enum status read_home(struct request *rq, struct str *home)
{
    const xmlNode *block = xml_child(rq->message.soap->header, NS_XDR, "homeCommunityBlock");

    *home = block != NULL ? str_trim(xml_text_of(rq->arena, block, NS_XDR, "homeCommunityId"))
                          : STR_NONE;
    if (home->n == 0)
        return fail(rq->err, INVALID, "XDSMissingHomeCommunityId",
                    "The header block homeCommunityBlock has to name the community that is "
                    "provided to");
    if (str_eq(oid_strip_urn(*home), str_from(rq->config->home_community_id)))
        return fail(rq->err, INVALID, "XDSUnknownCommunity",
                    "This is that community itself: its documents are provided to its repository");
    return OK;
}

static enum status read_objects(struct request *rq, struct consignment *c)
{
    const xmlNode *body = rq->message.soap->body;
    const xmlNode *request = xml_child(body, NS_LCM, "SubmitObjectsRequest");
    xmlNode *list = xml_child(request, XDS_RIM_NS, "RegistryObjectList");

    if (!xml_is(body, NS_XDSB, "ProvideAndRegisterDocumentSetRequest") || list == NULL)
        return fail(rq->err, INVALID, "XDSRepositoryError",
                    "The message is no ProvideAndRegisterDocumentSetRequest with metadata");
    TRY(xds_rim_read(rq->arena, list, &c->submission, rq->err));
    for (size_t i = 0; i < c->submission.objects.n; i++)
        if (c->submission.objects.v[i]->kind == XDS_SET)
            request_about(rq, "submission_set", xds_text(c->submission.objects.v[i], "uniqueId"),
                          STR_NONE);
    return OK;
}

/* One patient, by the identifier of this region. */
static enum status read_patient(struct request *rq, struct consignment *c)
{
    for (size_t i = 0; i < c->submission.objects.n; i++) {
        const struct xds_object *o = c->submission.objects.v[i];
        struct identifier id;

        if (o->kind == XDS_ASSOCIATION)
            continue;
        if (!identifier_parse_cx(xds_text(o, "patientId"), &id) ||
            !str_eq(id.authority, str_from(rq->config->xad_authority)) ||
            (c->patient.id.n > 0 && !identifier_eq(id, c->patient)))
            return fail(rq->err, INVALID, "XDSUnknownPatientId",
                        "All that is provided is of one patient, by its identifier of %s",
                        rq->config->xad_authority);
        c->patient = id;
    }
    if (c->patient.id.n == 0)
        return fail(rq->err, INVALID, "XDSRepositoryError", "There is nothing to provide");
    rq->patient = identifier_cx(rq->arena, c->patient);
    return OK;
}

static enum status find_partner(struct request *rq, struct consignment *c, struct str home)
{
    c->to = partner_by_home(&c->partners, home);
    if (c->to == NULL)
        return fail_at(rq->err, home, INVALID, "XDSUnknownCommunity",
                       "no community is known as %.*s", STR_ARG(str_slice(home, 0, 80)));
    if (c->to->provide_url.n == 0)
        return fail_at(rq->err, home, UPSTREAM, "XDSUnavailableCommunity",
                       "community %.*s takes no documents", STR_ARG(c->to->name));
    return OK;
}

/* --- may that community have it? ---------------------------------------------------------------
 */

/* What it would be shown of these, were they published here by who provides them. */
static enum status count_permitted(struct request *rq, struct consignment *c, size_t *all,
                                   size_t *permitted)
{
    const struct principal source = rq->principal;
    struct xds_candidates found = {0};
    const struct xds_visible *seen;

    TRY(xds_find_people(rq, &c->person, 1, &found));
    for (size_t i = 0; i < c->submission.objects.n; i++) {
        struct xds_object *o = c->submission.objects.v[i];

        if (o->kind == XDS_ASSOCIATION)
            continue;
        o->uuid = uuid_v4();
        o->source_member = source.member->id;
        xds_candidates_add(rq, &found, o, xds_find_person(&found, c->person), false);
    }
    TRY(principal_of_addressee(rq, c->to->member_id));
    rq->principal.purpose = source.purpose;
    *all = found.n;
    TRY(xds_gate(rq, &found, &seen));
    *permitted = xds_visible_count(seen);
    rq->principal = source;
    return OK;
}

static enum status decide(struct request *rq, struct consignment *c)
{
    const struct principal source = rq->principal;
    size_t all = 0, permitted = 0;
    enum status s = count_permitted(rq, c, &all, &permitted);

    rq->principal = source;
    if (s != OK)
        return s;
    if (permitted == all)
        return OK;
    return fail_at(rq->err, partner_home_urn(rq->arena, c->to), DENIED, "XDSRepositoryError",
                   "the patient's consents, or the agreement with community %.*s, do not let it "
                   "have what is provided",
                   STR_ARG(c->to->name));
}

/* --- out ---------------------------------------------------------------------------------------
 */

static bool is_patient_id(const xmlNode *e)
{
    static const char *const schemes[] = {
        "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427",
        "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446",
        "urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a",
    };
    struct str scheme = xml_attr(e, "identificationScheme");

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (str_eq(scheme, str_from(schemes[i])))
            return true;
    return false;
}

/* The message as it came, with the patient as that community knows it. */
static struct str body_of(struct request *rq, const struct consignment *c)
{
    xmlNode *asked = rq->message.soap->body, *copy = xmlDocCopyNode(asked, asked->doc, 1);
    const xmlNode *request = xml_child(copy, NS_LCM, "SubmitObjectsRequest");
    const xmlNode *list = xml_child(request, XDS_RIM_NS, "RegistryObjectList");
    const char *patient = str_c(rq->arena, identifier_cx(rq->arena, c->there));
    xmlBuffer *buffer = xmlBufferCreate();
    struct str text;

    must(copy != NULL && list != NULL && buffer != NULL, "the message was read");
    XML_EACH(object, list, NULL, NULL)
    XML_EACH(e, object, XDS_RIM_NS, "ExternalIdentifier")
    if (is_patient_id(e))
        xmlSetProp(e, (const xmlChar *)"value", (const xmlChar *)patient);
    must(xmlNodeDump(buffer, asked->doc, copy, 0, 0) >= 0, "out of memory");
    text = str_dup(rq->arena, str_of(xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer)));
    xmlBufferFree(buffer);
    xmlFreeNode(copy);
    return text;
}

static struct str header_of(struct request *rq, const struct consignment *c)
{
    return str_printf(rq->arena,
                      "<xdr:homeCommunityBlock xmlns:xdr=\"" NS_XDR "\"><xdr:homeCommunityId>"
                      "%.*s</xdr:homeCommunityId></xdr:homeCommunityBlock>",
                      STR_ARG(partner_home_urn(rq->arena, c->to)));
}

static void audit_sent(struct request *rq, const struct consignment *c)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->transaction = "ITI-80";
    row->initiator = true;
    row->partner = c->to->provide_url;
    row->pkey = c->person.pkey;
    row->person_id = c->person.person_id;
    row->patient = identifier_cx(rq->arena, c->there);
    row->objects = rq->about;
}

static enum status open_part(struct request *rq, const struct part *p, struct question_part *out)
{
    struct blob_writer *blob = p->stored;

    *out = (struct question_part){
        .content_id = p->content_id,
        .content_type = p->content_type.n > 0 ? p->content_type : STR("application/octet-stream"),
    };
    if (xds_read_back(rq->arena, &blob, &out->source) == OK)
        return OK;
    return fail(rq->err, UPSTREAM, "XDSRepositoryError",
                "A document could not be kept until it is sent on");
}

/* Those that the root may include: all that have a name. */
static enum status open_parts(struct request *rq, struct consignment *c)
{
    const struct part *root = rq->exchange->body.root;
    size_t most = 0;

    for (const struct part *p = rq->message.soap->parts; p != NULL; p = p->next)
        most++;
    c->parts = ARENA_ARRAY(rq->arena, most, struct question_part);
    c->part_count = 0;
    for (const struct part *p = rq->message.soap->parts; p != NULL; p = p->next)
        if (p != root && p->content_id.n > 0)
            TRY(open_part(rq, p, &c->parts[c->part_count++]));
    return OK;
}

static enum status send_it(struct request *rq, struct consignment *c)
{
    TRY(decide(rq, c));
    TRY(open_parts(rq, c));
    c->question = (struct question){
        .partner = c->to,
        .action = ACTION,
        .url = c->to->provide_url,
        .body = body_of(rq, c),
        .header = header_of(rq, c),
        .mtom = true,
        .parts = c->parts,
        .part_count = c->part_count,
        .once = true,
        .max_answer = ANSWER_MAX,
    };
    c->call = question_call(rq, &c->question);
    audit_sent(rq, c);
    questions_ask(rq, &c->call, 1, &answer_transaction);
    return OK;
}

/* --- the answer --------------------------------------------------------------------------------
 */

static void audit_provided(struct request *rq, const struct consignment *c)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->objects = rq->about;
    row->patient = rq->patient;
    row->pkey = c->person.pkey;
    row->person_id = c->person.person_id;
}

static enum status answer(struct request *rq, struct reply *rp)
{
    struct consignment *c = rq->kept;
    struct partner_answer answer;

    TRY(partner_answer_read(rq->arena, c->to, &c->call, c->question.message_id, &answer, rq->err));
    TRY(xca_provided_read(rq->arena, c->to, answer.body, rq->err));
    audit_provided(rq, c);
    return xds_registry_response(rq, rp);
}

/* --- who the patient is there ------------------------------------------------------------------
 */

static enum status unknown_there(struct request *rq, const struct consignment *c)
{
    return fail_at(rq->err, partner_home_urn(rq->arena, c->to), INVALID, "XDSUnknownPatientId",
                   "community %.*s does not know this patient, or not for sure",
                   STR_ARG(c->to->name));
}

static enum status learn(struct request *rq, struct reply *rp)
{
    struct consignment *c = rq->kept;
    const struct discovery *d = &c->discoveries.v[0];

    (void)rp;
    TRY(xcpd_conclude(rq, &c->discoveries));
    if (d->end == DISCOVERY_FAILED)
        return fail_at(rq->err, d->failure->location, UPSTREAM, d->failure->code, "%.*s",
                       STR_ARG(d->failure->text));
    if (d->end != DISCOVERY_FOUND)
        return unknown_there(rq, c);
    c->there = d->patient;
    return send_it(rq, c);
}

static enum status look_up(struct request *rq, struct consignment *c, struct str home,
                           struct correlations *known, struct mpi_people *people)
{
    struct mpi_lookup lookup;

    partners_queue(rq, &c->partners);
    mpi_lookup_queue(rq, &c->patient, 1, &lookup);
    TRY(db_flush(rq->db));
    partners_read(rq, &c->partners);
    TRY(mpi_lookup_read(rq, &lookup));
    TRY(find_partner(rq, c, home));
    if (lookup.hits[0].known != MPI_ACTIVE)
        return fail(rq->err, INVALID, "XDSUnknownPatientId", "Nobody here has this identifier");
    rq->person = c->person = lookup.hits[0].person;
    correlations_queue(rq, c->person, known);
    mpi_people_queue(rq, &c->person, 1, people);
    TRY(db_flush(rq->db));
    correlations_read(rq, known);
    correlations_used(rq, c->person, known);
    return mpi_people_read(rq, people);
}

static enum status begin(struct request *rq, struct reply *rp)
{
    struct consignment *c = ARENA_NEW(rq->arena, struct consignment);
    const struct correlation *there;
    struct correlations known;
    struct mpi_people people;
    struct str home;

    (void)rp;
    rq->kept = c;
    TRY(read_home(rq, &home));
    TRY(read_objects(rq, c));
    TRY(read_patient(rq, c));
    TRY(look_up(rq, c, home, &known, &people));
    there = correlation_of(&known, c->to->member_id);
    if (there != NULL && there->patient.id.n > 0) {
        c->there = there->patient;
        return send_it(rq, c);
    }
    if (there != NULL || c->to->discovery_url.n == 0)
        return unknown_there(rq, c);
    TRY(xcpd_prepare(rq, &people.people[0], &c->to, 1, &c->discoveries));
    if (c->discoveries.n == 0)
        return unknown_there(rq, c);
    questions_ask(rq, c->discoveries.calls, c->discoveries.n, &send_transaction);
    return OK;
}

/* --- the table ---------------------------------------------------------------------------------
 */

#define STEP(handler, level)                                                                       \
    {                                                                                              \
        .name = "ITI-41", .action = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b",            \
        .isolation = (level), .mtom = true, .audit = {"110107", 'C'}, .handle = (handler),         \
        .render_failure = xds_provide_failure,                                                     \
        .door = DISCLOSES_NOTHING("it takes documents, for a community that consent lets have "    \
                                  "them; the answer says whether it did")                          \
    }

static const struct transaction send_transaction = STEP(learn, REPEATABLE_READ);
static const struct transaction answer_transaction = STEP(answer, READ_COMMITTED);

const struct transaction xcdr_transactions[] = {
    STEP(begin, REPEATABLE_READ),
    {.name = NULL},
};
