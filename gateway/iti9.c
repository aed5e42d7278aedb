#include "gateway/iti9.h"

#include <stdlib.h>

#include "gateway/hl7_answer.h"
#include "gateway/identity_gate.h"
#include "gateway/patient_id.h"
#include "gateway/sender.h"

enum { DOMAINS_MAX = 64 };

struct pix_query {
    struct identifier id;            /* QPD-3 */
    struct str domains[DOMAINS_MAX]; /* QPD-4: OIDs; none: all */
    size_t domain_count;
};

static const struct hl7_message *message_of(const struct request *rq)
{
    return rq->message.hl7;
}

static enum status read_id(struct request *rq, const struct hl7_segment *qpd, struct pix_query *q)
{
    const struct hl7_message *m = message_of(rq);
    struct str rest = hl7_field(m, qpd, 3);

    if (str_trim(rest).n == 0)
        return fail_at(rq->err, STR("QPD^1^3"), INVALID, "101",
                       "QPD-3 has to name a patient identifier");
    switch (patient_id_read(rq, m, hl7_repetition(m, &rest), &q->id)) {
    case PATIENT_ID_NONE:
        return fail_at(rq->err, STR("QPD^1^3^1^1"), INVALID, "204",
                       "QPD-3 has no patient identifier");
    case PATIENT_ID_UNKNOWN:
        return fail_at(rq->err, STR("QPD^1^3^1^4"), INVALID, "204",
                       "The assigning authority of QPD-3 is not known");
    default:
        rq->patient = identifier_cx(rq->arena, q->id);
        return OK;
    }
}

/* Each domain that nobody registered gets an ERR of its own (3.9.4.2.2.6, case 5). */
static enum status read_domains(struct request *rq, const struct hl7_segment *qpd,
                                struct pix_query *q)
{
    const struct hl7_message *m = message_of(rq);
    struct str rest = hl7_field(m, qpd, 4);
    enum status s = OK;

    if (str_trim(rest).n == 0)
        return OK;
    for (int n = 1; rest.p != NULL; n++) {
        struct str oid = patient_id_domain(rq, m, hl7_repetition(m, &rest));

        if (n > DOMAINS_MAX)
            return fail_at(rq->err, STR("QPD^1^4"), INVALID, "102",
                           "QPD-4 has more than %d domains", DOMAINS_MAX);
        if (oid.n > 0)
            q->domains[q->domain_count++] = oid;
        else
            s = fail_at(rq->err, str_printf(rq->arena, "QPD^1^4^%d", n), INVALID, "204",
                        "Repetition %d of QPD-4 is not a patient identification domain", n);
    }
    return s;
}

static enum status read_query(struct request *rq, struct pix_query *q)
{
    const struct hl7_segment *qpd = hl7_segment(message_of(rq), "QPD", 0);

    *q = (struct pix_query){0};
    if (qpd == NULL)
        return fail_at(rq->err, STR("QPD"), INVALID, "100", "The message has no QPD segment");
    TRY(read_id(rq, qpd, q));
    return read_domains(rq, qpd, q);
}

static enum status unknown(struct request *rq)
{
    return fail_at(rq->err, STR("QPD^1^3^1^1"), NOT_FOUND, "204",
                   "The patient identifier of QPD-3 is not known");
}

static enum status find_person(struct request *rq, struct identifier id, struct person *out)
{
    struct mpi_lookup lookup;
    struct mpi_people people;

    mpi_lookup_queue(rq, &id, 1, &lookup);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &lookup));
    if (lookup.hits[0].known != MPI_ACTIVE)
        return unknown(rq);
    mpi_people_queue(rq, &lookup.hits[0].person, 1, &people);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, &people));
    if (people.people[0].ref.person_id == 0)
        return unknown(rq);
    *out = people.people[0];
    rq->person = out->ref;
    return OK;
}

/* What may be told of this person. An identifier that may not be seen may not be asked by either:
 * the answer is that of an unknown one. */
static enum status find_visible(struct request *rq, const struct pix_query *q,
                                struct identity_visible *seen)
{
    struct person person;
    struct mpi_identifiers found;
    struct consent_policies policies;

    TRY(find_person(rq, q->id, &person));
    mpi_identifiers_queue(rq, &person, &found);
    consent_queue(rq, person.constituents, person.constituent_count, &policies);
    TRY(db_flush(rq->db));
    TRY(mpi_identifiers_read(rq, &found));
    TRY(consent_read(rq, &policies));
    identity_gate(rq, &person, &found, &policies, seen);
    return identity_visible_has(seen, q->id) ? OK : unknown(rq);
}

static bool wanted(const struct pix_query *q, struct identifier id)
{
    if (identifier_eq(id, q->id))
        return false; /* the queried identifier is never echoed */
    for (size_t i = 0; i < q->domain_count; i++)
        if (str_eq(q->domains[i], id.authority))
            return true;
    return q->domain_count == 0;
}

