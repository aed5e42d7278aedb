#include "gateway/iti44.h"

#include <string.h>

#include "gateway/adt.h"
#include "gateway/adt_road.h"
#include "gateway/iti8.h"
#include "gateway/v3_person.h"

static const char *interaction_of(const struct request *rq)
{
    const xmlNode *root = rq->message.soap->body;

    return root != NULL ? (const char *)root->name : "";
}

static struct str place(struct request *rq, const char *rest)
{
    return str_printf(rq->arena, "/%s/controlActProcess/subject/registrationEvent/%s",
                      interaction_of(rq), rest);
}

/* The transaction's table tells which interactions come here; the body must be the one that its
 * action named. */
static enum status read_event(struct request *rq, struct hl7v3 *m, const xmlNode **event)
{
    const char *colon = strrchr(rq->transaction->action, ':');
    const xmlNode *subject;

    TRY(hl7v3_read(rq, colon + 1, m));
    request_about(rq, "message", hl7v3_ii_text(rq->arena, m->id), STR_NONE);
    subject = xml_child(m->act, NS_HL7V3, "subject");
    *event = xml_child(subject, NS_HL7V3, "registrationEvent");
    if (*event == NULL)
        return fail_at(rq->err, place(rq, ""), INVALID, "100",
                       "The message has no subject with a registrationEvent");
    if (xml_next(subject, NS_HL7V3, "subject") != NULL)
        return fail_at(rq->err, place(rq, ""), INVALID, "102",
                       "A feed is about one patient: the message has several subjects");
    return OK;
}

/* Identifiers of this member, or XAD-PIDs from the one that feeds them; the others are let pass. */
static enum status read_ids(struct request *rq, const xmlNode *role, const char *where,
                            struct identifier **ids, size_t *count)
{
    bool seen = false;

    *count = 0;
    *ids = ARENA_ARRAY(rq->arena, MPI_REPETITIONS_MAX, struct identifier);
    XML_EACH(n, role, NS_HL7V3, "id")
    {
        struct identifier id;
        enum patient_id_kind kind = hl7v3_patient_id(rq, hl7v3_ii_read(n), &id);

        seen |= kind != PATIENT_ID_NONE;
        if ((kind == PATIENT_ID_OWN || kind == PATIENT_ID_XAD) && *count < MPI_REPETITIONS_MAX)
            (*ids)[(*count)++] = id;
    }
    if (*count > 0)
        return OK;
    return fail_at(rq->err, place(rq, where), INVALID, seen ? "204" : "101",
                   seen ? "None of the patient identifiers is of an assigning authority that is"
                          " registered for this source"
                        : "There is no patient identifier");
}

static enum status read_patient(struct request *rq, const xmlNode *event, struct mpi_feed *feed)
{
    const xmlNode *patient = xml_child(xml_child(event, NS_HL7V3, "subject1"), NS_HL7V3, "patient");
    struct identifier *ids;

    *feed = (struct mpi_feed){
        .member_id = rq->principal.member->id,
        .event = interaction_of(rq),
    };
    if (patient == NULL)
        return fail_at(rq->err, place(rq, "subject1/patient"), INVALID, "100",
                       "The registrationEvent has no patient");
    TRY(read_ids(rq, patient, "subject1/patient/id", &ids, &feed->id_count));
    feed->ids = ids;
    rq->patient = identifier_cx(rq->arena, ids[0]);
    return v3_person_read(rq, patient, &feed->demographics);
}

/* --- the store of what was accepted ---------------------------------------------------------- */

/* The interaction as the store of messages (hl7_store.h) knows one: its bytes without the envelope,
 * which a resend has anew. */
static struct hl7_message stored_form(struct request *rq, const struct hl7v3 *m)
{
    return (struct hl7_message){
        .raw = xml_copy_text(rq->arena, m->root),
        .application = hl7v3_ii_text(rq->arena, m->sender),
        .facility = STR(""),
        .control_id = hl7v3_ii_text(rq->arena, m->id),
        .code = str_from(interaction_of(rq)),
    };
}

