#include "gateway/notify.h"

#include "gateway/hl7_identity.h"
#include "gateway/iti46.h"
#include "gateway/mllp_send.h"
#include "gateway/pix.h"
#include "hub/base/clock.h"
#include "hub/outbox_connect.h"

#define KIND_IDENTIFIERS    "pix-v2"
#define KIND_IDENTIFIERS_V3 "pix-v3"
#define KIND_LINKS          "links-v2"

static const struct hl7_separators USUAL = {'|', '^', '~', '\\', '&'};

/* --- what changed, for whom ------------------------------------------------------------------ */

static bool anyone_notified(const struct request *rq)
{
    for (size_t i = 0; i < rq->members->count; i++)
        if (rq->members->members[i].notify_count > 0)
            return true;
    return false;
}

static bool in_list(struct mpi_id_list list, struct identifier id)
{
    for (size_t i = 0; i < list.count; i++)
        if (identifier_eq(list.items[i], id))
            return true;
    return false;
}

/* Is there an identifier in `a` and not in `b` that this member is told of? */
static bool has_news(const struct member *m, struct mpi_id_list a, struct mpi_id_list b)
{
    for (size_t i = 0; i < a.count; i++)
        if (member_knows_domain(m, a.items[i].authority) && !in_list(b, a.items[i]))
            return true;
    return false;
}

static bool is_of_interest(const struct member *m, struct mpi_id_list before,
                           struct mpi_id_list after)
{
    return has_news(m, after, before) || has_news(m, before, after);
}

static struct outbox_destination destination_of(const struct member *m,
                                                const struct member_notify *n, const char *kind)
{
    return (struct outbox_destination){.kind = kind, .member_id = m->id, .address = n->address};
}

/* The person's numbers: its identifiers are read when the message is made. */
static void tell_person(struct request *rq, struct person_ref person, struct mpi_id_list before,
                        struct mpi_id_list after)
{
    static const struct {
        const char *format, *kind, *transaction;
    } ways[] = {{"hl7v2", KIND_IDENTIFIERS, "ITI-10"}, {"hl7v3", KIND_IDENTIFIERS_V3, "ITI-46"}};
    struct str payload =
        str_printf(rq->arena, "%lld %lld", (long long)person.pkey, (long long)person.person_id);

    for (size_t i = 0; i < rq->members->count; i++)
        for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
            const struct member *m = &rq->members->members[i];
            const struct member_notify *n = member_notify_of(m, str_from(ways[w].format));
            struct outbox_destination to;

            if (n == NULL || !is_of_interest(m, before, after))
                continue;
            to = destination_of(m, n, ways[w].kind);
            outbox_put(rq, &to, ways[w].transaction, payload);
        }
}

static const struct mpi_changed_person *person_of(const struct mpi_change *c, struct person_ref ref)
{
    for (size_t i = 0; i < c->person_count; i++)
        if (person_ref_eq(c->persons[i].ref, ref))
            return &c->persons[i];
    return NULL;
}

/* Identifiers that this change took away from the record: A40 retired them. */
static struct identifier retired_of(const struct mpi_changed_record *r)
{
    for (size_t i = 0; i < r->before.count; i++)
        if (!in_list(r->after, r->before.items[i]))
            return r->before.items[i];
    return (struct identifier){STR_NONE, STR_NONE};
}

/* What now stands for the retired one's patient: the surviving identifier of an A40. */
static struct identifier survivor_of(struct mpi_id_list of_person, struct identifier retired)
{
    for (size_t i = 0; i < of_person.count; i++)
        if (str_eq(of_person.items[i].authority, retired.authority) &&
            !identifier_eq(of_person.items[i], retired))
            return of_person.items[i];
    return (struct identifier){STR_NONE, STR_NONE};
}

struct link_news {
    struct str new_xad, old_xad;
    struct identifier local, subsumed;
};

/* What a registry has to know about this record, whose person has these identifiers now; false:
 * nothing. */
static bool link_news_of(const struct mpi_change *c, const struct mpi_changed_record *r,
                         struct mpi_id_list of_person, struct link_news *out)
{
    const struct mpi_changed_person *to = person_of(c, r->to), *from = person_of(c, r->from);
    struct identifier retired = retired_of(r);

    *out = (struct link_news){0};
    if (r->anchor || to == NULL || from == NULL || to->xad_after.n == 0 || from->xad_before.n == 0)
        return false;
    out->new_xad = to->xad_after;
    out->old_xad = from->xad_before;
    out->local = r->after.count > 0 ? r->after.items[0] : survivor_of(of_person, retired);
    out->subsumed = retired;
    return out->local.id.n > 0 && (!person_ref_eq(r->from, r->to) || retired.id.n > 0);
}

