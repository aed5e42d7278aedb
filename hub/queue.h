/* A bounded queue of exchanges between the I/O threads and one lane's workers. Any thread.
 * Ownership of an exchange passes with it. */
#pragma once

#include "hub/net/exchange.h"

struct queue;

struct queue *queue_new(size_t limit);
void queue_free(struct queue *q); /* empty and without waiters by then */

bool queue_push(struct queue *q,
                struct exchange *ex); /* false: full or closed; still the caller's */
/* One that was taken and has to go on: to the front, also of a full or closed queue. */
void queue_return(struct queue *q, struct exchange *ex);
struct exchange *queue_pop(struct queue *q); /* waits; NULL when closed and empty */
void queue_close(struct queue *q);
size_t queue_length(struct queue *q);
