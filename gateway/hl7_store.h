/* Messages are kept before they are acknowledged, and a resend is answered from what was kept.
 *
 * hl7_message holds the bytes, sealed with a key of its own (XChaCha20-Poly1305, bound to the
 * message's id), beside the acknowledgement, in the transaction of the effect. Only what was
 * accepted (AA) is answered again from the store: a refused message had no effect, and is tried
 * anew. Queries are not kept: their audit row is their record. ITI-44 keeps what it accepts here
 * too, in the terms of v2: sender device, message id, interaction. */
#pragma once

#include "gateway/hl7.h"
#include "hub/request.h"

void hl7_store_init(const unsigned char master_key[32]);

/* What the store knows of a message like this one. */
struct hl7_seen {
    struct rows same, reused;
    bool answered; /* an identical one was accepted within resend_hours: ack is its answer */
    struct str ack;
    int attempt;    /* of this one */
    bool id_reused; /* other bytes came under the same control id within that time */
};

/* Queues; the caller flushes; then read. */
void hl7_seen_queue(struct request *rq, const struct hl7_message *m, struct hl7_seen *seen);
enum status hl7_seen_read(struct request *rq, struct hl7_seen *seen) MUST_CHECK;

/* Queues the row of an accepted message. Two identical ones at once claim one attempt: the later
 * gets CONFLICT from the database, runs again, and finds the first one's answer. */
void hl7_keep(struct request *rq, const struct hl7_message *m, const struct hl7_seen *seen,
              struct str ack);
/* Queues the row of a refused one, with the attempt that the database counts. */
void hl7_keep_refused(struct request *rq, const struct hl7_message *m, const char *answer,
                      struct str ack);
