/* The end of background threads: they work, pause, and look whether they are to stop. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct halt {
    pthread_mutex_t lock;
    pthread_cond_t asked_for;
    bool asked;
};

void halt_init(struct halt *h);
/* From any thread, once: wakes all that pause. Joining them is the caller's. */
void halt_ask(struct halt *h);
bool halt_asked(struct halt *h);
/* Returns after that long, or at once when asked to stop; true: go on. */
bool halt_pause(struct halt *h, int64_t microseconds);
