/* Forwarding of the audit log to Audit Record Repositories (ITI-20): syslog over TLS (RFC 5425) or
 * UDP (RFC 5426), DICOM XML inside; records that the hub received go on as they came.
 *
 * A destination is a cursor over audit_leaf: what the sealer has numbered, in its order, nothing
 * lost while the repository is away. A thread serves each destination of the configuration, in one
 * process at a time, by lease. RFC 5425 has no acknowledgement: the cursor moves when the other
 * host's kernel has taken every byte and the connection still stands; after a connection that broke
 * the last few hundred records go out again. So delivery is at least once.
 *
 * A destination starts where the log ends when it is first served. Needs `causeway audit seal`. */
#pragma once

#include "hub/hub.h"

struct audit_forward;

/* Checks the configuration and starts the threads. NULL with the reason in err. */
struct audit_forward *audit_forward_start(struct hub *hub, struct errors *err);
void audit_forward_stop(struct audit_forward *f);
