#include "gateway/iti47.h"

#include "gateway/adt_road.h"
#include "gateway/pdq_v3.h"
#include "gateway/v3_person.h"

#define ANSWER       "PRPA_IN201306UV02"
#define CONTINUATION "QUQI_IN000003UV01"
#define CANCEL       "QUQI_IN000003UV01_Cancel"

static void write_patient(struct xml_writer *w, const struct pdq_patient *p)
{
    xml_begin(w, "patient");
    xml_attribute(w, "classCode", STR("PAT"));
    for (size_t i = 0; i < p->ids.count; i++)
        hl7v3_ii_write(w, "id",
                       (struct hl7v3_ii){p->ids.items[i].id.authority, p->ids.items[i].id.id});
    if (p->ids.count == 0)
        hl7v3_leaf(w, "id", "nullFlavor", STR("MSK"));
    hl7v3_leaf(w, "statusCode", "code", STR("active"));
    v3_person_write(w, &p->shown);
    v3_match_write(w, p->fit);
    xml_end(w, "patient");
}

static void write_event(struct request *rq, struct xml_writer *w, const struct pdq_patient *p)
{
    hl7v3_event_begin(w);
    write_patient(w, p);
    hl7v3_event_end(rq, w, STR_NONE);
}

/* `a` NULL: the query failed. A continuation has no parameters to be told again. */
static enum status answer(struct request *rq, const struct hl7v3 *m, const struct pdq_answer *a,
                          struct reply *rp)
{
    const size_t counts[] = {a ? a->total : 0, a ? a->count : 0, a ? a->remaining : 0};
    struct soap_answer soap;
    struct xml_writer *w = hl7v3_answer_begin(rq, &soap, m, ANSWER, a ? "AA" : "AE");

    hl7v3_act_begin(w, "PRPA_TE201306UV02");
    for (size_t i = 0; a != NULL && i < a->count; i++)
        write_event(rq, w, &a->patients[i]);
    hl7v3_query_ack_write(w, m, a == NULL ? "AE" : a->count > 0 ? "OK" : "NF", a ? counts : NULL);
    if (xml_is(m->query, NS_HL7V3, "queryByParameter"))
        hl7v3_copy(rq->arena, w, m->query);
    hl7v3_act_end(w);
    return hl7v3_answer_end(&soap, ANSWER, rp);
}

/* More than the hub tells: said in a detail of the acknowledgement. */
static void note_cap(struct request *rq, const struct pdq_answer *a)
{
    if (a->capped)
        warn_at(rq->err, STR(""), "0",
                "More patients answer to this than the hub tells; these fit best. Ask more"
                " narrowly");
}

enum status iti47_query(struct request *rq, struct reply *rp)
{
    struct pdq_v3 *q = ARENA_NEW(rq->arena, struct pdq_v3);
    struct pdq_answer found = {0};
    struct hl7v3 m;

    TRY(hl7v3_read(rq, PDQ_V3_QUESTION, &m));
    request_about(rq, "query", hl7v3_ii_text(rq->arena, m.query_id),
                  xml_copy_text(rq->arena, m.query));
    TRY(pdq_v3_read(rq, &m, q));
    if (q->nobody)
        adt_audit_plainly(rq, "An authority that nobody registered");
    else
        TRY(pdq_ask(rq, &q->query, &found));
    note_cap(rq, &found);
    return answer(rq, &m, &found, rp);
}

static enum status read_continuation(struct request *rq, const char *name, struct hl7v3 *m)
{
    TRY(hl7v3_read(rq, name, m));
    request_about(rq, "query", hl7v3_ii_text(rq->arena, m->query_id),
                  xml_copy_text(rq->arena, m->query));
    if (m->query_id.root.n > 0)
        return OK;
    return fail_at(rq->err, str_printf(rq->arena, "/%s/controlActProcess/queryContinuation", name),
                   INVALID, "101", "The message has to name the query by its queryId");
}

/* A number of queryContinuation; 0: not given. */
static size_t quantity(const struct hl7v3 *m, const char *name)
{
    struct str text = hl7v3_attr(m->query, name, "value");
    uint64_t n = 0;

    return text.n > 0 && str_to_u64(text, &n) && n < 1000000 ? (size_t)n : 0;
}

enum status iti47_continue(struct request *rq, struct reply *rp)
{
    struct pdq_answer found = {0};
    struct pdq_place place = {0};
    struct hl7v3 m;

    TRY(read_continuation(rq, CONTINUATION, &m));
    place.start = quantity(&m, "startResultNumber");
    TRY(pdq_continue(rq, hl7v3_ii_text(rq->arena, m.query_id), place,
                     quantity(&m, "continuationQuantity"), &found));
    return answer(rq, &m, &found, rp);
}

/* Whether anything was kept for the query, the answer is the same. */
enum status iti47_cancel(struct request *rq, struct reply *rp)
{
    struct hl7v3 m;

    TRY(read_continuation(rq, CANCEL, &m));
    pdq_cancel(rq, hl7v3_ii_text(rq->arena, m.query_id));
    adt_audit_plainly(rq, "Cancelled");
    return hl7v3_acknowledge(rq, &m, "CA", rp);
}

enum status iti47_failure(struct request *rq, struct reply *rp)
{
    struct hl7v3 m = hl7v3_look(rq);

    return answer(rq, &m, NULL, rp);
}

enum status iti47_cancel_failure(struct request *rq, struct reply *rp)
{
    struct hl7v3 m = hl7v3_look(rq);

    return hl7v3_acknowledge(rq, &m, "CE", rp);
}
