#include "gateway/xca_retrieve.h"

#include "gateway/partner_call.h"
#include "gateway/xca_merge.h"
#include "hub/base/hex.h"
#include "hub/base/oid.h"
#include "hub/hub.h"
#include "xds/find.h"
#include "xds/retrieval.h"
#include "xds/rim_write.h"

#define CROSS_GATEWAY_RETRIEVE "urn:ihe:iti:2007:CrossGatewayRetrieve"
#define CROSS_GATEWAY_QUERY    "urn:ihe:iti:2007:CrossGatewayQuery"
#define GET_DOCUMENTS          "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"

enum {
    ANSWER_MAX = 16 << 20, /* bytes of one answer in memory: its XML, and documents inline */
};

/* Of one wanted document of another community. */
struct errand {
    struct xds_wanted *wanted;
    size_t at; /* its number among all that is wanted */
    const struct partner *partner;
    struct xds_object *entry; /* what is known of it; NULL: nothing yet */
    struct person_ref person; /* whose it is */
    bool permitted, arrived;
    struct blob_writer *blob;
};

/* A question to one community about some of them. */
struct batch {
    const struct partner *partner;
    struct errand **v;
    size_t n;
    struct pair_index by_id; /* the first of v with this uniqueId; once it has been asked */
    struct question question;
};

struct fetch {
    struct xds_retrieval r;
    struct partners partners;
    struct errand *v;
    size_t n;
    bool any_here;
    struct batch *batches;
    struct call *calls; /* beside them */
    size_t batch_count;
};

static const struct transaction fetch_transaction, answer_transaction;

static void refuse(struct request *rq, struct fetch *f, struct errand *e, const char *code,
                   struct str words)
{
    if (e->wanted->code != NULL)
        return;
    xds_retrieval_refuse(&f->r, e->wanted, code,
                         str_printf(rq->arena, "community %.*s (urn:oid:%.*s): %.*s",
                                    STR_ARG(e->partner->name), STR_ARG(e->partner->home),
                                    STR_ARG(words)));
}

/* --- where each lies ---------------------------------------------------------------------------
 */

static bool is_here(const struct request *rq, const struct xds_wanted *w)
{
    return w->home.n == 0 ||
           str_eq(oid_strip_urn(w->home), str_from(rq->config->home_community_id));
}

static void sort_one(struct request *rq, struct fetch *f, struct xds_wanted *w)
{
    const struct partner *p = partner_by_home(&f->partners, w->home);

    if (is_here(rq, w)) {
        f->any_here = true;
        return;
    }
    w->elsewhere = true;
    xds_retrieval_at_home(rq, w, p != NULL ? partner_home_urn(rq->arena, p) : w->home);
    if (p == NULL)
        xds_retrieval_refuse(&f->r, w, "XDSUnknownCommunity",
                             str_printf(rq->arena, "No community is known as %.*s",
                                        STR_ARG(str_slice(w->home, 0, 80))));
    else if (p->retrieve_url.n == 0)
        xds_retrieval_refuse(&f->r, w, "XDSUnavailableCommunity",
                             str_printf(rq->arena, "Community %.*s gives out no documents",
                                        STR_ARG(p->name)));
    else
        f->v[f->n++] = (struct errand){.wanted = w, .at = (size_t)(w - f->r.v), .partner = p};
}

/* --- whose each is -----------------------------------------------------------------------------
 */

/* The entry as it was kept; NULL when it cannot be read any more. */
static struct xds_object *entry_of(struct request *rq, const struct partner *p, struct str text)
{
    struct xds_submission read;
    struct errors mine;
    xmlNode *root;
    struct xds_object *o;

    errors_init(&mine, rq->arena);
    if (xml_parse(rq->arena, text, &XML_LIMITS, &mine, &root) != OK ||
        xds_rim_read(rq->arena, root, &read, &mine) != OK || read.objects.n != 1)
        return NULL;
    o = read.objects.v[0];
    o->source_member = p->member_id;
    return uuid_parse_urn(o->id, &o->uuid) ? o : NULL;
}

