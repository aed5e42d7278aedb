#include "gateway/xca_query.h"

#include <libxml/tree.h>
#include <string.h>

#include "gateway/xca_merge.h"
#include "gateway/xcpd.h"
#include "hub/base/oid.h"
#include "hub/hub.h"
#include "xds/query.h"
#include "xds/response.h"
#include "xds/rim_write.h"

#define CROSS_GATEWAY_QUERY "urn:ihe:iti:2007:CrossGatewayQuery"
#define NS_QUERY            "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"

enum { ANSWER_MAX = 16 << 20 }; /* bytes of one community's answer, in memory */

/* One community that is asked. */
struct target {
    const struct partner *partner;
    struct identifier patient; /* who it is there; id STR_NONE: the query names no patient */
    struct question question;
};

/* What is kept from one transaction to the next. */
struct fan {
    struct xds_query q;
    struct partners partners;
    struct str home; /* the one community that the query is for; STR_NONE: all */
    struct identifier patient;
    struct person_ref person; /* whom the query is about; zero: it names none */
    struct discoveries discoveries;
    struct target *targets;
    struct call *calls; /* beside them */
    size_t n, known; /* known: without those that were found by asking who the patient is there */
    struct errors told; /* what went wrong on the way, for the answer */
};

static const struct transaction ask_transaction, answer_transaction;

static bool is_ours(const struct request *rq, struct str home)
{
    return str_eq(oid_strip_urn(home), str_from(rq->config->home_community_id));
}

/* --- whom to ask -------------------------------------------------------------------------------
 */

/* On the AdhocQuery, or as a parameter of it. */
static struct str home_of(struct request *rq, const struct xds_query *q)
{
    const xmlNode *query = xml_child(rq->message.soap->body, XDS_RIM_NS, "AdhocQuery");
    const struct xds_argument *home = xds_query_argument_of(q, XDS_VALUE_HOME);
    struct str attribute = query != NULL ? str_trim(xml_attr(query, "home")) : STR_NONE;

    if (attribute.n > 0)
        return attribute;
    return home != NULL ? home->groups[0].v[0] : STR_NONE;
}

static bool names_patient(struct fan *f)
{
    const struct xds_argument *patient = xds_query_argument_of(&f->q, XDS_VALUE_PATIENT);

    return patient != NULL && patient->groups[0].n == 1 &&
           identifier_parse_cx(patient->groups[0].v[0], &f->patient);
}

static enum status read_question(struct request *rq, struct fan *f)
{
    TRY(xds_query_open(rq, &f->q));
    f->home = home_of(rq, &f->q);
    if (!names_patient(f) && f->home.n == 0)
        return fail(
            rq->err, INVALID, "XDSMissingHomeCommunityId",
            "%s names no patient: it needs the home community id that its objects came with",
            f->q.type->name);
    return OK;
}

/* Is this one of those that the query is for, and can it be asked? */
static bool is_meant(const struct fan *f, const struct partner *p)
{
    return p->query_url.n > 0 && (f->home.n == 0 || str_eq(oid_strip_urn(f->home), p->home));
}

static enum status check_home(struct request *rq, const struct fan *f)
{
    if (f->home.n == 0 || is_ours(rq, f->home) || partner_by_home(&f->partners, f->home) != NULL)
        return OK;
    return fail_at(rq->err, f->home, INVALID, "XDSUnknownCommunity",
                   "no community is known as %.*s", STR_ARG(str_slice(f->home, 0, 80)));
}

static void add_target(struct fan *f, const struct partner *p, struct identifier patient)
{
    f->targets[f->n++] = (struct target){.partner = p, .patient = patient};
}

/* Those that know the patient are targets; of whom that is not known are to be asked about it. */
static size_t sort_out(struct request *rq, struct fan *f, const struct correlations *known,
                       const struct partner ***unknown)
{
    size_t n = 0;

    *unknown = ARENA_ARRAY(rq->arena, f->partners.n, const struct partner *);
    for (size_t i = 0; i < f->partners.n; i++) {
        const struct partner *p = &f->partners.v[i];
        const struct correlation *c = correlation_of(known, p->member_id);

        if (!is_meant(f, p))
            continue;
        if (c != NULL && c->patient.id.n > 0)
            add_target(f, p, c->patient);
        else if (c == NULL && p->discovery_url.n > 0)
            (*unknown)[n++] = p;
    }
    return n;
}

/* --- the questions -----------------------------------------------------------------------------
 */

static bool is_patient_slot(const struct fan *f, const xmlNode *slot)
{
    const struct xds_argument *patient = xds_query_argument_of(&f->q, XDS_VALUE_PATIENT);

    return patient != NULL && str_eq(xml_attr(slot, "name"), str_from(patient->parameter->name));
}

