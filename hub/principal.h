/* The one place where a principal is built: from the connection's certificate, which named the
 * member at the handshake, the members' directory of this request, and the verified assertion that
 * the message carries (hub/xua.h). Never from anything else in a header or a body. A suspended or
 * vanished member is DENIED, and so is a certificate that has been removed or has expired since the
 * handshake. */
#pragma once

#include "hub/request.h"

enum status principal_build(struct request *rq) MUST_CHECK;

/* When the message has been read: is this door for members, or for communities? DENIED, as a fault.
 */
enum status principal_admit(struct request *rq) MUST_CHECK;

/* Then: the person that its assertion proves, if it has one, and that
 * this member may name such a person (organization, home community, purpose of use). A refusal is
 * WS-Security's, and stands in the audit log as ITI-40. Members who must name a person are DENIED
 * without one; an HL7 v2 message has no place for one, and is taken unless it asks for something.
 */
enum status principal_prove(struct request *rq) MUST_CHECK;

/* An assertion may hold for one patient alone. principal_patient_queue looks that patient up in the
 * request's own first flush; when the handler has done its work, principal_patient_check compares:
 * every audit row that names a patient names this one, else DENIED. (No patient's data leaves
 * without a row, so no door can pass it by.) */
void principal_patient_queue(struct request *rq, void **lookup);
enum status principal_patient_check(struct request *rq, void *lookup) MUST_CHECK;

/* All that consent knows a caller by, as a number of this process (hub/base/hints.h): whose hints
 * it may have. By another's it would learn from an answer's time what that one has asked lately. */
uint64_t principal_hash(const struct request *rq);

/* For what the hub sends by itself (hub/outbox.h): the member that it is addressed to, so that it
 * is told what it would be told if it asked. DENIED when it is not, or no longer, admitted. */
enum status principal_of_addressee(struct request *rq, int64_t member_id) MUST_CHECK;