static void take_known(struct request *rq, struct fetch *f, const struct rows *rows)
{
    for (int i = 0; i < rows->count; i++) {
        struct known_document d = known_document_read(rq, rows, i);

        for (size_t k = 0; k < f->n; k++)
            if (f->v[k].partner->member_id == d.community &&
                str_eq(f->v[k].wanted->unique_id, d.unique_id)) {
                f->v[k].entry = entry_of(rq, f->v[k].partner, d.entry);
                f->v[k].person = d.person;
            }
    }
}

static enum status look_up(struct request *rq, struct fetch *f)
{
    struct str *ids = ARENA_ARRAY(rq->arena, f->r.n, struct str);
    struct rows known;

    for (size_t i = 0; i < f->r.n; i++)
        ids[i] = f->r.v[i].unique_id;
    partners_queue(rq, &f->partners);
    known_documents_queue(rq, ids, f->r.n, rq->now_us - KNOWN_DOCUMENT_HOURS * 3600 * US_PER_SECOND,
                          &known);
    TRY(db_flush(rq->db));
    partners_read(rq, &f->partners);
    f->v = ARENA_ARRAY(rq->arena, f->r.n, struct errand);
    for (size_t i = 0; i < f->r.n; i++)
        sort_one(rq, f, &f->r.v[i]);
    take_known(rq, f, &known);
    return OK;
}

/* --- may it be seen? ---------------------------------------------------------------------------
 */

static bool shows(const struct xds_visible *seen, const struct xds_object *o)
{
    for (size_t i = 0; i < xds_visible_count(seen); i++)
        if (xds_visible_object(seen, i) == o)
            return true;
    return false;
}

/* One that is hidden answers like one that does not exist. */
static enum status decide(struct request *rq, struct fetch *f)
{
    struct person_ref *refs = ARENA_ARRAY(rq->arena, f->n, struct person_ref);
    struct xds_candidates c = {0};
    const struct xds_visible *seen;
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].entry != NULL)
            refs[n++] = f->v[i].person;
    if (n > 0)
        TRY(xds_find_people(rq, refs, n, &c));
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].entry != NULL)
            xds_candidates_add(rq, &c, f->v[i].entry, xds_find_person(&c, f->v[i].person), false);
    TRY(xds_gate(rq, &c, &seen));
    f->r.obligations |= xds_visible_obligations(seen);
    for (size_t i = 0; i < f->n; i++) {
        struct errand *e = &f->v[i];

        e->wanted->person = e->entry != NULL ? xds_find_person(&c, e->person) : NULL;
        e->permitted = e->entry != NULL && shows(seen, e->entry);
        e->wanted->withheld = e->wanted->person != NULL && !e->permitted;
        if (!e->permitted)
            refuse(rq, f, e, "XDSDocumentUniqueIdError",
                   str_printf(rq->arena, "it has no document %.*s", STR_ARG(e->wanted->unique_id)));
    }
    return OK;
}

/* --- questions ---------------------------------------------------------------------------------
 */

static void index_batches(struct request *rq, struct fetch *f)
{
    for (size_t i = 0; i < f->batch_count; i++) {
        struct batch *b = &f->batches[i];

        b->by_id = pair_index_on(rq->arena, b->n);
        for (size_t k = 0; k < b->n; k++)
            (void)pair_index_put_text(&b->by_id, b->v[k]->wanted->unique_id, k);
    }
}

/* The errands of each partner that `picked` says, in batches of at most `most`. */
static void make_batches(struct request *rq, struct fetch *f, bool (*picked)(const struct errand *),
                         bool by_limit)
{
    f->batches = ARENA_ARRAY(rq->arena, f->n, struct batch);
    f->batch_count = 0;
    for (size_t i = 0; i < f->n; i++) {
        struct errand *e = &f->v[i];
        struct batch *b = NULL;

        if (!picked(e))
            continue;
        for (size_t k = 0; k < f->batch_count; k++)
            if (f->batches[k].partner == e->partner &&
                (!by_limit || f->batches[k].n < e->partner->documents))
                b = &f->batches[k];
        if (b == NULL) {
            b = &f->batches[f->batch_count++];
            *b = (struct batch){.partner = e->partner,
                                .v = ARENA_ARRAY(rq->arena, f->n, struct errand *)};
        }
        b->v[b->n++] = e;
    }
    index_batches(rq, f);
    f->calls = ARENA_ARRAY(rq->arena, f->batch_count, struct call);
}

