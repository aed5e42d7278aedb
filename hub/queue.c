#include "hub/queue.h"

#include <pthread.h>
#include <stdlib.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct exchange *first, *last;
    size_t length, limit;
    bool closed;
};

struct queue *queue_new(size_t limit)
{
    struct queue *q = calloc(1, sizeof(*q));

    must(q != NULL, "out of memory");
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->filled, NULL);
    q->limit = limit;
    return q;
}

void queue_free(struct queue *q)
{
    must(q->first == NULL, "a queue is freed with exchanges in it");
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->filled);
    free(q);
}

bool queue_push(struct queue *q, struct exchange *ex)
{
    bool room;

    pthread_mutex_lock(&q->lock);
    room = !q->closed && q->length < q->limit;
    if (room) {
        ex->next = NULL;
        if (q->last != NULL)
            q->last->next = ex;
        else
            q->first = ex;
        q->last = ex;
        q->length++;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    return room;
}

void queue_return(struct queue *q, struct exchange *ex)
{
    pthread_mutex_lock(&q->lock);
    ex->next = q->first;
    q->first = ex;
    if (q->last == NULL)
        q->last = ex;
    q->length++;
    pthread_cond_signal(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

struct exchange *queue_pop(struct queue *q)
{
    struct exchange *ex;

    pthread_mutex_lock(&q->lock);
    while (q->first == NULL && !q->closed)
        pthread_cond_wait(&q->filled, &q->lock);
    ex = q->first;
    if (ex != NULL) {
        q->first = ex->next;
        if (q->first == NULL)
            q->last = NULL;
        ex->next = NULL;
        q->length--;
    }
    pthread_mutex_unlock(&q->lock);
    return ex;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

size_t queue_length(struct queue *q)
{
    size_t n;

    pthread_mutex_lock(&q->lock);
    n = q->length;
    pthread_mutex_unlock(&q->lock);
    return n;
}
