/* Sends HL7 v2 messages over MLLP and mutual TLS: the delivery half of the outbox's carriers.
 *
 * One message at a time and its acknowledgement; when the acknowledgement does not come in time,
 * or is not this message's, the connection is closed, so that a late one can never be taken for
 * the next message's. Sources: HL7 MLLP Release 1; IHE ITI TF-2 Appendix C.2.3. */
#pragma once

#include "hub/outbox.h"

/* AA, CA: delivered. AE, CE: refused. AR, CR, no answer in time: again. The server must show a
 * certificate that is registered for the member, or one of a configured CA for this host. */
enum outbox_verdict mllp_deliver(struct outbox_delivery *d);

/* MSH-10 of an outbox message: 20 characters, the same at each attempt. */
struct str mllp_control_id(struct arena *a, struct uuid id);