static struct str retrieve_body(struct request *rq, const struct batch *b)
{
    struct strbuf text = strbuf_on(rq->arena, 1024);
    struct xml_writer w = xml_writer_on(&text);

    xml_begin(&w, "xdsb:RetrieveDocumentSetRequest");
    xml_attribute(&w, "xmlns:xdsb", STR("urn:ihe:iti:xds-b:2007"));
    for (size_t i = 0; i < b->n; i++) {
        xml_begin(&w, "xdsb:DocumentRequest");
        xml_leaf(&w, "xdsb:HomeCommunityId", partner_home_urn(rq->arena, b->partner));
        xml_leaf(&w, "xdsb:RepositoryUniqueId", b->v[i]->wanted->repository);
        xml_leaf(&w, "xdsb:DocumentUniqueId", b->v[i]->wanted->unique_id);
        xml_end(&w, "xdsb:DocumentRequest");
    }
    xml_end(&w, "xdsb:RetrieveDocumentSetRequest");
    return strbuf_str(&text);
}

static struct str doubled_quotes(struct arena *a, struct str s)
{
    struct strbuf b = strbuf_on(a, s.n + 8);

    for (size_t i = 0; i < s.n; i++) {
        strbuf_addc(&b, s.p[i]);
        if (s.p[i] == '\'')
            strbuf_addc(&b, '\'');
    }
    return strbuf_str(&b);
}

/* GetDocuments of these uniqueIds. */
static struct str query_body(struct request *rq, const struct batch *b)
{
    struct strbuf text = strbuf_on(rq->arena, 1024);
    struct xml_writer w = xml_writer_on(&text);

    xml_begin(&w, "query:AdhocQueryRequest");
    xml_attribute(&w, "xmlns:query", STR("urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"));
    xml_attribute(&w, "xmlns:rim", STR(XDS_RIM_NS));
    xml_begin(&w, "query:ResponseOption");
    xml_attribute(&w, "returnComposedObjects", STR("true"));
    xml_attribute(&w, "returnType", STR("LeafClass"));
    xml_end(&w, "query:ResponseOption");
    xml_begin(&w, "rim:AdhocQuery");
    xml_attribute(&w, "id", STR(GET_DOCUMENTS));
    xml_attribute(&w, "home", partner_home_urn(rq->arena, b->partner));
    xml_begin(&w, "rim:Slot");
    xml_attribute(&w, "name", STR("$XDSDocumentEntryUniqueId"));
    xml_begin(&w, "rim:ValueList");
    for (size_t i = 0; i < b->n; i++)
        xml_leaf(&w, "rim:Value",
                 str_printf(rq->arena, "('%.*s')",
                            STR_ARG(doubled_quotes(rq->arena, b->v[i]->wanted->unique_id))));
    xml_end(&w, "rim:ValueList");
    xml_end(&w, "rim:Slot");
    xml_end(&w, "rim:AdhocQuery");
    xml_end(&w, "query:AdhocQueryRequest");
    return strbuf_str(&text);
}

/* A question of the gateway, as a consumer: one row a question (3.39.6). */
static struct audit_row *audit_question(struct request *rq, const struct batch *b,
                                        const char *transaction)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->transaction = transaction;
    row->initiator = true;
    row->partner = b->question.url;
    row->pkey = b->v[0]->person.pkey;
    row->person_id = b->v[0]->person.person_id;
    return row;
}

