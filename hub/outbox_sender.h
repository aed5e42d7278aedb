/* The sender: threads that deliver what the outbox holds (hub/outbox.h).
 *
 * The threads share one database connection, which none of them holds while it waits for the
 * network. A thread claims a lane by lease, delivers in order until the lane is empty, fails or has
 * had its turn, and leaves it to whoever comes next, here or in another hub process. */
#pragma once

#include "hub/hub.h"

struct outbox_sender;

/* NULL with the reason in err. */
struct outbox_sender *outbox_sender_start(struct hub *hub, struct errors *err);
/* Returns when deliveries under way have ended: at most outbox_ack_seconds and a little. */
void outbox_sender_stop(struct outbox_sender *s);
