#include "hub/principal.h"

#include "hub/base/hints.h"
#include "hub/hub.h"
#include "hub/xua.h"

/* A connection lives longer than the handshake that named its member: its certificate may have been
 * removed or have expired since. Connections are cut for the first a moment later (hub/keeper.c);
 * a request of that moment must not be served either. */
static bool certificate_holds(const struct request *rq, const struct member *m)
{
    const struct peer *peer = rq->exchange->peer;

    return member_by_cert(rq->members, peer->fingerprint, peer->chain_valid, rq->now_us) == m;
}

static struct principal machine_of(const struct member *m)
{
    return (struct principal){
        .member = m,
        .role.code = STR("system"),
        .purpose.code = STR("TREAT"),
    };
}

/* One who is refused is named too, by the directory in force: the audit row says who it was. */
enum status principal_build(struct request *rq)
{
    const struct member *m = member_by_id(rq->members, rq->exchange->peer->member_id);

    rq->principal = machine_of(m);
    if (m == NULL || m->suspended)
        return fail(rq->err, DENIED, "suspended",
                    "This member is not, or no longer, admitted; ask the operator of the hub");
    if (!certificate_holds(rq, m))
        return fail(rq->err, DENIED, "certificate",
                    "This connection's certificate has expired or is no longer registered; connect"
                    " with the one that is");
    return OK;
}

enum status principal_admit(struct request *rq)
{
    const struct member *m = rq->principal.member;
    bool is_community = m->community.n > 0;

    if (rq->route->audience == FOR_BOTH || is_community == (rq->route->audience == FOR_COMMUNITIES))
        return OK;
    return fail(rq->err, DENIED, "soap:Sender",
                is_community ? "This door is for members of this region; communities ask at "
                               "/xcpd and below /xca/rg"
                             : "This door is for communities; members ask at /xca/ig, /pdq and "
                               "/xds");
}

/* --- the person --------------------------------------------------------------------------- */

static enum status may_not(struct request *rq, const char *what, struct str value)
{
    return fail(rq->err, DENIED, "wsse:FailedAuthentication",
                "the assertion names %s %.*s, which is not registered for this member", what,
                STR_ARG(value));
}

static bool is_its_organization(const struct member *m, const struct member_idp *idp,
                                struct str oid)
{
    return str_eq(oid, m->organization) || member_list_has(idp->organizations, oid);
}

/* What an identity provider says must be what the operator let it say. */
static enum status check_claims(struct request *rq, const struct member *m,
                                const struct assertion *s)
{
    const struct member_idp *idp = member_idp_by_issuer(m, s->issuer);
    struct str home =
        m->home_community.n > 0 ? m->home_community : str_from(rq->config->home_community_id);

    for (size_t i = 0; i < s->organizations.count; i++)
        if (!is_its_organization(m, idp, s->organizations.items[i]))
            return may_not(rq, "the organization", s->organizations.items[i]);
    for (size_t i = 0; i < s->home_communities.count; i++)
        if (!str_eq(s->home_communities.items[i], home))
            return may_not(rq, "the home community", s->home_communities.items[i]);
    for (size_t i = 0; i < s->purposes.count; i++)
        if (!member_may_claim(m, s->purposes.items[i].code, s->purposes.items[i].system))
            return may_not(rq, "the purpose of use", s->purposes.items[i].code);
    if (s->patients.count > 1)
        return fail(rq->err, INVALID, "wsse:InvalidSecurityToken",
                    "the assertion names several patients (resource-id)");
    return OK;
}

static void take_claims(struct principal *p, const struct assertion *s)
{
    p->user = s->user;
    p->user_name = s->user_name;
    p->assertion = s->id;
    p->role = s->roles.count > 0 ? s->roles.items[0] : (struct coded){STR(""), STR("")};
    if (s->organizations.count > 0)
        p->organization = s->organizations.items[0];
    if (s->purposes.count > 0)
        p->purpose = s->purposes.items[0];
    p->reason = s->reason;
    if (s->patients.count > 0)
        p->patient = s->patients.items[0];
}

/* Feeds and other messages of machines have no person behind them; who asks has one. */
static bool needs_person(const struct request *rq)
{
    return rq->principal.member->xua == XUA_REQUIRED &&
           (rq->exchange->wire != WIRE_MLLP ||
            str_eq(str_from(rq->transaction->audit.event_id), STR("110112")));
}