static void ask_documents(struct request *rq, struct fetch *f)
{
    for (size_t i = 0; i < f->batch_count; i++) {
        struct batch *b = &f->batches[i];
        struct audit_row *row;

        b->question = (struct question){
            .partner = b->partner,
            .action = CROSS_GATEWAY_RETRIEVE,
            .url = b->partner->retrieve_url,
            .body = retrieve_body(rq, b),
            .mtom = true,
            .max_answer = ANSWER_MAX,
            .sink = &xds_part_sink,
        };
        f->calls[i] = question_call(rq, &b->question);
        row = audit_question(rq, b, "ITI-39");
        for (size_t k = 0; k < b->n; k++)
            audit_object_add(rq->arena, row, "document", b->v[k]->wanted->unique_id,
                             b->v[k]->wanted->repository)
                ->home = b->v[k]->wanted->home;
    }
    questions_ask(rq, f->calls, f->batch_count, &answer_transaction);
}

static void ask_entries(struct request *rq, struct fetch *f)
{
    for (size_t i = 0; i < f->batch_count; i++) {
        struct batch *b = &f->batches[i];

        b->question = (struct question){
            .partner = b->partner,
            .action = CROSS_GATEWAY_QUERY,
            .url = b->partner->query_url,
            .body = query_body(rq, b),
            .max_answer = ANSWER_MAX,
        };
        f->calls[i] = question_call(rq, &b->question);
        audit_object_add(rq->arena, audit_question(rq, b, "ITI-38"), "query", STR(GET_DOCUMENTS),
                         b->question.body)
            ->home = partner_home_urn(rq->arena, b->partner);
    }
    questions_ask(rq, f->calls, f->batch_count, &fetch_transaction);
}

static bool is_unknown(const struct errand *e)
{
    return e->wanted->code == NULL && e->entry == NULL && e->partner->query_url.n > 0;
}

static bool is_permitted(const struct errand *e)
{
    return e->wanted->code == NULL && e->permitted;
}

static enum status send_for(struct request *rq, struct fetch *f)
{
    TRY(decide(rq, f));
    make_batches(rq, f, is_permitted, true);
    ask_documents(rq, f);
    return OK;
}

static enum status begin(struct request *rq, struct reply *rp)
{
    struct fetch *f = ARENA_NEW(rq->arena, struct fetch);

    (void)rp;
    rq->kept = f;
    TRY(xds_retrieval_read(rq, &f->r));
    TRY(look_up(rq, f));
    make_batches(rq, f, is_unknown, false);
    if (f->batch_count == 0)
        return send_for(rq, f);
    ask_entries(rq, f);
    return OK;
}

/* --- entries that were not known ---------------------------------------------------------------
 */

static void learn(const struct batch *b, const struct foreign *told)
{
    for (size_t i = 0; i < xds_visible_count(told->seen); i++) {
        const struct xds_object *o = xds_visible_object(told->seen, i);
        struct str unique_id = xds_text(o, "uniqueId");
        size_t k = pair_index_find_text(&b->by_id, unique_id);

        for (; k < b->n; k++)
            if (str_eq(unique_id, b->v[k]->wanted->unique_id)) {
                b->v[k]->entry = (struct xds_object *)o;
                b->v[k]->person = xds_visible_person(told->seen, i)->ref;
            }
    }
}

static void refuse_batch(struct fetch *f, const struct batch *b, const struct errors *why)
{
    for (size_t k = 0; k < b->n; k++)
        if (b->v[k]->wanted->code == NULL)
            xds_retrieval_refuse(&f->r, b->v[k]->wanted, why->first->code, why->first->text);
}

static enum status read_entries(struct request *rq, struct fetch *f)
{
    struct foreign *told = ARENA_ARRAY(rq->arena, f->batch_count, struct foreign);
    struct partner_answer answer;
    struct errors mine;