static void set_only_value(struct arena *a, xmlNode *slot, struct str text)
{
    xmlNode *value = xml_child(xml_child(slot, XDS_RIM_NS, "ValueList"), XDS_RIM_NS, "Value");

    if (value == NULL)
        return;
    xmlNodeSetContent(value, NULL);
    xmlNodeAddContent(value, (const xmlChar *)str_c(a, text));
}

/* A copy of the member's query with its patient and home community as they are there. Whole objects
 * are asked for even where the member wants references: consent is decided by what they say. */
static struct str body_for(struct request *rq, const struct fan *f, const struct target *t)
{
    xmlNode *asked = rq->message.soap->body, *copy = xmlDocCopyNode(asked, asked->doc, 1);
    xmlNode *query = xml_child(copy, XDS_RIM_NS, "AdhocQuery");
    xmlNode *option = xml_child(copy, NS_QUERY, "ResponseOption");
    xmlBuffer *buffer = xmlBufferCreate();
    struct str text;

    must(copy != NULL && query != NULL && option != NULL && buffer != NULL, "the query was read");
    xmlSetProp(query, (const xmlChar *)"home",
               (const xmlChar *)partner_home_urn(rq->arena, t->partner).p);
    xmlSetProp(option, (const xmlChar *)"returnType", (const xmlChar *)"LeafClass");
    XML_EACH(slot, query, XDS_RIM_NS, "Slot")
    if (t->patient.id.n > 0 && is_patient_slot(f, slot))
        set_only_value(rq->arena, slot,
                       str_printf(rq->arena, "'%.*s'",
                                  STR_ARG(identifier_cx(rq->arena, t->patient))));
    must(xmlNodeDump(buffer, asked->doc, copy, 0, 0) >= 0, "out of memory");
    text = str_dup(rq->arena, str_of(xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer)));
    xmlBufferFree(buffer);
    xmlFreeNode(copy);
    return text;
}

static void audit_question(struct request *rq, const struct fan *f, const struct target *t)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->transaction = "ITI-38";
    row->initiator = true;
    row->partner = t->partner->query_url;
    row->pkey = f->person.pkey;
    row->person_id = f->person.person_id;
    row->patient = t->patient.id.n > 0 ? identifier_cx(rq->arena, t->patient) : STR_NONE;
    audit_object_add(rq->arena, row, "query", f->q.id, t->question.body);
    row->objects->home = partner_home_urn(rq->arena, t->partner);
}

static void ask_all(struct request *rq, struct fan *f)
{
    f->calls = ARENA_ARRAY(rq->arena, f->n, struct call);
    for (size_t i = 0; i < f->n; i++) {
        struct target *t = &f->targets[i];

        t->question = (struct question){
            .partner = t->partner,
            .action = CROSS_GATEWAY_QUERY,
            .url = t->partner->query_url,
            .body = body_for(rq, f, t),
            .max_answer = ANSWER_MAX,
        };
        f->calls[i] = question_call(rq, &t->question);
        audit_question(rq, f, t);
    }
    questions_ask(rq, f->calls, f->n, &answer_transaction);
}

/* --- the answer --------------------------------------------------------------------------------
 */

static void take_over(struct errors *to, const struct errors *from)
{
    for (const struct failure *f = from->first; f != NULL; f = f->next)
        if (f->warning)
            warn_at(to, f->location, f->code, "%.*s", STR_ARG(f->text));
        else
            fail_at(to, f->location, UPSTREAM, f->code, "%.*s", STR_ARG(f->text));
}

/* What the communities said; *n of them answered. */
static struct foreign *read_answers(struct request *rq, struct fan *f, struct errors *told,
                                    size_t *n)
{
    struct foreign *v = ARENA_ARRAY(rq->arena, f->n, struct foreign);
    struct partner_answer answer;
    struct errors mine;

    *n = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct target *t = &f->targets[i];
        struct foreign *out = &v[*n];

        errors_init(&mine, rq->arena);
        *out = (struct foreign){.partner = t->partner, .asked = t->patient, .person = f->person};
        if (partner_answer_read(rq->arena, t->partner, &f->calls[i], t->question.message_id,
                                &answer, &mine) == OK &&
            xca_found_read(rq->arena, t->partner, answer.body, &out->found, &mine) == OK) {
            take_over(told, &out->found.told);
            (*n)++;
        } else {
            take_over(told, &mine);
        }
    }
    return v;
}

