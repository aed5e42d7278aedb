/* Notifications of changed identifiers: ITI-10 (ADT^A31) or ITI-46
 * (PRPA_IN201302UV02) to members that want them, and ITI-64
 * (ADT^A43, a record's XAD-PID link changed) to document registries.
 *
 * notify_change runs in the transaction of the change and queues rows of the outbox, which name
 * persons and records. What is said is read, gated and audited when it is sent: as the addressee
 * would be answered at that moment. Sources: IHE ITI TF-2 3.10.4.1, 3.64.4.1. */
#pragma once

#include "hub/outbox.h"
#include "mpi/change.h"

/* No statement at all when no member is notified. */
enum status notify_change(struct request *rq, const struct mpi_change *change) MUST_CHECK;

extern const struct outbox_carrier notify_carriers[]; /* ends with a NULL kind */
