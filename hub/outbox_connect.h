/* What the outbox's carriers share: a connection to a member that is surely the member's. */
#pragma once

#include "hub/net/dial.h"
#include "hub/outbox.h"

/* *d->connection, a struct dialed, opened to HOST:PORT unless it is. Its certificate must be
 * registered for the member, or be nobody else's and of a configured CA for this host. */
enum status outbox_connect(struct outbox_delivery *d, struct str address, int64_t deadline_us,
                           struct errors *err) MUST_CHECK;
/* As outbox_carrier.close. */
void outbox_hang_up(void *connection);
/* Notes why, without patient data, and gives the verdict back. */
enum outbox_verdict outbox_trouble(struct outbox_delivery *d, enum outbox_verdict v,
                                   struct str why);
