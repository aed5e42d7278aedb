/* A lane: exchanges on their way from the I/O threads to the workers. Any thread. Ownership of an
 * exchange passes with it. Who comes next is hub/fair.h's matter; this adds the lock, the waiting
 * and the clock. */
#pragma once

#include "hub/fair.h"

struct queue;

struct queue *queue_new(size_t limit);
void queue_free(struct queue *q); /* empty and without waiters by then */

/* What is refused stays the caller's, or becomes it. A closed lane refuses everything. */
struct fair_answer queue_push(struct queue *q, struct exchange *ex, const struct share *share);
/* One that was taken and has to go on, also into a full or closed lane. */
void queue_return(struct queue *q, struct exchange *ex);
/* Ends the turn that *t is (none at first: zeroes) and waits for the next; the exchange of the old
 * one may be another's by then. False when the lane is closed and empty. */
bool queue_next(struct queue *q, struct turn *t);
void queue_close(struct queue *q);

size_t queue_length(struct queue *q);
bool queue_refusal_told(struct queue *q, const struct exchange *ex, uint64_t *unsaid);
struct flow_figures *queue_figures(struct queue *q, struct arena *a, size_t *count);
