/* The Audit Record Repository (ITI-20): members' audit records, by syslog over TLS (RFC 5425) and
 * over UDP (RFC 5426). Any message is kept, byte for byte, in the log beside the hub's own records:
 * well formed or not, cut off by UDP or not. What is an AuditMessage is searchable by its patient
 * and user. The same bytes again make a further receipt, which names the first.
 *
 * RFC 5425 has no acknowledgement, so a batch is what one read of a connection held, stored in one
 * transaction; nothing more is read of the connection meanwhile (that is the backpressure), and a
 * batch that cannot be stored closes it, so that the sender sends it again. */
#pragma once

#include "hub/hub.h"
#include "hub/request.h"

/* Routes of syslog over TLS. */
extern const struct hub_module audit_repository_module;

/* A message as it came, and what is known of its sender. */
struct syslog_receipt {
    struct str bytes;
    bool cut; /* by the datagram's end */
};

/* Adds the rows of these messages to `rows`. Flushes twice, inside the caller's transaction. */
enum status audit_repository_take(struct db *db, struct arena *a,
                                  const struct syslog_receipt *receipts, size_t count,
                                  struct audit_list *rows) MUST_CHECK;
