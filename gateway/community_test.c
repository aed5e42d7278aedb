#include "gateway/community_test.h"

#include <pthread.h>

#include "gateway/partner_call.h"
#include "gateway/xca_answer.h"
#include "gateway/xcpd.h"
#include "hub/base/clock.h"
#include "hub/base/json_text.h"
#include "hub/base/oid.h"
#include "hub/command/member_change.h"
#include "xds/rim_write.h"

#define FIND_DOCUMENTS "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"

enum { ANSWER_MAX = 16 << 20 };

struct trial {
    struct operation *o;
    struct request *rq;
    struct partners partners;
    const struct partner *partner;
    struct callout *callout;
    struct strbuf *out;
    bool broken;
    struct identifier patient;              /* who the synthetic patient is there */
    struct str repository, unique_id, home; /* of a document to fetch; or nothing */
};

/* --- one question, and the wait for its answer -------------------------------------------------
 */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
};

static void open_gate(void *p)
{
    struct gate *g = p;

    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_signal(&g->opened);
    pthread_mutex_unlock(&g->lock);
}

static void ask(struct trial *t, struct question *q, struct call *call)
{
    struct gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct call_set set = {
        .v = call, .n = 1, .arena = t->rq->arena, .done = open_gate, .context = &g};

    *call = question_call(t->rq, q);
    callout_start(t->callout, &set);
    pthread_mutex_lock(&g.lock);
    while (!g.open)
        pthread_cond_wait(&g.opened, &g.lock);
    pthread_mutex_unlock(&g.lock);
}

static void say(struct trial *t, const char *step, const struct call *call, bool good,
                struct str words)
{
    t->broken |= !good;
    if (t->o->args.json) {
        strbuf_addf(t->out, "{\"step\": \"%s\", \"ok\": %s, \"ms\": %lld, \"words\": ", step,
                    good ? "true" : "false", call ? (long long)(call->took_us / 1000) : 0LL);
        json_text_add(t->out, words);
        strbuf_lit(t->out, "}\n");
        return;
    }
    strbuf_addf(t->out, "%-10s %-6s %5lld ms  %.*s\n", step, good ? "ok" : "BREAKS",
                call ? (long long)(call->took_us / 1000) : 0LL, STR_ARG(words));
}

static struct str first_words(const struct errors *e)
{
    return e->first != NULL ? e->first->text : STR("");
}

/* --- the steps ---------------------------------------------------------------------------------
 */

static struct mpi_demographics synthetic(struct operation *o)
{
    struct mpi_name *name = ARENA_NEW(o->args.arena, struct mpi_name);
    const char *family = cli_value(&o->args, "family"), *given = cli_value(&o->args, "given");
    const char *birth = cli_value(&o->args, "birth"), *sex = cli_value(&o->args, "sex");

    *name = (struct mpi_name){
        .family = str_from(family != NULL ? family : "Causewaytest"),
        .given = str_from(given != NULL ? given : "Synthetic"),
    };
    return (struct mpi_demographics){
        .birth_date = str_from(birth != NULL ? birth : "19000101"),
        .sex = str_from(sex != NULL ? sex : "F"),
        .names = name,
        .names_given = true,
        .name_count = 1,
    };
}

static void discover(struct trial *t)
{
    const struct mpi_demographics who = synthetic(t->o);
    struct question q = xcpd_question(t->rq, t->partner, &who, STR("causeway-test"));
    struct partner_answer answer;
    struct xcpd_answer said;
    struct errors mine;
    struct call call;

    if (t->partner->discovery_url.n == 0) {
        say(t, "discovery", NULL, true, STR("it has no address for ITI-55"));
        return;
    }
    errors_init(&mine, t->rq->arena);
    ask(t, &q, &call);
    if (partner_answer_read(t->rq->arena, t->partner, &call, q.message_id, &answer, &mine) != OK ||
        xcpd_answer_read(t->rq, t->partner, &answer, &said, &mine) != OK) {
        say(t, "discovery", &call, false, first_words(&mine));
        return;
    }
    if (said.n == 1)
        t->patient = said.v[0].patient;
    say(t, "discovery", &call, true,
        str_printf(t->rq->arena, "it knows %zu patients like this; correlations last %lld s",
                   said.n, (long long)(said.time_to_live_us / US_PER_SECOND)));
}