static void tell_strangers(struct request *rq, const struct foreign *v, size_t n,
                           struct errors *told)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].strangers > 0)
            fail_at(
                told, partner_home_urn(rq->arena, v[i].partner), UPSTREAM, "XDSRegistryError",
                "community %.*s (urn:oid:%.*s): %zu objects of its answer are of a patient whom "
                "this region has not asked it about; they are left out",
                STR_ARG(v[i].partner->name), STR_ARG(v[i].partner->home), v[i].strangers);
}

/* A failure of the registry's own kind is told like a community's; of the hub, it is the hub's. */
static bool is_told(enum status s)
{
    return s == INVALID || s == NOT_FOUND || s == DENIED;
}

static enum status ask_registry(struct request *rq, struct fan *f, struct errors *told,
                                const struct xds_visible **seen)
{
    struct errors *whole = rq->err, mine;
    enum status s;

    errors_init(&mine, rq->arena);
    rq->err = &mine;
    s = xds_query_run(rq, &f->q, seen);
    rq->err = whole;
    if (s == OK)
        return OK;
    if (!is_told(s) || mine.first == NULL || whole->first != NULL)
        return mine.first != NULL
                   ? fail(rq->err, s, mine.first->code, "%.*s", STR_ARG(mine.first->text))
                   : s;
    *seen = NULL;
    for (struct failure *e = mine.first; e != NULL; e = e->next)
        if (strcmp(e->code, "XDSUnknownPatientId") != 0)
            fail_at(told, str_printf(rq->arena, "urn:oid:%s", rq->config->home_community_id), s,
                    e->code, "%.*s", STR_ARG(e->text));
    return OK;
}

/* The registry here was asked by the gateway, as a consumer asks it (3.38.4.1.4); and where it was
 * not asked, or failed, the consumer's question has a row all the same. */
static void audit_answer(struct request *rq, const struct fan *f, bool asked_here, size_t withheld)
{
    struct audit_row *row = rq->audit.first;

    if (row == NULL) {
        row = audit_add(rq->arena, &rq->audit);
        row->patient = rq->patient;
        row->pkey = f->person.pkey;
        row->person_id = f->person.person_id;
        row->objects = rq->about;
    }
    if (withheld > 0)
        row->description =
            str_printf(rq->arena,
                       "%.*s%swithheld by consent from other communities:"
                       " %zu",
                       STR_ARG(row->description), row->description.n > 0 ? "; " : "", withheld);
    if (!asked_here)
        return;
    row = audit_add(rq->arena, &rq->audit);
    *row = (struct audit_row){
        .transaction = "ITI-18",
        .initiator = true,
        .partner = str_printf(rq->arena, "%.*s/xds/registry", STR_ARG(rq->hub->endpoint)),
        .patient = rq->patient,
        .pkey = f->person.pkey,
        .person_id = f->person.person_id,
        .objects = rq->about,
    };
}

struct merged {
    const struct xds_visible *here; /* NULL: not asked, or it failed */
    struct foreign *v;
    size_t n;
};

static size_t shown_of(const struct merged *m)
{
    size_t n = m->here != NULL ? xds_visible_count(m->here) : 0;

    for (size_t i = 0; i < m->n; i++)
        n += xds_visible_count(m->v[i].seen);
    return n;
}

static const char *status_of(const struct request *rq, const struct merged *m)
{
    if (rq->err->status == OK)
        return XDS_SUCCESS;
    return m->here != NULL || m->n > 0 ? XDS_PARTIAL_SUCCESS : XDS_FAILURE;
}

static unsigned obligations_of(const struct merged *m)
{
    unsigned all = m->here != NULL ? xds_visible_obligations(m->here) : 0;

    for (size_t i = 0; i < m->n; i++)
        all |= m->v[i].seen != NULL ? xds_visible_obligations(m->v[i].seen) : 0;
    return all;
}

static enum status write_answer(struct request *rq, const struct fan *f, const struct merged *m,
                                struct reply *rp)
{
    struct soap_answer answer;
    struct xml_writer *w;

    if (shown_of(m) > (size_t)rq->config->max_results)
        return fail(rq->err, INVALID, "XDSTooManyResults",
                    "this query has more than %lld results; narrow it",
                    (long long)rq->config->max_results);
    w = xds_query_response_begin(rq, &answer, status_of(rq, m), obligations_of(m));
    if (m->here != NULL)
        xds_query_response_write(rq, w, &f->q, m->here);
    for (size_t i = 0; i < m->n; i++)
        foreign_write(rq, w, &m->v[i], f->q.leaf_class);
    return xds_query_response_end(w, &answer, rp);
}

static enum status answer(struct request *rq, struct reply *rp)
{
    struct fan *f = rq->kept;
    struct merged m = {0};
    struct errors told;
    size_t withheld = 0;
    bool asked_here = f->home.n == 0 || is_ours(rq, f->home);

