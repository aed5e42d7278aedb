/* Cross-Enterprise User Assertion (ITI-40; IHE ITI TF-2 3.40): from a message's Security header to
 * an assertion that holds, and the mark that it has been used.
 *
 * An assertion is reused: EHRs send one with many messages until it expires. A replay is the same
 * assertion with the same wsa:MessageID, or any second message where the identity provider is set
 * to one-time use; it is refused whichever hub process it comes to. */
#pragma once

#include "hub/assertion.h"
#include "hub/wsse.h"

/* As which a refusal stands in the audit log (110114 User Authentication, 110122 Login). */
extern const struct transaction xua_transaction;

/* Reads and verifies the assertion in this SOAP header. `out->id` is empty when there is none.
 * Everything that it claims is proven, but not yet that this member may claim it. On failure
 * rq->claimed_user tells who it would have been. */
enum status xua_prove(struct request *rq, const xmlNode *header, struct assertion *out,
                      struct errors *err) MUST_CHECK;

/* Queues the mark that the assertion came with this message, for the request's own first flush.
 * Nothing without an assertion, or when the mark has been committed already. */
void xua_use_queue(struct request *rq, struct rows *mark);
/* After the flush: was it the first time? DENIED otherwise. */
enum status xua_use_check(struct request *rq, const struct rows *mark) MUST_CHECK;

/* Deletes the marks of assertions that have expired: the keeper, now and then. */
enum status xua_use_prune(struct db *db) MUST_CHECK;
