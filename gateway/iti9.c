#include "gateway/iti9.h"

#include "gateway/hl7_answer.h"
#include "gateway/hl7_identity.h"
#include "gateway/patient_id.h"
#include "gateway/pix.h"
#include "gateway/sender.h"

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

        if (n > PIX_DOMAINS_MAX)
            return fail_at(rq->err, STR("QPD^1^4"), INVALID, "102",
                           "QPD-4 has more than %d domains", PIX_DOMAINS_MAX);
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

/* PID|||id^^^NS&OID&ISO^PI~...||~^^^^^^S: an empty name, and one of type S, pseudonym
 * (3.9.4.2.2.5). */
static void add_pid(struct request *rq, struct strbuf *b, struct identity_visible *v)
{
    const struct hl7_separators *s = &message_of(rq)->separators;
    char c = s->component;

    strbuf_addf(b, "PID%c%c%c", s->field, s->field, s->field);
    hl7_cx_list_add(rq, b, s, v);
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

static void answer(struct request *rq, struct identity_visible *v, struct reply *rp)
{
    const struct hl7_message *m = message_of(rq);
    struct strbuf b = hl7_answer_begin(rq, m, "RSP^K23^RSP_K23", HL7_AA);

    add_query(m, &b, v->count > 0 ? "OK" : "NF");
    if (v->count > 0)
        add_pid(rq, &b, v);
    reply_add(rp, hl7_answer_bytes(rq, m, &b));
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
    struct pix_answer found;

    name_query(rq);
    TRY(sender_check(rq));
    TRY(read_query(rq, &q));
    TRY(pix_ask(rq, &q, &found));
    if (!found.known)
        return unknown(rq);
    pix_audit(rq, &found.seen);
    answer(rq, &found.seen, rp);
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
