#include "hub/iti81.h"

#include "hub/audit/balp.h"
#include "hub/base/json_text.h"
#include "hub/base/oid.h"
#include "hub/fhir.h"
#include "hub/hub.h"

enum { PAGE = 50, PAGE_MAX = 500, PAGES_READ_MAX = 8 };

#define CURSOR "_cursor" /* ours: where the next page begins */

/* --- the question ---------------------------------------------------------------------------- */

/* What the parameters are read into, and where faults go. */
struct reading {
    struct arena *arena;
    struct errors *err;
    struct str source;
    struct audit_question *out;
    bool has_from;
};

static enum status bad_value(struct reading *r, const struct fhir_parameter *p, const char *wanted)
{
    return fail(r->err, INVALID, "value", "%.*s=%.*s: %s is expected", STR_ARG(p->name),
                STR_ARG(str_slice(p->value, 0, 100)), wanted);
}

static enum status read_date(struct reading *r, const struct fhir_parameter *p)
{
    struct audit_filter *f = &r->out->filter;

    if (!fhir_date_narrow(p->value, &f->from_us, &f->to_us))
        return bad_value(r, p, "eq, ge, gt, le or lt and a date");
    r->has_from = r->has_from || f->from_us != INT64_MIN;
    return OK;
}

/* urn:oid:1.2|7 -> 7^^^&1.2&ISO; an identifier without a system is sought in all. */
static enum status read_patient(struct reading *r, const struct fhir_parameter *p)
{
    struct fhir_token t = fhir_token_read(p->value);
    struct str oid = oid_strip_urn(t.system);

    if (t.code.n == 0 || (t.system.n > 0 && !oid_valid(oid)))
        return bad_value(r, p, "urn:oid:OID|identifier");
    r->out->filter.patient =
        t.system.n == 0 ? t.code
                        : str_printf(r->arena, "%.*s^^^&%.*s&ISO", STR_ARG(t.code), STR_ARG(oid));
    return OK;
}

static enum status read_text(struct reading *r, const struct fhir_parameter *p, struct str *out)
{
    *out = fhir_token_read(p->value).code;
    return out->n > 0 ? OK : bad_value(r, p, "a value");
}

static enum status read_user(struct reading *r, const struct fhir_parameter *p)
{
    return read_text(r, p, &r->out->filter.user);
}

static enum status read_role(struct reading *r, const struct fhir_parameter *p)
{
    return read_text(r, p, &r->out->filter.role);
}

static enum status read_purpose(struct reading *r, const struct fhir_parameter *p)
{
    return read_text(r, p, &r->out->filter.purpose);
}

static enum status read_entity(struct reading *r, const struct fhir_parameter *p)
{
    return read_text(r, p, &r->out->filter.document);
}

static enum status read_type(struct reading *r, const struct fhir_parameter *p)
{
    return read_text(r, p, &r->out->type);
}

/* A transaction by its name, or by the DCM code of its event's type (110120: START). */
static enum status read_subtype(struct reading *r, const struct fhir_parameter *p)
{
    struct str *transaction = &r->out->filter.transaction;

    TRY(read_text(r, p, transaction));
    for (const struct audit_transaction *t = audit_transactions; t->name != NULL; t++)
        if (t->code != NULL && str_eq(*transaction, str_from(t->code)))
            *transaction = str_from(t->name);
    return OK;
}

static enum status read_action(struct reading *r, const struct fhir_parameter *p)
{
    struct str code;

    TRY(read_text(r, p, &code));
    if (code.n != 1 || strchr("CRUDE", code.p[0]) == NULL)
        return bad_value(r, p, "C, R, U, D or E");
    r->out->action = code.p[0];
    return OK;
}

static enum status read_outcome(struct reading *r, const struct fhir_parameter *p)
{
    struct audit_filter *f = &r->out->filter;
    struct str code;
    uint64_t n;

    TRY(read_text(r, p, &code));
    if (!str_to_u64(code, &n) || (n != 0 && n != 4 && n != 8 && n != 12))
        return bad_value(r, p, "0, 4, 8 or 12");
    f->outcome = (int)n;
    f->succeeded = n == 0;
    return OK;
}

static enum status read_source(struct reading *r, const struct fhir_parameter *p)
{
    struct str id;

    TRY(read_text(r, p, &id));
    r->out->nothing = r->out->nothing || !str_eq(oid_strip_urn(id), r->source);
    return OK;
}

static enum status read_count(struct reading *r, const struct fhir_parameter *p)
{
    uint64_t n;

    if (!str_to_u64(p->value, &n))
        return bad_value(r, p, "a number");
    r->out->count = n < 1 ? 1 : n > PAGE_MAX ? PAGE_MAX : (size_t)n;
    return OK;
}

static enum status read_sort(struct reading *r, const struct fhir_parameter *p)
{
    return str_eq(p->value, STR("-date")) ? OK : bad_value(r, p, "-date (newest first)");
}

