#include "gateway/adt_road.h"

#include "gateway/adt.h"
#include "gateway/hl7_answer.h"
#include "gateway/sender.h"

static const struct hl7_message *message_of(const struct request *rq)
{
    return rq->message.hl7;
}

void adt_audit(struct request *rq, char action, struct identifier patient, struct person_ref person)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->action = action;
    row->patient = identifier_cx(rq->arena, patient);
    row->pkey = person.pkey;
    row->person_id = person.person_id;
    row->objects = rq->about;
}

void adt_audit_plainly(struct request *rq, const char *words)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->description = str_from(words);
    row->patient = rq->patient;
    row->objects = rq->about;
}

enum status adt_answer_again(struct request *rq, struct hl7_seen *seen, struct reply *rp)
{
    TRY(hl7_seen_read(rq, seen));
    if (!seen->answered)
        return OK;
    metric_add(METRIC_hl7_duplicates_total, 1);
    adt_audit_plainly(rq, "Resent: answered from the stored acknowledgement, without effect");
    reply_add(rp, seen->ack);
    return OK;
}

enum status adt_look_back(struct request *rq, struct hl7_seen *seen, struct reply *rp)
{
    hl7_seen_queue(rq, message_of(rq), seen);
    TRY(db_flush(rq->db));
    return adt_answer_again(rq, seen, rp);
}

enum status adt_accept(struct request *rq, const struct hl7_seen *seen, struct reply *rp)
{
    struct str ack = hl7_acknowledgement(rq, message_of(rq), HL7_AA);

    hl7_keep(rq, message_of(rq), seen, ack);
    reply_add(rp, ack);
    return OK;
}

enum status adt_unused(struct request *rq, struct reply *rp)
{
    struct hl7_seen seen;

    TRY(sender_check(rq));
    adt_note_patient(rq, message_of(rq));
    TRY(adt_look_back(rq, &seen, rp));
    if (seen.answered)
        return OK;
    if (rq->principal.member->strict_adt)
        return fail_at(rq->err, STR("MSH^1^9^1^2"), INVALID, "201",
                       "The hub does not use this ADT event, and this source is set to strict");
    metric_add(METRIC_hl7_unused_events_total, 1);
    adt_audit_plainly(rq, "Kept and acknowledged; the hub does not use this event");
    return adt_accept(rq, &seen, rp);
}
