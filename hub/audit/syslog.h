/* Syslog messages (RFC 5424) as ITI-20 uses them (IHE ITI TF-2 3.20.4): writing the hub's own, and
 * reading the header of anybody's. Pure; any thread. Strings borrow from the message. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

struct syslog_message {
    int priority;                                          /* facility * 8 + severity */
    struct str at, host, application, process, message_id; /* "-" (nil) is empty */
    struct str structured_data;                            /* as it stands; empty: none */
    struct str text;                                       /* MSG without its byte order mark */
};

/* RFC 5424 section 6. False when it has no such header; a message that was cut off anywhere behind
 * its MSGID, as UDP does, is read as far as it goes. */
bool syslog_read(struct str bytes, struct syslog_message *out);

/* <85> (facility 10, security; severity 5, notice), MSGID IHE+RFC-3881, no structured data, no byte
 * order mark. `process` 0: not known. */
struct str syslog_write(struct arena *a, struct str at, struct str host, int64_t process,
                        struct str text);
