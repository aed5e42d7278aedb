/* Patient identifiers of HL7 v2 (CX) as the hub takes them.
 *
 * Rules: repetitions of type AN, VN or SS (account, visit, social security) never identify a
 * person; an authority is an OID, or a namespace that the member registered for one; where CX.4 is
 * absent and the member has exactly one authority, that one is meant (ITI TF-2 3.8.4.1.2.3). From
 * a feed only identifiers of the member's own authorities are taken, and XAD-PIDs from the member
 * that xad_source names. Pure over the message and the directory. */
#pragma once

#include "gateway/hl7.h"
#include "hub/request.h"

enum { PATIENT_ID_MAX = 255 }; /* bytes of an identifier */

enum patient_id_kind {
    PATIENT_ID_NONE,    /* empty, deleted (""), too long, with control
                            characters, ^ or &, or of a type that identifies nobody */
    PATIENT_ID_UNKNOWN, /* its authority is registered with nobody */
    PATIENT_ID_FOREIGN, /* of another member's authority, or an XAD-PID that this one may not feed
                         */
    PATIENT_ID_OWN,
    PATIENT_ID_XAD, /* an XAD-PID from the member that feeds them */
};

/* One CX repetition. `out` is filled unless NONE or UNKNOWN; text from the arena. */
enum patient_id_kind patient_id_read(struct request *rq, const struct hl7_message *m, struct str cx,
                                     struct identifier *out);

/* The same for an identifier whose authority has been looked up (empty: unknown). */
enum patient_id_kind patient_id_kind_of(struct request *rq, const struct identifier *id);

/* Authority of a CX's fourth component alone, as QPD-4 names domains; STR_NONE when unknown. */
struct str patient_id_domain(struct request *rq, const struct hl7_message *m, struct str cx);
