#include "hub/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "hub/base/clock.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something came */
    struct fair *fair;
    bool closed;
};

struct queue *queue_new(size_t limit)
{
    struct queue *q = calloc(1, sizeof(*q));

    must(q != NULL, "out of memory");
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    q->fair = fair_new(limit);
    return q;
}

void queue_free(struct queue *q)
{
    fair_free(q->fair);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
    free(q);
}

struct fair_answer queue_push(struct queue *q, struct exchange *ex, const struct share *share)
{
    struct fair_answer answer = {.refused = ex, .why = FAIR_LANE_FULL};

    pthread_mutex_lock(&q->lock);
    if (!q->closed)
        answer = fair_add(q->fair, ex, share, clock_monotonic_us());
    pthread_mutex_unlock(&q->lock);
    pthread_cond_signal(&q->changed); /* who wakes finds the lock free */
    return answer;
}

void queue_return(struct queue *q, struct exchange *ex)
{
    pthread_mutex_lock(&q->lock);
    fair_return(q->fair, ex);
    pthread_mutex_unlock(&q->lock);
    pthread_cond_signal(&q->changed);
}

/* A turn that ends, or one that comes back, may let more of its flow go on than were announced: so
 * whoever takes one wakes the next worker while something waits. */
bool queue_next(struct queue *q, struct turn *t)
{
    int64_t now_us = clock_monotonic_us();
    bool got, more;

    pthread_mutex_lock(&q->lock);
    if (t->flow != NULL)
        fair_done(t, now_us - t->began_us);
    while (!(got = fair_next(q->fair, t)) && !(q->closed && fair_waiting(q->fair) == 0))
        pthread_cond_wait(&q->changed, &q->lock);
    if (q->closed) /* whoever waits behind a cap sees that this was the last */
        pthread_cond_broadcast(&q->changed);
    more = fair_waiting(q->fair) > 0;
    pthread_mutex_unlock(&q->lock);
    if (more)
        pthread_cond_signal(&q->changed);
    t->began_us = clock_monotonic_us();
    return got;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

size_t queue_length(struct queue *q)
{
    size_t n;

    pthread_mutex_lock(&q->lock);
    n = fair_waiting(q->fair);
    pthread_mutex_unlock(&q->lock);
    return n;
}

bool queue_refusal_told(struct queue *q, const struct exchange *ex, uint64_t *unsaid)
{
    bool told;

    pthread_mutex_lock(&q->lock);
    told = fair_refusal_told(q->fair, ex, clock_monotonic_us(), unsaid);
    pthread_mutex_unlock(&q->lock);
    return told;
}

struct flow_figures *queue_figures(struct queue *q, struct arena *a, size_t *count)
{
    struct flow_figures *all;

    pthread_mutex_lock(&q->lock);
    all = fair_figures(q->fair, a, count);
    pthread_mutex_unlock(&q->lock);
    return all;
}