static struct str find_documents(struct trial *t)
{
    struct strbuf b = strbuf_on(t->rq->arena, 1024);
    struct xml_writer w = xml_writer_on(&b);
    const struct str slots[][2] = {
        {STR("$XDSDocumentEntryPatientId"),
         str_printf(t->rq->arena, "'%.*s'", STR_ARG(identifier_cx(t->rq->arena, t->patient)))},
        {STR("$XDSDocumentEntryStatus"), STR("('" XDS_STATUS_APPROVED "')")},
    };

    xml_begin(&w, "query:AdhocQueryRequest");
    xml_attribute(&w, "xmlns:query", STR("urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"));
    xml_attribute(&w, "xmlns:rim", STR(XDS_RIM_NS));
    xml_begin(&w, "query:ResponseOption");
    xml_attribute(&w, "returnComposedObjects", STR("true"));
    xml_attribute(&w, "returnType", STR("LeafClass"));
    xml_end(&w, "query:ResponseOption");
    xml_begin(&w, "rim:AdhocQuery");
    xml_attribute(&w, "id", STR(FIND_DOCUMENTS));
    xml_attribute(&w, "home", partner_home_urn(t->rq->arena, t->partner));
    for (int i = 0; i < 2; i++) {
        xml_begin(&w, "rim:Slot");
        xml_attribute(&w, "name", slots[i][0]);
        xml_begin(&w, "rim:ValueList");
        xml_leaf(&w, "rim:Value", slots[i][1]);
        xml_end(&w, "rim:ValueList");
        xml_end(&w, "rim:Slot");
    }
    xml_end(&w, "rim:AdhocQuery");
    xml_end(&w, "query:AdhocQueryRequest");
    return strbuf_str(&b);
}

static void remember_first(struct trial *t, const struct xca_found *found)
{
    for (size_t i = 0; i < found->n; i++) {
        const struct xds_object *o = found->v[i];

        if (o->kind != XDS_DOCUMENT)
            continue;
        t->repository = xds_text(o, "repositoryUniqueId");
        t->unique_id = xds_text(o, "uniqueId");
        return;
    }
}

/* Also about nobody: that it answers at all, credits its answer to itself and can be read. */
static void query(struct trial *t)
{
    struct question q = {
        .partner = t->partner,
        .action = "urn:ihe:iti:2007:CrossGatewayQuery",
        .url = t->partner->query_url,
        .max_answer = ANSWER_MAX,
    };
    struct partner_answer answer;
    struct xca_found found;
    struct errors mine;
    struct call call;

    if (q.url.n == 0) {
        say(t, "query", NULL, true, STR("it has no address for ITI-38"));
        return;
    }
    errors_init(&mine, t->rq->arena);
    q.body = find_documents(t);
    ask(t, &q, &call);
    if (partner_answer_read(t->rq->arena, t->partner, &call, q.message_id, &answer, &mine) != OK ||
        xca_found_read(t->rq->arena, t->partner, answer.body, &found, &mine) != OK) {
        say(t, "query", &call, false, first_words(&mine));
        return;
    }
    remember_first(t, &found);
    say(t, "query", &call, found.told.status == OK,
        found.told.first != NULL ? found.told.first->text
                                 : str_printf(t->rq->arena, "%zu objects", found.n));
}

static struct str retrieve_body(struct trial *t)
{
    struct strbuf b = strbuf_on(t->rq->arena, 512);
    struct xml_writer w = xml_writer_on(&b);

    xml_begin(&w, "xdsb:RetrieveDocumentSetRequest");
    xml_attribute(&w, "xmlns:xdsb", STR("urn:ihe:iti:xds-b:2007"));
    xml_begin(&w, "xdsb:DocumentRequest");
    xml_leaf(&w, "xdsb:HomeCommunityId", partner_home_urn(t->rq->arena, t->partner));
    xml_leaf(&w, "xdsb:RepositoryUniqueId", t->repository.n > 0 ? t->repository : t->partner->home);
    xml_leaf(&w, "xdsb:DocumentUniqueId",
             t->unique_id.n > 0 ? t->unique_id : STR("2.25.1969120100000000"));
    xml_end(&w, "xdsb:DocumentRequest");
    xml_end(&w, "xdsb:RetrieveDocumentSetRequest");
    return strbuf_str(&b);
}