/* Lines; no identifier contains a line end (gateway/patient_id.h). */
static struct str link_payload(struct request *rq, const struct link_news *n)
{
    return str_printf(rq->arena, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(n->new_xad),
                      STR_ARG(n->local.authority), STR_ARG(n->local.id), STR_ARG(n->old_xad),
                      STR_ARG(n->subsumed.authority), STR_ARG(n->subsumed.id));
}

static void tell_link(struct request *rq, const struct mpi_change *c,
                      const struct mpi_changed_record *r, struct mpi_id_list of_person)
{
    struct link_news news;

    if (!link_news_of(c, r, of_person, &news))
        return;
    for (size_t i = 0; i < rq->members->count; i++) {
        const struct member *m = &rq->members->members[i];
        const struct member_notify *n = member_notify_of(m, STR("links"));
        struct outbox_destination to;

        if (n == NULL)
            continue;
        to = destination_of(m, n, KIND_LINKS);
        outbox_put(rq, &to, "ITI-64", link_payload(rq, &news));
    }
}

enum status notify_change(struct request *rq, const struct mpi_change *change)
{
    if (!anyone_notified(rq))
        return OK;
    for (size_t i = 0; i < change->person_count; i++) {
        const struct mpi_changed_person *p = &change->persons[i];
        struct mpi_id_list before, after;

        TRY(mpi_change_identifiers(rq, change, p, &before, &after));
        if (!p->gone)
            tell_person(rq, p->ref, before, after);
        for (size_t j = 0; j < change->record_count; j++)
            if (person_ref_eq(change->records[j].to, p->ref))
                tell_link(rq, change, &change->records[j], after);
    }
    return OK;
}

/* --- the messages ---------------------------------------------------------------------------- */

/* The subscription that it was queued for; NULL: the member wants it no more, or elsewhere. */
static const struct member_notify *subscription(const struct request *rq,
                                                const struct outbox_item *item, struct str format)
{
    const struct member_notify *n = member_notify_of(rq->principal.member, format);

    return n != NULL && str_eq(n->address, item->to.address) ? n : NULL;
}

static struct str or_name(const struct request *rq, struct str given)
{
    return given.n > 0 ? given : rq->principal.member->name;
}

/* MSH and EVN. We are CAUSEWAY at our home community. */
static struct strbuf begin(struct request *rq, const struct member_notify *n,
                           const struct outbox_item *item, const char *type, const char *event)
{
    struct strbuf b = strbuf_on(rq->arena, 512);
    struct str now = clock_dtm(rq->arena, rq->now_us);

    rq->sender = str_printf(rq->arena, "%s|CAUSEWAY", rq->config->home_community_id);
    rq->addressee = str_printf(rq->arena, "%.*s|%.*s", STR_ARG(or_name(rq, n->application)),
                               STR_ARG(or_name(rq, n->facility)));
    strbuf_addf(&b, "MSH|^~\\&|%s|CAUSEWAY|", rq->config->home_community_id);
    hl7_escape(&b, &USUAL, or_name(rq, n->application));
    strbuf_addc(&b, '|');
    hl7_escape(&b, &USUAL, or_name(rq, n->facility));
    strbuf_addf(&b, "|%.*s+0000||%s|%.*s|P|2.5||||||UNICODE UTF-8\r", STR_ARG(now), type,
                STR_ARG(mllp_control_id(rq->arena, item->id)));
    strbuf_addf(&b, "EVN|%s|%.*s+0000\r", event, STR_ARG(now));
    return b;
}

/* `message`: its id on the wire, as the other side records it. */
static void audit(struct request *rq, const struct outbox_item *item, struct identifier patient,
                  struct str message)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->patient = identifier_cx(rq->arena, patient);
    row->pkey = rq->person.pkey;
    row->person_id = rq->person.person_id;
    row->partner = rq->addressee;
    audit_object_add(rq->arena, row, "message", message, item->to.address);
}

static int64_t number(struct str s)
{
    uint64_t n = 0;

    return str_to_u64(s, &n) ? (int64_t)n : 0;
}

/* What the member may know of the person that was queued. */
static enum status identifiers_now(struct request *rq, const struct outbox_item *item,
                                   struct identity_visible *seen)
{
    struct str rest = item->payload, pkey = str_cut(&rest, ' ');

    return pix_identifiers(rq, (struct person_ref){number(pkey), number(rest)}, seen);
}

static enum status prepare_identifiers_v3(struct request *rq, const struct outbox_item *item,
                                          struct str *out)
{
    struct identity_visible seen;

    TRY(identifiers_now(rq, item, &seen));
    if (subscription(rq, item, STR("hl7v3")) == NULL || seen.count == 0)
        return OK;
    audit(rq, item, seen.items[0].id, uuid_text(rq->arena, item->id));
    *out = iti46_message(rq, item, &seen);
    return OK;
}