    for (size_t i = 0; i < f->batch_count; i++) {
        const struct batch *b = &f->batches[i];

        errors_init(&mine, rq->arena);
        told[i] = (struct foreign){.partner = b->partner};
        if (partner_answer_read(rq->arena, b->partner, &f->calls[i], b->question.message_id,
                                &answer, &mine) != OK ||
            xca_found_read(rq->arena, b->partner, answer.body, &told[i].found, &mine) != OK)
            refuse_batch(f, b, &mine);
    }
    TRY(foreign_gate(rq, told, f->batch_count));
    foreign_remember(rq, told, f->batch_count);
    for (size_t i = 0; i < f->batch_count; i++)
        learn(&f->batches[i], &told[i]);
    return OK;
}

static enum status fetch(struct request *rq, struct reply *rp)
{
    struct fetch *f = rq->kept;

    (void)rp;
    TRY(read_entries(rq, f));
    return send_for(rq, f);
}

/* --- documents ---------------------------------------------------------------------------------
 */

static struct errand *errand_for(const struct batch *b, const struct xca_document *d)
{
    for (size_t i = 0; i < b->n; i++)
        if (!b->v[i]->arrived && str_eq(b->v[i]->wanted->unique_id, d->unique_id) &&
            str_eq(oid_strip_urn(b->v[i]->wanted->repository), oid_strip_urn(d->repository)))
            return b->v[i];
    return NULL;
}

/* What stood inline goes the way of a part: sealed, hashed. */
static enum status blob_of(struct request *rq, const struct xca_document *d,
                           struct blob_writer **out)
{
    if (d->part != NULL && d->part->stored != NULL) {
        *out = d->part->stored;
        return OK;
    }
    *out = blob_begin(xds_repository(), rq->arena);
    if (*out == NULL)
        return UPSTREAM;
    TRY(blob_write(*out, d->part != NULL ? d->part->bytes : d->bytes));
    return blob_end(*out);
}

/* Are they the bytes that the entry speaks of? An on-demand entry has no hash. */
static bool is_what_was_said(struct request *rq, const struct errand *e)
{
    struct str hash = xds_text(e->entry, "hash"), have;

    if (hash.n == 0)
        return true;
    have = hex_encode(rq->arena, blob_info_of(e->blob)->sha1, BLOB_SHA1);
    return str_eq_nocase(hash, have);
}

static void take_document(struct request *rq, struct fetch *f, struct errand *e,
                          const struct xca_document *d)
{
    struct xds_wanted *w = e->wanted;

    e->arrived = true;
    w->mime_type = d->mime_type;
    w->new_repository = d->new_repository;
    w->new_unique_id = d->new_unique_id;
    if (blob_of(rq, d, &e->blob) != OK) {
        e->blob = NULL;
        refuse(rq, f, e, "XDSRepositoryError",
               STR("its document could not be kept for the answer"));
    } else if (!is_what_was_said(rq, e)) {
        refuse(rq, f, e, "XDSRepositoryError",
               STR("the document's bytes have another hash than its entry says; they are not passed"
                   " on"));
    }
}

/* What the community said about which of them: the first failure that names it. */
static const struct failure **named_failures(struct request *rq, const struct batch *b,
                                             const struct errors *told)
{
    const struct failure **named = ARENA_ARRAY(rq->arena, b->n, const struct failure *);

    for (const struct failure *t = told->first; t != NULL; t = t->next) {
        size_t k = xca_location_find(&b->by_id, t->location);

        if (k != PAIR_NONE && named[k] == NULL)
            named[k] = t;
    }
    return named;
}

/* Why those did not come that did not: what the community said about each, or about none by name.
 */
static void tell_missing(struct request *rq, struct fetch *f, const struct batch *b,
                         const struct errors *told)
{
    const struct failure **named = named_failures(rq, b, told);

    for (size_t k = 0; k < b->n; k++) {
        struct errand *e = b->v[k];
        const struct failure *t = named[pair_index_find_text(&b->by_id, e->wanted->unique_id)];

        if (e->arrived || e->wanted->code != NULL)
            continue;
        t = t != NULL ? t : told->first;
        if (t != NULL)
            xds_retrieval_refuse(&f->r, e->wanted, t->code, t->text);
        else
            refuse(rq, f, e, "XDSRepositoryError", STR("its answer does not hold this document"));
    }
}

