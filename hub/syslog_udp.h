/* Syslog over UDP (RFC 5426) for the Audit Record Repository: one thread, which takes what has come
 * and stores it in one transaction. Nobody is known by an address: such records have no member. */
#pragma once

#include "hub/hub.h"

struct syslog_udp;

/* Binds (before privileges are dropped): HOST:PORT, port 0 takes a free one. */
enum status syslog_udp_open(const char *address, struct syslog_udp **out, int *port,
                            struct errors *err) MUST_CHECK;
enum status syslog_udp_start(struct syslog_udp *u, struct hub *hub, struct errors *err) MUST_CHECK;
/* Stores what has come, and ends. NULL is fine. */
void syslog_udp_stop(struct syslog_udp *u);