static int by_identifier(const void *a, const void *b)
{
    const struct mpi_identifier *x = a, *y = b;
    int order = str_compare(x->id.authority, y->id.authority);

    return order != 0 ? order : str_compare(x->id.id, y->id.id);
}

/* Keeps what the query wants, in a fixed order. */
static void select_wanted(const struct pix_query *q, struct identity_visible *v)
{
    size_t kept = 0;

    for (size_t i = 0; i < v->count; i++)
        if (wanted(q, v->items[i].id))
            v->items[kept++] = v->items[i];
    v->count = kept;
    if (kept > 0)
        qsort(v->items, kept, sizeof(*v->items), by_identifier);
}

/* HD.1 of an authority: the namespace of its member's messages, else the member's name. */
static struct str name_space(struct request *rq, const struct mpi_identifier *id)
{
    const struct member *m = member_by_authority(rq->members, id->id.authority);

    for (size_t i = 0; m != NULL && i < m->authority_count; i++)
        if (str_eq(m->authorities[i].oid, id->id.authority) && m->authorities[i].name_space.n > 0)
            return m->authorities[i].name_space;
    return m != NULL ? m->name : STR("XAD");
}

/* PID|||id^^^NS&OID&ISO^PI~...||~^^^^^^S: an empty name, and one of type S, pseudonym
 * (3.9.4.2.2.5). */
static void add_pid(struct request *rq, struct strbuf *b, const struct identity_visible *v)
{
    const struct hl7_separators *s = &message_of(rq)->separators;
    char c = s->component;

    strbuf_addf(b, "PID%c%c%c", s->field, s->field, s->field);
    for (size_t i = 0; i < v->count; i++) {
        if (i > 0)
            strbuf_addc(b, s->repetition);
        hl7_escape(b, s, v->items[i].id.id);
        strbuf_addf(b, "%c%c%c", c, c, c);
        hl7_escape(b, s, name_space(rq, &v->items[i]));
        strbuf_addf(b, "%c%.*s%cISO%cPI", s->subcomponent, STR_ARG(v->items[i].id.authority),
                    s->subcomponent, c);
    }
    strbuf_addf(b, "%c%c%c%c%c%c%c%c%cS", s->field, s->field, s->repetition, c, c, c, c, c, c);
    hl7_answer_end(b);
}

/* QAK and the query as it came. */
static void add_query(const struct hl7_message *m, struct strbuf *b, const char *status)
{
    const struct hl7_segment *qpd = hl7_segment(m, "QPD", 0);

    strbuf_addf(b, "QAK%c", m->separators.field);
    strbuf_add(b, hl7_field(m, qpd, 2));
    strbuf_addf(b, "%c%s", m->separators.field, status);
    hl7_answer_end(b);
    if (qpd == NULL)
        return;
    strbuf_add(b, qpd->line);
    hl7_answer_end(b);
}

static void answer(struct request *rq, const struct identity_visible *v, struct reply *rp)
{
    const struct hl7_message *m = message_of(rq);
    struct strbuf b = hl7_answer_begin(rq, m, "RSP^K23^RSP_K23", HL7_AA);

    add_query(m, &b, v->count > 0 ? "OK" : "NF");
    if (v->count > 0)
        add_pid(rq, &b, v);
    reply_add(rp, hl7_answer_bytes(rq, m, &b));
}

static void audit(struct request *rq, const struct identity_visible *v)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->patient = rq->patient;
    row->pkey = rq->person.pkey;
    row->person_id = rq->person.person_id;
    if (v->withheld > 0)
        row->description =
            str_printf(rq->arena, "%zu identifiers of other members withheld by consent",
                       v->withheld);
    row->objects = rq->about;
}

static void name_query(struct request *rq)
{
    const struct hl7_message *m = message_of(rq);
    struct str tag = hl7_text(rq->arena, m, hl7_field(m, hl7_segment(m, "QPD", 0), 2));

    request_about(rq, "query", tag.n > 0 ? tag : m->control_id, m->text);
}

enum status iti9_query(struct request *rq, struct reply *rp)
{
    struct pix_query q;
    struct identity_visible seen;

    name_query(rq);
    TRY(sender_check(rq));
    TRY(read_query(rq, &q));
    TRY(find_visible(rq, &q, &seen));
    select_wanted(&q, &seen);
    audit(rq, &seen);
    answer(rq, &seen, rp);
    return OK;
}

enum status iti9_failure(struct request *rq, struct reply *rp)
{
    const struct hl7_message *m = message_of(rq);
    enum hl7_ack ack = hl7_ack_of(rq->err->status, rq->err);
    struct strbuf b = hl7_answer_begin(rq, m, "RSP^K23^RSP_K23", ack);

    hl7_answer_errors(rq, m, &b);
    add_query(m, &b, hl7_ack_code(ack));
    reply_add(rp, hl7_answer_bytes(rq, m, &b));
    return OK;
}
