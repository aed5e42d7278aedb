/* HL7 v3 over SOAP: the wrappers that ITI-44, 45 and 47 share. What is asked and answered is in the
 * structs that the v2 doors use too (pix.h, pdq.h, mpi/feed.h); here is only XML.
 *
 * Sources: IHE ITI TF-2 3.44, 3.45, 3.47 and Appendix O; HL7 v3 Normative Edition 2008
 * (MCCI_MT000100, 000200, 000300, MFMI_MT700711, PRPA_MT201301, 201303, 201306, 201307, 201310). */
#pragma once

#include "gateway/patient_id.h"
#include "hub/soap.h"

#define NS_HL7V3 "urn:hl7-org:v3"

struct hl7v3_ii {
    struct str root, extension; /* STR_NONE where absent */
};

/* An interaction as it came: borrowed from the request's tree. */
struct hl7v3 {
    const xmlNode *root;
    struct hl7v3_ii id, sender, receiver;
    const xmlNode *act;   /* controlActProcess; NULL: none */
    const xmlNode *query; /* queryByParameter or queryContinuation; NULL: none */
    struct hl7v3_ii query_id;
};

/* INVALID with code 100 or 101 at the place in question: another interaction than `name`, no id,
 * no control act. */
enum status hl7v3_read(struct request *rq, const char *name, struct hl7v3 *out) MUST_CHECK;
/* What there is of it, right or wrong: for the answer to a failure. */
struct hl7v3 hl7v3_look(const struct request *rq);

struct str hl7v3_attr(const xmlNode *parent, const char *child, const char *attribute);
struct hl7v3_ii hl7v3_ii_read(const xmlNode *ii); /* NULL: nothing */
/* As the index spells an id of a query or message: root, or root^extension. */
struct str hl7v3_ii_text(struct arena *a, struct hl7v3_ii ii);

/* root and extension of a patient's id, as patient_id_read judges a CX. */
enum patient_id_kind hl7v3_patient_id(struct request *rq, struct hl7v3_ii ii,
                                      struct identifier *out);
/* The registered domain that a root names; STR_NONE: nobody's. */
struct str hl7v3_domain(struct request *rq, struct hl7v3_ii ii);

/* A transmission wrapper (MCCI_MT000100, 000300) as it is written. */
struct hl7v3_wrapper {
    const char *interaction;
    struct hl7v3_ii id, receiver, sender; /* no sender: the hub */
    struct str processing;                /* P, T or D; else P */
    struct str community;                 /* of the sender (3.55.4.1.2.4); else it names none */
    const char *accept;                   /* acceptAckCode: "AL" or "NE" */
};
void hl7v3_wrapper_begin(struct request *rq, struct xml_writer *w, const struct hl7v3_wrapper *t);

/* Writes the envelope and the transmission wrapper of `interaction`, which answers `m`, up to and
 * with the acknowledgement: `ack` is AA or AE, CA or CE; what rq->err holds becomes its details. */
struct xml_writer *hl7v3_answer_begin(struct request *rq, struct soap_answer *answer,
                                      const struct hl7v3 *m, const char *interaction,
                                      const char *ack);
/* The same inside an envelope that was begun, whose action is another. */
void hl7v3_answer_wrap(struct request *rq, struct xml_writer *w, const struct hl7v3 *m,
                       const char *interaction, const char *ack);
enum status hl7v3_answer_end(struct soap_answer *answer, const char *interaction, struct reply *rp);

/* <name root="" extension=""/> */
void hl7v3_ii_write(struct xml_writer *w, const char *name, struct hl7v3_ii ii);
/* <name attribute="value"/> */
void hl7v3_leaf(struct xml_writer *w, const char *name, const char *attribute, struct str value);
/* An element of the message, again, in the answer. */
void hl7v3_copy(struct arena *a, struct xml_writer *w, const xmlNode *n);

/* A whole answer that only acknowledges (MCCI_IN000002UV01): CA, or CE with rq->err. */
enum status hl7v3_acknowledge(struct request *rq, const struct hl7v3 *m, const char *ack,
                              struct reply *rp);
/* CA, and what says so without its envelope, to be kept with the message ... */
enum status hl7v3_accept(struct request *rq, const struct hl7v3 *m, struct str *ack,
                         struct reply *rp) MUST_CHECK;
/* ... and that again, in an envelope of this request's. */
enum status hl7v3_accept_again(struct request *rq, struct str ack, struct reply *rp) MUST_CHECK;
/* The control act of an answer, with its trigger event: "PRPA_TE201310UV02". */
void hl7v3_act_begin(struct xml_writer *w, const char *trigger);
void hl7v3_act_end(struct xml_writer *w);
/* subject/registrationEvent around one patient; its custodian is the hub itself. `locator`: whether
 * it is a health data locator (3.55.4.2.2.5); empty: not said. */
void hl7v3_event_begin(struct xml_writer *w);
void hl7v3_event_end(struct request *rq, struct xml_writer *w, struct str locator);

/* queryAck, with counts where `counts` is not NULL: total, on this page, behind it. */
void hl7v3_query_ack_write(struct xml_writer *w, const struct hl7v3 *m, const char *code,
                           const size_t counts[3]);
