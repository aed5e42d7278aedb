/* Answers in HL7 v2: ACK, and the frame of RSP^K23 (IHE ITI TF-2 Appendix C.2.3, original mode).
 *
 * An answer takes the separators, the version and the character set of its message, turns MSH-3 to
 * 6 round, and carries a control id of ours. MSA-3 and MSA-6 are never sent. Failures become ERR
 * segments in the shape of the version: ERR-1 up to 2.4, ERR-2 to 8 from 2.5 on. */
#pragma once

#include "gateway/hl7.h"
#include "hub/request.h"

enum hl7_ack { HL7_AA, HL7_AE, HL7_AR };
const char *hl7_ack_code(enum hl7_ack a); /* "AA", ... */

/* AE: do not send it again unchanged. AR: the header is not for us, or the hub could not; in the
 * latter case it may be sent again. */
enum hl7_ack hl7_ack_of(enum status status, const struct errors *err);

/* Begins with MSH and MSA. `type` is MSH-9 with '^' for the component separator. */
struct strbuf hl7_answer_begin(struct request *rq, const struct hl7_message *m, const char *type,
                               enum hl7_ack ack);
/* One ERR segment a failure (up to 2.4: one segment). Warnings are left out. */
void hl7_answer_errors(struct request *rq, const struct hl7_message *m, struct strbuf *b);
/* An ERR segment of severity W in an answer that is none (from 2.5 on; older versions know no
 * severity). `location` as ERR-2. */
void hl7_answer_warning(struct request *rq, const struct hl7_message *m, struct strbuf *b,
                        const char *location, const char *words);
/* Appends a segment's end. */
void hl7_answer_end(struct strbuf *b);
/* The bytes, in the character set of the message. */
struct str hl7_answer_bytes(struct request *rq, const struct hl7_message *m,
                            const struct strbuf *b);

/* ACK with the failures, if there are any. `m` may be half-read or empty. */
struct str hl7_acknowledgement(struct request *rq, const struct hl7_message *m, enum hl7_ack ack);
