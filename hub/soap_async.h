/* Asynchronous web services: an answer that goes to the sender's wsa:ReplyTo instead of back on the
 * connection (WS-Addressing 1.0 Core section 3.4; IHE ITI TF-2 Appendix V.3).
 *
 * The request runs as any other. Its answer, a failure's too, is put into the outbox in the
 * transaction that holds its effect and its audit rows, and the caller gets an empty 202; the
 * outbox's senders POST it over mutual TLS, in order, again until it is taken, also after a
 * restart. MessageID and RelatesTo stay the same. An address is good when the member has registered
 * it (`causeway member reply-to add`). */
#pragma once

#include "hub/outbox.h"

/* Sees whether the message's ReplyTo is registered; a fault otherwise. For protocol->open. */
enum status soap_async_admit(struct request *rq) MUST_CHECK;

/* protocol.finish and protocol.keep_failure: nothing for a message whose answer goes back on the
 * connection; else queues the answer and makes the reply a 202. Fails INVALID when the answer is
 * too large to be kept (XDSRepositoryOutOfResources), or too many are kept for the address
 * (XDSRegistryBusy): the refusal of these goes back on the connection. */
enum status soap_async_finish(struct request *rq, struct reply *rp) MUST_CHECK;

extern const struct outbox_carrier soap_carriers[]; /* ends with a NULL kind */