/* ADT^A31^ADT_A05 (3.10.4.1.2): the identifiers, PID-5 of one blank, PV1-2 N. */
static enum status prepare_identifiers(struct request *rq, const struct outbox_item *item,
                                       struct str *out)
{
    const struct member_notify *n = subscription(rq, item, STR("hl7v2"));
    struct identity_visible seen;
    struct strbuf b;

    TRY(identifiers_now(rq, item, &seen));
    if (n == NULL || seen.count == 0)
        return OK;
    b = begin(rq, n, item, "ADT^A31^ADT_A05", "A31");
    strbuf_lit(&b, "PID|||");
    hl7_cx_list_add(rq, &b, &USUAL, &seen);
    strbuf_lit(&b, "|| \rPV1||N\r");
    audit(rq, item, seen.items[0].id, mllp_control_id(rq->arena, item->id));
    *out = strbuf_str(&b);
    return OK;
}

static struct link_news link_news_read(struct str payload)
{
    struct link_news n;
    struct str rest = payload;

    n.new_xad = str_cut(&rest, '\n');
    n.local.authority = str_cut(&rest, '\n');
    n.local.id = str_cut(&rest, '\n');
    n.old_xad = str_cut(&rest, '\n');
    n.subsumed.authority = str_cut(&rest, '\n');
    n.subsumed.id = rest;
    return n;
}

static struct identifier xad(const struct request *rq, struct str id)
{
    return (struct identifier){str_from(rq->config->xad_authority), id};
}

/* May this registry know whom the record belongs to? */
static enum status is_visible(struct request *rq, struct identifier id, bool *out)
{
    struct mpi_lookup lookup;
    struct identity_visible seen;

    *out = false;
    mpi_lookup_queue(rq, &id, 1, &lookup);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &lookup));
    if (lookup.hits[0].known != MPI_ACTIVE)
        return OK;
    TRY(pix_identifiers(rq, lookup.hits[0].person, &seen));
    *out = identity_visible_has(&seen, id);
    return OK;
}

/* ADT^A43 (3.64.4.1.2): PID-3 new XAD-PID and local id, MRG-1 previous XAD-PID and, after a merge
 * of local ids, the subsumed one. */
static enum status prepare_link(struct request *rq, const struct outbox_item *item, struct str *out)
{
    const struct member_notify *n = subscription(rq, item, STR("links"));
    struct link_news news = link_news_read(item->payload);
    struct strbuf b;
    bool visible;

    TRY(is_visible(rq, news.local, &visible));
    if (n == NULL || !visible)
        return OK;
    b = begin(rq, n, item, "ADT^A43^ADT_A43", "A43");
    strbuf_lit(&b, "PID|||");
    hl7_cx_add(rq, &b, &USUAL, xad(rq, news.new_xad));
    strbuf_addc(&b, '~');
    hl7_cx_add(rq, &b, &USUAL, news.local);
    strbuf_lit(&b, "|| \rMRG|");
    hl7_cx_add(rq, &b, &USUAL, xad(rq, news.old_xad));
    /* Of the authority that this registry was just found to be shown, or not at all. */
    if (news.subsumed.id.n > 0 && str_eq(news.subsumed.authority, news.local.authority)) {
        strbuf_addc(&b, '~');
        hl7_cx_add(rq, &b, &USUAL, news.subsumed);
    }
    strbuf_addc(&b, '\r');
    audit(rq, item, news.local, mllp_control_id(rq->arena, item->id));
    *out = strbuf_str(&b);
    return OK;
}

/* DICOM PS3.15 A.5.3.11, Patient Record: the manager reads what it tells (3.10.5.1.1). */
const struct outbox_carrier notify_carriers[] = {
    {
        .kind = KIND_IDENTIFIERS,
        .prepare = prepare_identifiers,
        .transaction = {.name = "ITI-10",
                        .audit = {"110110", 'R'},
                        .door = DISCLOSES("identifiers")},
        .deliver = mllp_deliver,
        .close = outbox_hang_up,
    },
    {
        .kind = KIND_IDENTIFIERS_V3,
        .prepare = prepare_identifiers_v3,
        .transaction = {.name = "ITI-46",
                        .audit = {"110110", 'R'},
                        .door = DISCLOSES("identifiers")},
        .deliver = iti46_deliver,
        .close = outbox_hang_up,
    },
    {
        .kind = KIND_LINKS,
        .prepare = prepare_link,
        .transaction = {.name = "ITI-64",
                        .audit = {"110110", 'R'},
                        .door = DISCLOSES("identifiers")},
        .deliver = mllp_deliver,
        .close = outbox_hang_up,
    },
    {.kind = NULL},
};
