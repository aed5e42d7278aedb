#include "hub/net/guard.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"

enum { SLOTS = 16384, IPV6_NETWORK = 8 };

static const struct bucket_rate TOLD = {1, 1};

struct slot {
    struct bucket begun, told;
    int under_way;
};

struct guard {
    struct guard_limits limits;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    pthread_mutex_t lock; /* for all below */
    struct slot slots[SLOTS];
};

struct guard *guard_new(const struct guard_limits *limits)
{
    struct guard *g = calloc(1, sizeof(*g));

    must(g != NULL, "out of memory");
    g->limits = *limits;
    randombytes_buf(g->secret, sizeof(g->secret));
    pthread_mutex_init(&g->lock, NULL);
    return g;
}

void guard_free(struct guard *g)
{
    pthread_mutex_destroy(&g->lock);
    free(g);
}

static int slot_of(const struct guard *g, const struct sockaddr_storage *from)
{
    unsigned char hash[crypto_shorthash_BYTES];
    unsigned char key[IPV6_NETWORK] = {0};
    struct sockaddr_in6 in6;
    struct sockaddr_in in4;
    uint32_t number;

    memcpy(&in6, from, sizeof(in6));
    memcpy(&in4, from, sizeof(in4));
    if (from->ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
        memcpy(key, &in6.sin6_addr, IPV6_NETWORK);
    else if (from->ss_family == AF_INET6)
        memcpy(key, in6.sin6_addr.s6_addr + 12, 4);
    else
        memcpy(key, &in4.sin_addr, 4);
    crypto_shorthash(hash, key, sizeof(key), g->secret);
    memcpy(&number, hash, sizeof(number));
    return (int)(number % SLOTS);
}

enum guard_word guard_enter(struct guard *g, const struct sockaddr_storage *from, int64_t now_us,
                            int *slot)
{
    struct slot *s = &g->slots[slot_of(g, from)];
    enum guard_word word = GUARD_ADMITTED;

    pthread_mutex_lock(&g->lock);
    if ((g->limits.under_way > 0 && s->under_way >= g->limits.under_way) ||
        !bucket_take(&s->begun, now_us, g->limits.rate))
        word = bucket_take(&s->told, now_us, TOLD) ? GUARD_REFUSED : GUARD_REFUSED_AGAIN;
    else
        s->under_way++;
    pthread_mutex_unlock(&g->lock);
    *slot = word == GUARD_ADMITTED ? (int)(s - g->slots) : -1;
    return word;
}

void guard_leave(struct guard *g, int slot)
{
    pthread_mutex_lock(&g->lock);
    must(g->slots[slot].under_way > 0, "who leaves has entered");
    g->slots[slot].under_way--;
    pthread_mutex_unlock(&g->lock);
}