static enum status read_format(struct reading *r, const struct fhir_parameter *p)
{
    if (str_eq(p->value, STR("json")) || str_eq(p->value, STR("application/json")) ||
        str_eq(p->value, STR("application/fhir+json")))
        return OK;
    return bad_value(r, p, "json");
}

/* MICROSECONDS.UUID of the last entry of the page before. */
static enum status read_cursor(struct reading *r, const struct fhir_parameter *p)
{
    struct audit_filter *f = &r->out->filter;
    struct str id = p->value, at = str_cut(&id, '.');
    uint64_t us;

    if (!str_to_u64(at, &us) || us > INT64_MAX || !uuid_parse(id, &f->before_id))
        return bad_value(r, p, "the link of a page");
    f->before = true;
    f->before_us = (int64_t)us;
    return OK;
}

static const struct {
    const char *name;
    enum status (*read)(struct reading *r, const struct fhir_parameter *p);
    bool may_repeat;
} parameters[] = {
    {"date", read_date, true},
    {"patient.identifier", read_patient, false},
    {"agent.identifier", read_user, false},
    {"agent-role", read_role, false},
    {"entity.identifier", read_entity, false},
    {"type", read_type, false},
    {"subtype", read_subtype, false},
    {"action", read_action, false},
    {"outcome", read_outcome, false},
    {"purpose", read_purpose, false},
    {"source.identifier", read_source, false},
    {"_count", read_count, false},
    {"_sort", read_sort, false},
    {"_format", read_format, false},
    {CURSOR, read_cursor, false},
};

enum { PARAMETERS = sizeof(parameters) / sizeof(parameters[0]) };

static enum status read_parameter(struct reading *r, const struct fhir_parameter *p,
                                  bool seen[PARAMETERS])
{
    size_t i = 0;

    while (i < PARAMETERS && !str_eq(p->name, str_from(parameters[i].name)))
        i++;
    if (i == PARAMETERS || p->modifier.n > 0)
        return fail(r->err, INVALID, "not-supported",
                    "This search does not know the parameter %.*s",
                    STR_ARG(str_slice(p->name, 0, 100)));
    if (seen[i] && !parameters[i].may_repeat)
        return fail(r->err, INVALID, "not-supported", "%s may stand there once",
                    parameters[i].name);
    seen[i] = true;
    return parameters[i].read(r, p);
}

enum status iti81_question_read(struct arena *a, const struct fhir_query *q, struct str source,
                                struct audit_question *out, struct errors *err)
{
    struct reading r = {.arena = a, .err = err, .source = source, .out = out};
    bool seen[PARAMETERS] = {false};

    *out = (struct audit_question){
        .filter = {.from_us = INT64_MIN, .to_us = INT64_MAX},
        .count = PAGE,
    };
    for (size_t i = 0; i < q->n; i++)
        TRY(read_parameter(&r, &q->v[i], seen));
    if (!r.has_from)
        return fail(err, INVALID, "required", "A search says from when: date=ge2026-11-01");
    out->nothing = out->nothing || out->filter.from_us >= out->filter.to_us;
    return OK;
}

/* --- the answer ------------------------------------------------------------------------------ */

/* A page while it is gathered. */
struct page {
    struct strbuf entries;
    size_t n;
    bool more;
    bool own;                       /* for a member about its own requests: */
    bool by_patient;                /* of this one's records */
    const struct audit_entry *last; /* looked at, shown or not */
};

static bool matches(const struct audit_question *q, const struct audit_entry *e)
{
    return (q->type.n == 0 || str_eq(q->type, e->event)) &&
           (q->action == 0 || (e->action.n == 1 && e->action.p[0] == q->action));
}

static void add_entry(struct request *rq, struct page *page, const struct audit_entry *e)
{
    const struct audit_source source = {str_from(rq->config->home_community_id),
                                        str_from(rq->config->audit_site)};
    struct audit_event event;

    if (!audit_event_read(rq->arena, e->record, &event))
        return; /* altered: `causeway audit verify` tells */
    if (page->own && !audit_event_for_asker(&event, page->by_patient))
        return;
    strbuf_addf(&page->entries,
                "%s{\"fullUrl\":\"urn:uuid:%.*s\",\"resource\":", page->n > 0 ? "," : "",
                STR_ARG(uuid_text(rq->arena, e->id)));
    audit_balp_write(&page->entries, &event, &source);
    strbuf_lit(&page->entries, ",\"search\":{\"mode\":\"match\"}}");
    page->n++;
}

/* Type and action are looked at here, so a page may need several reads; their number is bounded,
 * and the page then ends early, with a link to go on. */
static enum status gather(struct request *rq, struct audit_question *q, struct page *page)
{
    struct audit_filter *f = &q->filter;

