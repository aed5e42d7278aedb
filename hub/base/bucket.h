/* A token bucket: so many things a second, and a burst at once. Pure; its owner locks it. A bucket
 * of zeroes is full. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    int64_t full_at_us; /* when all that was taken will have come back */
};

struct bucket_rate {
    int64_t per_second; /* at least 1; 0: no limit */
    int64_t burst;      /* at least 1 */
};

/* Takes one, unless none is left. */
bool bucket_take(struct bucket *b, int64_t now_us, struct bucket_rate rate);
/* Takes one in any case; returns the microseconds until what was taken too early has come back. */
int64_t bucket_owe(struct bucket *b, int64_t now_us, struct bucket_rate rate);
