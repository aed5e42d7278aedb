#include "gateway/iti45.h"

#include "gateway/hl7v3.h"
#include "gateway/pix.h"
#include "gateway/v3_identity.h"

#define QUESTION   "PRPA_IN201309UV02"
#define ANSWER     "PRPA_IN201310UV02"
#define PARAMETERS "/" QUESTION "/controlActProcess/queryByParameter/parameterList"

/* The one patientIdentifier (3.45.4.1.2.1). */
static enum status read_id(struct request *rq, const xmlNode *list, struct pix_query *q)
{
    const xmlNode *n = xml_child(list, NS_HL7V3, "patientIdentifier");
    struct str at = STR(PARAMETERS "/patientIdentifier/value");

    if (xml_count(list, NS_HL7V3, "patientIdentifier") != 1)
        return fail_at(rq->err, STR(PARAMETERS "/patientIdentifier"), INVALID, "101",
                       "The query has to name one patientIdentifier");
    switch (hl7v3_patient_id(rq, hl7v3_ii_read(xml_child(n, NS_HL7V3, "value")), &q->id)) {
    case PATIENT_ID_NONE:
        return fail_at(rq->err, at, INVALID, "204", "The patientIdentifier has no extension");
    case PATIENT_ID_UNKNOWN:
        return fail_at(rq->err, at, INVALID, "204",
                       "The assigning authority of the patientIdentifier is not known");
    default:
        rq->patient = identifier_cx(rq->arena, q->id);
        return OK;
    }
}

/* Each domain that nobody registered gets a detail of its own (3.45.4.2.3, case 4). */
static enum status read_domains(struct request *rq, const xmlNode *list, struct pix_query *q)
{
    enum status s = OK;
    int number = 0;

    XML_EACH(n, list, NS_HL7V3, "dataSource")
    {
        struct str oid = hl7v3_domain(rq, hl7v3_ii_read(xml_child(n, NS_HL7V3, "value")));

        if (++number > PIX_DOMAINS_MAX)
            return fail_at(rq->err, STR(PARAMETERS "/dataSource"), INVALID, "102",
                           "The query names more than %d domains", PIX_DOMAINS_MAX);
        if (oid.n > 0)
            q->domains[q->domain_count++] = oid;
        else
            s = fail_at(rq->err, str_printf(rq->arena, PARAMETERS "/dataSource[%d]/value", number),
                        INVALID, "204", "dataSource %d is not a patient identification domain",
                        number);
    }
    return s;
}

static enum status read_query(struct request *rq, struct hl7v3 *m, struct pix_query *q)
{
    const xmlNode *list;

    *q = (struct pix_query){0};
    TRY(hl7v3_read(rq, QUESTION, m));
    request_about(rq, "query", hl7v3_ii_text(rq->arena, m->query_id),
                  xml_copy_text(rq->arena, m->query));
    list = xml_child(m->query, NS_HL7V3, "parameterList");
    if (list == NULL)
        return fail_at(rq->err, STR(PARAMETERS), INVALID, "100",
                       "The message has no queryByParameter with a parameterList");
    TRY(read_id(rq, list, q));
    return read_domains(rq, list, q);
}

/* `v` NULL: there is nothing to tell. */
static enum status answer(struct request *rq, const struct hl7v3 *m, const char *ack,
                          const char *code, const struct identity_visible *v, struct reply *rp)
{
    struct soap_answer soap;
    struct xml_writer *w = hl7v3_answer_begin(rq, &soap, m, ANSWER, ack);

    hl7v3_act_begin(w, "PRPA_TE201310UV02");
    if (v != NULL)
        v3_identity_write(rq, w, v);
    hl7v3_query_ack_write(w, m, code, NULL);
    hl7v3_copy(rq->arena, w, m->query);
    hl7v3_act_end(w);
    return hl7v3_answer_end(&soap, ANSWER, rp);
}

enum status iti45_query(struct request *rq, struct reply *rp)
{
    struct pix_answer found;
    struct pix_query q;
    struct hl7v3 m;

    TRY(read_query(rq, &m, &q));
    TRY(pix_ask(rq, &q, &found));
    if (!found.known)
        return fail_at(rq->err, STR(PARAMETERS "/patientIdentifier/value"), NOT_FOUND, "204",
                       "The patient identifier is not known");
    pix_audit(rq, &found.seen);
    if (found.seen.count == 0)
        return answer(rq, &m, "AA", "NF", NULL, rp);
    return answer(rq, &m, "AA", "OK", &found.seen, rp);
}

enum status iti45_failure(struct request *rq, struct reply *rp)
{
    struct hl7v3 m = hl7v3_look(rq);

    return answer(rq, &m, "AE", "AE", NULL, rp);
}