    for (int reads = 0; reads < PAGES_READ_MAX && page->n < q->count; reads++) {
        struct audit_found found;

        f->limit = q->count;
        TRY(audit_search(rq->db, rq->arena, f, &found));
        page->more = found.more;
        for (size_t i = 0; i < found.count && page->n < q->count; i++) {
            page->last = &found.items[i];
            page->more = found.more || i + 1 < found.count;
            if (matches(q, page->last))
                add_entry(rq, page, page->last);
        }
        if (!page->more || page->last == NULL)
            return OK;
        f->before = true;
        f->before_us = page->last->at_us;
        f->before_id = page->last->id;
    }
    return OK;
}

static void add_link(struct request *rq, struct strbuf *b, const char *relation, struct str search)
{
    strbuf_addf(b, "{\"relation\":\"%s\",\"url\":", relation);
    json_text_add(b, str_printf(rq->arena, "%.*s/fhir/AuditEvent?%.*s", STR_ARG(rq->hub->endpoint),
                                STR_ARG(search)));
    strbuf_addc(b, '}');
}

/* The search as it came, without an old cursor. */
static struct str without_cursor(struct request *rq, struct str search)
{
    struct strbuf b = strbuf_on(rq->arena, search.n + 1);

    while (search.p != NULL) {
        struct str pair = str_cut(&search, '&');

        if (pair.n == 0 || str_starts(pair, STR(CURSOR "=")))
            continue;
        if (b.n > 0)
            strbuf_addc(&b, '&');
        strbuf_add(&b, pair);
    }
    return strbuf_str(&b);
}

static struct str bundle_write(struct request *rq, const struct page *page, struct str search)
{
    struct strbuf b = strbuf_on(rq->arena, page->entries.n + 1024);

    strbuf_lit(&b, "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[");
    add_link(rq, &b, "self", search);
    if (page->more && page->last != NULL) {
        strbuf_addc(&b, ',');
        add_link(rq, &b, "next",
                 str_printf(rq->arena, "%.*s&" CURSOR "=%lld.%.*s",
                            STR_ARG(without_cursor(rq, search)), (long long)page->last->at_us,
                            STR_ARG(uuid_text(rq->arena, page->last->id))));
    }
    strbuf_lit(&b, "],\"entry\":[");
    strbuf_add(&b, strbuf_str(&page->entries));
    strbuf_lit(&b, "]}");
    return strbuf_str(&b);
}

/* --- the road -------------------------------------------------------------------------------- */

static enum status check_right(struct request *rq, struct audit_question *q)
{
    const struct member *m = rq->principal.member;

    switch (m->audit_reader) {
    case AUDIT_READER_ALL:
        return OK;
    case AUDIT_READER_OWN:
        q->filter.member_id = m->id;
        return OK;
    default:
        return fail(rq->err, DENIED, "forbidden", "%.*s may not read the audit log",
                    STR_ARG(m->name));
    }
}

static void audit(struct request *rq, const struct audit_question *q)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->patient = q->filter.patient;
    row->objects = rq->about;
}

static enum status read_question(struct request *rq, struct audit_question *q, struct str *search)
{
    struct fhir_query *parameters_read = ARENA_NEW(rq->arena, struct fhir_query);
    struct str url, form;

    TRY(fhir_search_text(rq, &url, &form));
    *search = str_printf(rq->arena, "%.*s%s%.*s", STR_ARG(url), url.n > 0 && form.n > 0 ? "&" : "",
                         STR_ARG(form));
    request_about(rq, "query", STR("AuditEvent"), *search);
    TRY(fhir_query_read(rq->arena, *search, parameters_read, rq->err));
    TRY(iti81_question_read(rq->arena, parameters_read, str_from(rq->config->home_community_id), q,
                            rq->err));
    rq->patient = q->filter.patient;
    return check_right(rq, q);
}

static enum status iti81_search(struct request *rq, struct reply *rp)
{
    struct page page = {.entries = strbuf_on(rq->arena, 4096)};
    struct audit_question q;
    struct str search;

    TRY(read_question(rq, &q, &search));
    page.own = rq->principal.member->audit_reader != AUDIT_READER_ALL;
    page.by_patient = q.filter.patient.n > 0;
    if (!q.nothing)
        TRY(gather(rq, &q, &page));
    audit(rq, &q);
    fhir_answer(rp, bundle_write(rq, &page, search));
    return OK;
}

static const struct transaction transactions[] = {
    {.name = "ITI-81",
     .isolation = REPEATABLE_READ,
     .audit = {"110101", 'R'},
     .handle = iti81_search,
     .door = DISCLOSES("audit records, to members whom the operator lets read them")},
    {.name = NULL},
};

static const struct route routes[] = {
    {WIRE_HTTP, false, "GET", "/fhir/AuditEvent", &fhir_protocol, transactions, NULL, FOR_MEMBERS},
    {WIRE_HTTP, false, "POST", "/fhir/AuditEvent/_search", &fhir_protocol, transactions, NULL,
     FOR_MEMBERS},
    {.protocol = NULL},
};

const struct hub_module iti81_module = {.name = "iti81", .routes = routes};
