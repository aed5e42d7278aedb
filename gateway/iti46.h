/* ITI-46 PIXV3 Update Notification, PRPA_IN201302UV02: a person's identifiers as they are now, told
 * over SOAP to a member that wants them (IHE ITI TF-2 3.46). gateway/notify.c says when. */
#pragma once

#include "hub/outbox.h"

struct identity_visible;

/* The bytes that iti46_deliver takes: an envelope whose ids are the item's, the same at each
 * attempt. */
struct str iti46_message(struct request *rq, const struct outbox_item *item,
                         const struct identity_visible *v);

/* outbox_carrier.deliver: POSTs it and reads the acknowledgement, MCCI_IN000002UV01. */
enum outbox_verdict iti46_deliver(struct outbox_delivery *d);
