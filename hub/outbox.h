/* The outbox: what the hub sends by itself, kept in the transaction of what caused it.
 *
 * A handler calls outbox_put: the row commits with its effect, or not at all. Sender threads
 * (hub/outbox_sender.c) deliver later, each destination's messages one after the other in order,
 * however many hub processes share the database: a process serves a lane by lease. A failure is
 * tried again with growing pauses, up to outbox_attempts times; then, or when the destination
 * refuses it for good, the message becomes a dead letter (`causeway outbox`) and the next one goes
 * on. Delivery is at least once: the id on the wire is the same at each attempt.
 *
 * How bytes are made and sent is a carrier's matter; a room names its carriers in its module. */
#pragma once

#include "hub/request.h"

enum { OUTBOX_TROUBLE_MAX = 200 };

struct outbox_destination {
    const char *kind;   /* of its carrier */
    int64_t member_id;  /* whose address it is */
    struct str address; /* HOST:PORT or URL, at most 1,000 bytes */
};

/* Queues the INSERTs; goes out with the next flush. `what` names the transaction ("ITI-10");
 * the payload is sealed. */
void outbox_put(struct request *rq, const struct outbox_destination *to, const char *what,
                struct str payload);

/* Is as much kept for the destination, dead letters too, as outbox_kept and outbox_kept_mb allow?
 * One flush: for what a client makes the hub keep. */
enum status outbox_is_full(struct request *rq, const struct outbox_destination *to,
                           bool *full) MUST_CHECK;

struct outbox_item {
    struct outbox_destination to;
    struct str what;
    struct uuid id; /* the message's, the same at each attempt */
    struct str payload;
    int attempt; /* from 1 */
};

enum outbox_verdict {
    OUTBOX_DELIVERED,
    OUTBOX_RETRY,   /* not reached, no answer in time, or not now */
    OUTBOX_REFUSED, /* sending it again unchanged will not help: a dead letter */
};

/* One delivery: what to send, and the connection that a carrier keeps between the messages of one
 * lane. The connection is closed when the lane is left, and after every verdict but DELIVERED. */
struct outbox_delivery {
    const struct config *config;
    const struct member_directory *members;
    const struct outbox_item *item;
    struct str bytes;
    void **connection; /* the carrier's own; NULL at first */
    struct arena *arena;
    char trouble[OUTBOX_TROUBLE_MAX]; /* why it failed: for operators, without patient data */
};

struct outbox_carrier {
    const char *kind;
    /* Makes the bytes. Runs in a transaction of its own (REPEATABLE READ), as the member whose
     * destination it is, so that what is said passes the same gates as an answer to it would; its
     * audit rows go to rq->audit and are committed before a byte leaves. *out STR_NONE: there is
     * nothing to say any more, and the message is done. NULL: the payload is the bytes. */
    enum status (*prepare)(struct request *rq, const struct outbox_item *item, struct str *out);
    struct transaction transaction; /* name and audit kind of what it sends */
    /* On a sender's thread, which holds no database connection meanwhile. */
    enum outbox_verdict (*deliver)(struct outbox_delivery *d);
    void (*close)(void *connection);
};

/* Derives the sealing key. Once, early. */
void outbox_init(const unsigned char master_key[32]);
/* For the sender. */
bool outbox_open_payload(struct arena *a, struct uuid id, struct str sealed, struct str *plain);
