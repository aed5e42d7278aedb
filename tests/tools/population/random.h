/* Random numbers that only their seed decides: splitmix64 (Steele, Lea, Flood 2014). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A stream of its own for each use of a seed: what one draws does not shift another. */
static inline struct random random_of(uint64_t seed, uint64_t use, uint64_t number)
{
    return (struct random){random_mix(seed + random_mix(use * 0x9e3779b97f4a7c15u + number))};
}

static inline uint64_t random_next(struct random *r)
{
    return random_mix(r->state += 0x9e3779b97f4a7c15u);
}

static inline uint32_t random_below(struct random *r, uint32_t n)
{
    return (uint32_t)((random_next(r) >> 32) * n >> 32);
}

static inline double random_share(struct random *r)
{
    return (double)(random_next(r) >> 11) * 0x1p-53;
}

static inline bool random_chance(struct random *r, double p)
{
    return random_share(r) < p;
}

static inline int random_between(struct random *r, int from, int to)
{
    return from + (int)random_below(r, (uint32_t)(to - from + 1));
}
