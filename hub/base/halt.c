#include "hub/base/halt.h"

#include <time.h>

#include "hub/base/clock.h"

void halt_init(struct halt *h)
{
    pthread_condattr_t steady;

    *h = (struct halt){.asked = false};
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->asked_for, &steady);
    pthread_condattr_destroy(&steady);
}

void halt_ask(struct halt *h)
{
    pthread_mutex_lock(&h->lock);
    h->asked = true;
    pthread_cond_broadcast(&h->asked_for);
    pthread_mutex_unlock(&h->lock);
}

bool halt_asked(struct halt *h)
{
    bool asked;

    pthread_mutex_lock(&h->lock);
    asked = h->asked;
    pthread_mutex_unlock(&h->lock);
    return asked;
}

bool halt_pause(struct halt *h, int64_t microseconds)
{
    int64_t end = clock_monotonic_us() + microseconds;
    struct timespec until = {.tv_sec = end / US_PER_SECOND, .tv_nsec = end % US_PER_SECOND * 1000};
    int waited = 0;
    bool asked;

    pthread_mutex_lock(&h->lock);
    while (!h->asked && waited == 0) /* a wake-up for no reason waits on */
        waited = pthread_cond_timedwait(&h->asked_for, &h->lock, &until);
    asked = h->asked;
    pthread_mutex_unlock(&h->lock);
    return !asked;
}