static enum status answer_again(struct request *rq, struct hl7_seen *seen, struct reply *rp)
{
    TRY(hl7_seen_read(rq, seen));
    if (!seen->answered)
        return OK;
    metric_add(METRIC_hl7_duplicates_total, 1);
    adt_audit_plainly(rq, "Resent: answered from the stored acknowledgement, without effect");
    return hl7v3_accept_again(rq, seen->ack, rp);
}

static enum status accept(struct request *rq, const struct hl7v3 *m,
                          const struct hl7_message *stored, const struct hl7_seen *seen,
                          struct reply *rp)
{
    struct str ack;

    TRY(hl7v3_accept(rq, m, &ack, rp));
    hl7_keep(rq, stored, seen, ack);
    return OK;
}

/* Looks at the store and at the index in one flush. */
enum status iti44_feed(struct request *rq, struct reply *rp)
{
    struct mpi_feeding *feeding;
    struct hl7_message stored;
    const xmlNode *event;
    struct hl7_seen seen;
    struct mpi_feed feed;
    struct mpi_fed fed;
    struct hl7v3 m;

    TRY(read_event(rq, &m, &event));
    TRY(read_patient(rq, event, &feed));
    stored = stored_form(rq, &m);
    hl7_seen_queue(rq, &stored, &seen);
    feeding = mpi_feed_queue(rq, &feed);
    TRY(db_flush(rq->db));
    TRY(answer_again(rq, &seen, rp));
    if (seen.answered)
        return OK;
    TRY(mpi_feed(rq, feeding, &fed));
    adt_audit(rq, fed.created ? 'C' : 'U', feed.ids[0], fed.person);
    return accept(rq, &m, &stored, &seen, rp);
}

/* --- duplicates resolved (3.44.4.2) ---------------------------------------------------------- */

static const xmlNode *prior_role(const xmlNode *event)
{
    const xmlNode *n = xml_child(event, NS_HL7V3, "replacementOf");

    n = xml_child(n, NS_HL7V3, "priorRegistration");
    n = xml_child(n, NS_HL7V3, "subject1");
    return xml_child(n, NS_HL7V3, "priorRegisteredRole");
}

static enum status read_merges(struct request *rq, const xmlNode *event, struct adt_merge **merges,
                               size_t *count)
{
    struct identifier *subsumed;
    struct mpi_feed patient;
    size_t named;

    TRY(read_patient(rq, event, &patient));
    TRY(read_ids(rq, prior_role(event),
                 "replacementOf/priorRegistration/subject1/priorRegisteredRole/id", &subsumed,
                 &named));
    *merges = ARENA_ARRAY(rq->arena, 2 * named, struct adt_merge);
    *count = adt_merge_pairs(rq, &patient, subsumed, named, *merges);
    if (*count > 0)
        return OK;
    return fail_at(rq->err, place(rq, "replacementOf"), INVALID, "204",
                   "patient and priorRegisteredRole have no identifier of one assigning authority");
}

/* The failures of a merge name a side. */
static void place_failures(struct request *rq)
{
    for (struct failure *f = rq->err->first; f != NULL; f = f->next) {
        if (str_eq(f->location, STR("surviving")))
            f->location = place(rq, "subject1/patient/id");
        else if (str_eq(f->location, STR("subsumed")))
            f->location =
                place(rq, "replacementOf/priorRegistration/subject1/priorRegisteredRole/id");
    }
}

enum status iti44_merge(struct request *rq, struct reply *rp)
{
    struct adt_merge *merges;
    struct hl7_message stored;
    const xmlNode *event;
    struct hl7_seen seen;
    struct hl7v3 m;
    size_t count;

    TRY(read_event(rq, &m, &event));
    TRY(read_merges(rq, event, &merges, &count));
    stored = stored_form(rq, &m);
    hl7_seen_queue(rq, &stored, &seen);
    TRY(db_flush(rq->db));
    TRY(answer_again(rq, &seen, rp));
    if (seen.answered)
        return OK;
    for (size_t i = 0; i < count; i++) {
        enum status s = iti8_merge_one(rq, &merges[i]);

        if (s != OK) {
            place_failures(rq);
            return s;
        }
    }
    return accept(rq, &m, &stored, &seen, rp);
}

enum status iti44_failure(struct request *rq, struct reply *rp)
{
    struct hl7v3 m = hl7v3_look(rq);

    return hl7v3_acknowledge(rq, &m, "CE", rp);
}