    errors_init(&told, rq->arena);
    take_over(&told, &f->told);
    m.v = read_answers(rq, f, &told, &m.n);
    TRY(foreign_gate(rq, m.v, m.n));
    if (asked_here)
        TRY(ask_registry(rq, f, &told, &m.here));
    foreign_remember(rq, m.v, m.n);
    tell_strangers(rq, m.v, m.n, &told);
    for (size_t i = 0; i < m.n; i++)
        withheld += m.v[i].withheld;
    audit_answer(rq, f, asked_here && m.here != NULL, withheld);
    take_over(rq->err, &told);
    return write_answer(rq, f, &m, rp);
}

/* --- who the patient is there ------------------------------------------------------------------
 */

static enum status ask(struct request *rq, struct reply *rp)
{
    struct fan *f = rq->kept;

    (void)rp;
    f->n = f->known;
    errors_init(&f->told, rq->arena);
    TRY(xcpd_conclude(rq, &f->discoveries));
    for (size_t i = 0; i < f->discoveries.n; i++) {
        const struct discovery *d = &f->discoveries.v[i];

        if (d->end == DISCOVERY_FOUND)
            add_target(f, d->question.partner, d->patient);
        else if (d->end == DISCOVERY_FAILED)
            fail_at(&f->told, d->failure->location, UPSTREAM, d->failure->code, "%.*s",
                    STR_ARG(d->failure->text));
    }
    ask_all(rq, f);
    return OK;
}

/* --- the beginning -----------------------------------------------------------------------------
 */

static enum status look_up(struct request *rq, struct fan *f, struct correlations *known,
                           struct mpi_people *people)
{
    struct mpi_lookup lookup;

    *known = (struct correlations){0};
    *people = (struct mpi_people){0};
    partners_queue(rq, &f->partners);
    if (f->patient.id.n > 0)
        mpi_lookup_queue(rq, &f->patient, 1, &lookup);
    TRY(db_flush(rq->db));
    partners_read(rq, &f->partners);
    if (f->patient.id.n == 0)
        return OK;
    TRY(mpi_lookup_read(rq, &lookup));
    rq->patient = identifier_cx(rq->arena, f->patient);
    if (lookup.hits[0].known != MPI_ACTIVE)
        return OK;
    rq->person = f->person = lookup.hits[0].person;
    correlations_queue(rq, f->person, known);
    mpi_people_queue(rq, &f->person, 1, people);
    TRY(db_flush(rq->db));
    correlations_read(rq, known);
    correlations_used(rq, f->person, known);
    return mpi_people_read(rq, people);
}

/* By ids: the one community that they came from. */
static void aim_by_id(struct fan *f)
{
    for (size_t i = 0; i < f->partners.n; i++)
        if (f->patient.id.n == 0 && is_meant(f, &f->partners.v[i]))
            add_target(f, &f->partners.v[i], (struct identifier){STR_NONE, STR_NONE});
}

static enum status begin(struct request *rq, struct reply *rp)
{
    struct fan *f = ARENA_NEW(rq->arena, struct fan);
    const struct partner **unknown;
    struct correlations known;
    struct mpi_people people;
    size_t n;

    (void)rp;
    rq->kept = f;
    errors_init(&f->told, rq->arena);
    TRY(read_question(rq, f));
    TRY(look_up(rq, f, &known, &people));
    TRY(check_home(rq, f));
    f->targets = ARENA_ARRAY(rq->arena, f->partners.n, struct target);
    aim_by_id(f);
    n = f->person.person_id != 0 ? sort_out(rq, f, &known, &unknown) : 0;
    f->known = f->n;
    if (n > 0)
        TRY(xcpd_prepare(rq, &people.people[0], unknown, n, &f->discoveries));
    if (f->discoveries.n > 0)
        questions_ask(rq, f->discoveries.calls, f->discoveries.n, &ask_transaction);
    else
        ask_all(rq, f);
    return OK;
}

/* --- the table ---------------------------------------------------------------------------------
 */

#define STEP(handler, level)                                                                       \
    {                                                                                              \
        .name = "ITI-18", .action = "urn:ihe:iti:2007:RegistryStoredQuery", .isolation = (level),  \
        .audit = {"110112", 'E'}, .handle = (handler), .render_failure = xds_query_failure,        \
        .door = DISCLOSES("metadata, of this community and of others")                             \
    }

static const struct transaction ask_transaction = STEP(ask, READ_COMMITTED);
static const struct transaction answer_transaction = STEP(answer, REPEATABLE_READ);

const struct transaction xca_query_transactions[] = {
    STEP(begin, REPEATABLE_READ),
    {.name = NULL},
};