static enum status prove(struct request *rq)
{
    const struct protocol *protocol = rq->route->protocol;
    const xmlNode *header = protocol->header != NULL ? protocol->header(rq) : NULL;
    struct assertion s;

    TRY(xua_prove(rq, header, &s, rq->err));
    if (s.id.n > 0) {
        TRY(check_claims(rq, rq->principal.member, &s));
        take_claims(&rq->principal, &s);
    } else if (needs_person(rq)) {
        return fail(rq->err, DENIED, "wsse:InvalidSecurity",
                    "this member's requests must name a person: a SAML assertion in wsse:Security");
    }
    return OK;
}

enum status principal_prove(struct request *rq)
{
    enum status s = prove(rq);

    if (s == OK) {
        if (rq->principal.assertion.n > 0)
            metric_add(METRIC_assertions_accepted_total, 1);
        return OK;
    }
    metric_add(METRIC_assertions_refused_total, 1);
    request_about(rq, "transaction", str_from(rq->transaction->name), rq->claimed_user);
    rq->transaction = &xua_transaction;
    return s;
}

/* --- the patient that an assertion holds for ---------------------------------------------- */

static const struct hub_module *index_of(const struct request *rq)
{
    for (const struct hub_module *const *m = rq->hub->modules; *m != NULL; m++)
        if ((*m)->person_queue != NULL)
            return *m;
    return NULL;
}

static void *look_up(struct request *rq)
{
    const struct hub_module *index = index_of(rq);
    struct identifier id;

    if (index == NULL || !identifier_parse_cx(rq->principal.patient, &id))
        return NULL;
    return index->person_queue(rq, id);
}

void principal_patient_queue(struct request *rq, void **lookup)
{
    *lookup = rq->principal.patient.n > 0 ? look_up(rq) : NULL;
}

static bool is_patient(struct str cx, struct str asserted)
{
    struct identifier one, other;

    return identifier_parse_cx(cx, &one) && identifier_parse_cx(asserted, &other) &&
           identifier_eq(one, other);
}

/* A row without a person: an identifier that nobody fed, or nobody at all. */
static bool row_is_about(const struct audit_row *row, struct person_ref person, struct str asserted)
{
    if (row->person_id != 0)
        return person_ref_eq((struct person_ref){row->pkey, row->person_id}, person);
    return row->patient.n == 0 || is_patient(row->patient, asserted);
}

static bool rows_are_about(const struct request *rq, struct person_ref person)
{
    for (const struct audit_row *row = rq->audit.first; row != NULL; row = row->next)
        if (!row_is_about(row, person, rq->principal.patient))
            return false;
    return true;
}

enum status principal_patient_check(struct request *rq, void *lookup)
{
    const struct hub_module *index;
    struct person_ref person = {0, 0};

    if (rq->principal.patient.n == 0)
        return OK;
    index = index_of(rq);
    if (lookup != NULL)
        TRY(index->person_read(rq, lookup, &person));
    if (rows_are_about(rq, person))
        return OK;
    /* Whom this very request made known (a feed) could not be found before. */
    if (lookup != NULL && person.person_id == 0) {
        lookup = look_up(rq);
        TRY(db_flush(rq->db));
        TRY(index->person_read(rq, lookup, &person));
        if (person.person_id != 0 && rows_are_about(rq, person))
            return OK;
    }
    rq->transaction = &xua_transaction;
    return fail(rq->err, DENIED, "wsse:FailedAuthentication",
                "the assertion holds for one patient (resource-id), and this request is about "
                "another, or about more");
}

/* With its length before it: no two callers' words run together alike. */
static void add_word(struct strbuf *b, struct str word)
{
    strbuf_add(b, str_of(&word.n, sizeof(word.n)));
    strbuf_add(b, word);
}

uint64_t principal_hash(const struct request *rq)
{
    const struct principal *p = &rq->principal;
    const struct str words[] = {p->user,         p->organization,   p->role.code, p->role.system,
                                p->purpose.code, p->purpose.system, p->patient};
    struct strbuf b = strbuf_on(rq->arena, 300);

    strbuf_add(&b, str_of(&p->member->id, sizeof(p->member->id)));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        add_word(&b, words[i]);
    return hints_hash(strbuf_str(&b));
}

enum status principal_of_addressee(struct request *rq, int64_t member_id)
{
    const struct member *m = member_by_id(rq->members, member_id);

    rq->principal = machine_of(m);
    if (m != NULL && !m->suspended)
        return OK;
    return fail(rq->err, DENIED, "suspended", "This member is not, or no longer, admitted");
}
