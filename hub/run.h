/* The request driver: the owner of the transaction. */
#pragma once

#include "hub/hub.h"

/* What request_run leaves in ex->user for the access line and the metrics. */
struct outcome {
    const char *transaction; /* "ITI-18", or "?" when none was recognised */
    const char *status;      /* status_name, "ok" included */
    uint64_t flushes;
    char member[64];
    int64_t member_id;
};

/* Runs one complete request on the calling worker and fills ex->reply; whatever happens, there is
 * an answer. True: the caller sends it. False: it waits (request_wait) and is not the caller's any
 * more; it comes back through the queue, to any worker. */
bool request_run(struct hub *hub, struct db *db, struct exchange *ex) MUST_CHECK;
