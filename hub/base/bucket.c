#include "hub/base/bucket.h"

#include "hub/base/clock.h"

/* What the bucket lacks to be full once one more is taken, in microseconds of filling. */
static int64_t lack_after(const struct bucket *b, int64_t now_us, struct bucket_rate rate)
{
    int64_t lack = b->full_at_us > now_us ? b->full_at_us - now_us : 0;

    return lack + US_PER_SECOND / rate.per_second;
}

static int64_t whole(struct bucket_rate rate)
{
    return US_PER_SECOND / rate.per_second * rate.burst;
}

bool bucket_take(struct bucket *b, int64_t now_us, struct bucket_rate rate)
{
    int64_t lack;

    if (rate.per_second == 0)
        return true;
    lack = lack_after(b, now_us, rate);
    if (lack > whole(rate))
        return false;
    b->full_at_us = now_us + lack;
    return true;
}

int64_t bucket_owe(struct bucket *b, int64_t now_us, struct bucket_rate rate)
{
    int64_t lack;

    if (rate.per_second == 0)
        return 0;
    lack = lack_after(b, now_us, rate);
    b->full_at_us = now_us + lack;
    return lack > whole(rate) ? lack - whole(rate) : 0;
}