static void read_batch(struct request *rq, struct fetch *f, size_t i)
{
    const struct batch *b = &f->batches[i];
    struct partner_answer answer;
    struct xca_documents got;
    struct errors mine;

    errors_init(&mine, rq->arena);
    if (partner_answer_read(rq->arena, b->partner, &f->calls[i], b->question.message_id, &answer,
                            &mine) != OK ||
        xca_documents_read(rq->arena, b->partner, &answer, &got, &mine) != OK) {
        refuse_batch(f, b, &mine);
        return;
    }
    for (size_t k = 0; k < got.n; k++) {
        struct errand *e = errand_for(b, &got.v[k]);

        if (e != NULL && e->wanted->code == NULL)
            take_document(rq, f, e, &got.v[k]);
    }
    tell_missing(rq, f, b, &got.told);
}

static void open_all(struct request *rq, struct fetch *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct errand *e = &f->v[i];

        if (e->wanted->code != NULL || e->blob == NULL)
            continue;
        if (xds_read_back(rq->arena, &e->blob, &e->wanted->source) != OK)
            refuse(rq, f, e, "XDSRepositoryError",
                   STR("its document could not be kept for the answer"));
    }
}

/* The repository here was asked by the gateway, as a consumer asks it (3.39.6). */
static void audit_here(struct request *rq, const struct fetch *f)
{
    struct audit_row *row;

    if (!f->any_here)
        return;
    row = audit_add(rq->arena, &rq->audit);
    row->transaction = "ITI-43";
    row->initiator = true;
    row->partner = str_printf(rq->arena, "%.*s/xds/repository", STR_ARG(rq->hub->endpoint));
    for (size_t i = 0; i < f->r.n; i++)
        if (!f->r.v[i].elsewhere) {
            audit_object_add(rq->arena, row, "document", f->r.v[i].unique_id, f->r.v[i].repository);
            if (f->r.v[i].person != NULL) {
                row->pkey = f->r.v[i].person->ref.pkey;
                row->person_id = f->r.v[i].person->ref.person_id;
            }
        }
}

/* What becomes of each document is noted in a copy: should the transaction collide, it starts from
 * what was known before. */
static struct fetch *start_anew(struct request *rq)
{
    const struct fetch *kept = rq->kept;
    struct fetch *f = arena_copy(rq->arena, kept, sizeof(*kept));

    f->r.v = arena_copy(rq->arena, kept->r.v, kept->r.n * sizeof(*kept->r.v));
    for (size_t i = 0; i < f->n; i++) {
        f->v[i].wanted = &f->r.v[f->v[i].at];
        f->v[i].arrived = false;
        f->v[i].blob = NULL;
    }
    return f;
}

static enum status answer(struct request *rq, struct reply *rp)
{
    struct fetch *f = start_anew(rq);

    TRY(decide(rq, f));
    for (size_t i = 0; i < f->batch_count; i++)
        read_batch(rq, f, i);
    open_all(rq, f);
    TRY(xds_retrieval_find(rq, &f->r));
    TRY(xds_retrieval_answer(rq, &f->r, rp));
    audit_here(rq, f);
    return OK;
}

/* --- the table ---------------------------------------------------------------------------------
 */

#define STEP(handler)                                                                              \
    {                                                                                              \
        .name = "ITI-43", .action = "urn:ihe:iti:2007:RetrieveDocumentSet",                        \
        .isolation = REPEATABLE_READ, .mtom = true, .audit = {"110106", 'R'}, .handle = (handler), \
        .render_failure = xds_retrieve_failure,                                                    \
        .door = DISCLOSES("documents, of this community and of others")                            \
    }

static const struct transaction fetch_transaction = STEP(fetch);
static const struct transaction answer_transaction = STEP(answer);

const struct transaction xca_retrieve_transactions[] = {
    STEP(begin),
    {.name = NULL},
};
