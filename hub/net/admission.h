/* Who may stay connected: the peer's share of connections, the service's word, and the register
 * that net_close_peers searches. Called on the connection's I/O thread. */
#pragma once

#include "hub/net/conn.h"

/* Fills c->peer and asks. NULL when the peer is admitted, else the reason. */
const char *admission_ask(struct conn *c);
void admission_leave(struct conn *c); /* gives back what admission_ask took */