/* A document that the query has shown; else one that is not there, which is to be said rightly. */
static void retrieve(struct trial *t)
{
    struct question q = {
        .partner = t->partner,
        .action = "urn:ihe:iti:2007:CrossGatewayRetrieve",
        .url = t->partner->retrieve_url,
        .mtom = true,
        .max_answer = ANSWER_MAX,
    };
    struct partner_answer answer;
    struct xca_documents got;
    struct errors mine;
    struct call call;
    bool good;

    if (q.url.n == 0) {
        say(t, "retrieve", NULL, true, STR("it has no address for ITI-39"));
        return;
    }
    errors_init(&mine, t->rq->arena);
    q.body = retrieve_body(t);
    ask(t, &q, &call);
    if (partner_answer_read(t->rq->arena, t->partner, &call, q.message_id, &answer, &mine) != OK ||
        xca_documents_read(t->rq->arena, t->partner, &answer, &got, &mine) != OK) {
        say(t, "retrieve", &call, false, first_words(&mine));
        return;
    }
    good = t->unique_id.n > 0 ? got.n == 1 : got.n == 0 && got.told.first != NULL;
    say(t, "retrieve", &call, good,
        t->unique_id.n == 0 && good
            ? STR("it says rightly that a document which is not there is not there")
        : got.n > 0 ? STR("one document")
                    : first_words(&got.told));
}

/* --- the command -------------------------------------------------------------------------------
 */

static enum status work_test(struct operation *o, struct strbuf *out)
{
    static const char *const transactions[] = {"ITI-55", "ITI-38", "ITI-39"};
    struct trial *t = ARENA_NEW(o->args.arena, struct trial);
    const struct member *m;

    TRY(member_named(o, &m));
    *t = (struct trial){.o = o, .rq = operation_request(o), .out = out};
    t->rq->config = &o->config;
    t->rq->members = o->members;
    t->rq->id = uuid_v7();
    t->patient = (struct identifier){str_from(o->config.xad_authority), STR("causeway-test")};
    partners_queue(t->rq, &t->partners);
    TRY(db_flush(o->db));
    partners_read(t->rq, &t->partners);
    t->partner = partner_by_id(&t->partners, m->id);
    if (t->partner == NULL)
        return fail(o->args.err, NOT_FOUND, "community",
                    "%.*s is no community, or is suspended: `causeway community list`",
                    STR_ARG(m->name));
    for (int i = 0; i < 3; i++) {
        struct audit_row *row = audit_add(o->args.arena, &o->audit);

        row->transaction = transactions[i];
        row->initiator = true;
        row->partner = t->partner->query_url;
        row->description = STR("A test with a synthetic patient");
    }
    o->state = t;
    return OK;
}

static enum status run_test(struct operation *o, struct strbuf *out)
{
    struct trial *t = o->state;
    const struct callout_settings settings = {
        .tls = {.certificate_file = o->config.tls_certificate,
                .key_file = o->config.tls_key,
                .ca_file = o->config.tls_ca[0] ? o->config.tls_ca : NULL,
                .crl_file = o->config.tls_crl[0] ? o->config.tls_crl : NULL},
        .leave_alone_us = US_PER_SECOND,
        .most_attempts = 1,
    };

    t->out = out;
    t->callout = callout_new(&settings);
    discover(t);
    query(t);
    retrieve(t);
    callout_stop(t->callout);
    callout_free(t->callout);
    o->answer = t->broken ? 1 : 0;
    return OK;
}

static const struct cli_option options[] = {
    {"family", "NAME", "of the patient that is asked about; default Causewaytest"},
    {"given", "NAME", "default Synthetic"},
    {"birth", "YYYYMMDD", "default 19000101"},
    {"sex", "F|M", "default F"},
    {NULL, NULL, NULL},
};

const struct operation_kind community_test_kind = {
    .cli = {"causeway community test NAME [--family NAME --given NAME --birth YYYYMMDD --sex F|M]",
            "Asks a community about a synthetic patient, as real requests ask: who is it there\n"
            "(ITI-55), which documents are there (ITI-38), and one of them (ITI-39); says of each\n"
            "step how it went, and in words where it breaks. Exit status 1 when a step breaks.\n"
            "Agree on a test patient with the other region to have more than empty answers.",
            options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway community test",
    .work = work_test,
    .then = run_test,
};
