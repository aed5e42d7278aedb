#include "gateway/iti21.h"

#include "gateway/hl7_answer.h"
#include "gateway/hl7_pid.h"
#include "gateway/pdq_v2.h"
#include "gateway/sender.h"

static const struct hl7_message *message_of(const struct request *rq)
{
    return rq->message.hl7;
}

static bool wants_visits(const struct hl7_message *m)
{
    return str_eq(m->event, STR("ZV1"));
}

static const char *answer_type(const struct hl7_message *m)
{
    return wants_visits(m) ? "RSP^ZV2^RSP_ZV2" : "RSP^K22^RSP_K21";
}

/* QAK and the query as it came. With an answer: how many there are, here and behind. */
static void add_query(const struct hl7_message *m, struct strbuf *b, const char *status,
                      const struct pdq_answer *a)
{
    const struct hl7_segment *qpd = hl7_segment(m, "QPD", 0);
    char f = m->separators.field;

    strbuf_addf(b, "QAK%c", f);
    strbuf_add(b, hl7_field(m, qpd, 2));
    strbuf_addf(b, "%c%s", f, status);
    if (a != NULL) {
        strbuf_addc(b, f);
        strbuf_add(b, hl7_field(m, qpd, 1));
        strbuf_addf(b, "%c%zu%c%zu%c%zu", f, a->total, f, a->count, f, a->remaining);
    }
    hl7_answer_end(b);
    if (qpd == NULL)
        return;
    strbuf_add(b, qpd->line);
    hl7_answer_end(b);
}

/* PV1: class and number of the last visit; N, not applicable, where none is known. */
static void add_visit(struct strbuf *b, const struct hl7_separators *s,
                      const struct mpi_demographics *d)
{
    struct str number = d->visit;
    struct identifier id;

    if (identifier_parse_cx(d->visit, &id))
        number = id.id;
    strbuf_addf(b, "PV1%c%c", s->field, s->field);
    hl7_escape(b, s, d->visit_class.n > 0 ? d->visit_class : STR("N"));
    if (number.n > 0) {
        for (int i = 2; i < 19; i++)
            strbuf_addc(b, s->field);
        hl7_escape(b, s, number);
    }
    hl7_answer_end(b);
}

static void add_patients(struct request *rq, struct strbuf *b, struct pdq_answer *a)
{
    const struct hl7_message *m = message_of(rq);

    for (size_t i = 0; i < a->count; i++) {
        hl7_pid_add(rq, b, &m->separators, i + 1, &a->patients[i]);
        hl7_answer_end(b);
        if (wants_visits(m))
            add_visit(b, &m->separators, &a->patients[i].shown);
        strbuf_addf(b, "QRI%c%.2f", m->separators.field, a->patients[i].fit);
        hl7_answer_end(b);
    }
}

static void answer(struct request *rq, struct pdq_answer *a, struct reply *rp)
{
    const struct hl7_message *m = message_of(rq);
    struct strbuf b = hl7_answer_begin(rq, m, answer_type(m), HL7_AA);

    if (a->capped)
        hl7_answer_warning(rq, m, &b, "QPD^1^3",
                           "More patients answer to this than the hub tells; these fit best. Ask"
                           " more narrowly");
    add_query(m, &b, a->count > 0 ? "OK" : "NF", a);
    add_patients(rq, &b, a);
    if (a->pointer.n > 0) {
        strbuf_addf(&b, "DSC%c%.*s%cI", m->separators.field, STR_ARG(a->pointer),
                    m->separators.field);
        hl7_answer_end(&b);
    }
    reply_add(rp, hl7_answer_bytes(rq, m, &b));
}

static void name_query(struct request *rq)
{
    const struct hl7_message *m = message_of(rq);
    struct str tag = hl7_text(rq->arena, m, hl7_field(m, hl7_segment(m, "QPD", 0), 2));

    request_about(rq, "query", tag.n > 0 ? tag : m->control_id, m->text);
}

static void audit_nobody(struct request *rq)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->patient = rq->patient;
    row->objects = rq->about;
}

static enum status ask(struct request *rq, const struct pdq_v2 *q, struct pdq_answer *out)
{
    *out = (struct pdq_answer){0};
    if (q->pointer.n > 0)
        return pdq_continue(rq, q->query.id, (struct pdq_place){q->pointer, 0}, q->query.page, out);
    if (!q->nobody)
        return pdq_ask(rq, &q->query, out);
    audit_nobody(rq);
    return OK;
}

/* Failures of the query itself, at their place in the message. */
static void place_failures(struct request *rq)
{
    for (struct failure *f = rq->err->first; f != NULL; f = f->next)
        if (f->location.n == 0)
            f->location =
                str_eq(str_from(f->code), STR("UnknownPointer")) ? STR("DSC^1^1") : STR("QPD^1^3");
}

enum status iti21_query(struct request *rq, struct reply *rp)
{
    struct pdq_v2 *q = ARENA_NEW(rq->arena, struct pdq_v2);
    struct pdq_answer found;
    enum status s;

    name_query(rq);
    TRY(sender_check(rq));
    TRY(pdq_v2_read(rq, message_of(rq), q));
    s = ask(rq, q, &found);
    if (s != OK) {
        place_failures(rq);
        return s;
    }
    answer(rq, &found, rp);
    return OK;
}

/* QID-1 is the tag of the query; whether anything was kept for it, the answer is the same. */
enum status iti21_cancel(struct request *rq, struct reply *rp)
{
    const struct hl7_message *m = message_of(rq);
    struct str tag = hl7_text(rq->arena, m, hl7_field(m, hl7_segment(m, "QID", 0), 1));

    request_about(rq, "query", tag.n > 0 ? tag : m->control_id, m->text);
    TRY(sender_check(rq));
    if (tag.n == 0)
        return fail_at(rq->err, STR("QID^1^1"), INVALID, "101",
                       "QID-1 has to name the query that is cancelled");
    pdq_cancel(rq, tag);
    audit_nobody(rq);
    reply_add(rp, hl7_acknowledgement(rq, m, HL7_AA));
    return OK;
}

enum status iti21_failure(struct request *rq, struct reply *rp)
{
    const struct hl7_message *m = message_of(rq);
    enum hl7_ack ack = hl7_ack_of(rq->err->status, rq->err);
    struct strbuf b = hl7_answer_begin(rq, m, answer_type(m), ack);

    hl7_answer_errors(rq, m, &b);
    add_query(m, &b, hl7_ack_code(ack), NULL);
    reply_add(rp, hl7_answer_bytes(rq, m, &b));
    return OK;
}
