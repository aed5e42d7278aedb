#include "hub/base/pair_index.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "hub/base/arena.h"
#include "hub/base/err.h"

enum { SLOTS_LEAST = 8 };

static unsigned char secret[crypto_shorthash_siphashx24_KEYBYTES];
static pthread_once_t secret_made = PTHREAD_ONCE_INIT;

static void make_secret(void)
{
    randombytes_buf(secret, sizeof(secret));
}

/* Keys may be chosen by whoever sends them: where they fall is nobody's to know. */
static size_t slot_of(const struct pair_index *x, int64_t one, int64_t other)
{
    int64_t pair[2] = {one, other};
    uint64_t mixed;
    size_t i;

    _Static_assert(sizeof(mixed) == crypto_shorthash_BYTES, "a hash is a number");
    crypto_shorthash((unsigned char *)&mixed, (const unsigned char *)pair, sizeof(pair), secret);
    i = (size_t)mixed & (x->slot_count - 1);
    while (x->slots[i].number != 0 && (x->slots[i].one != one || x->slots[i].other != other))
        i = (i + 1) & (x->slot_count - 1);
    return i;
}

static void grow(struct pair_index *x, size_t slots)
{
    struct pair_index old = *x;

    must(pthread_once(&secret_made, make_secret) == 0, "pthread_once");
    x->slot_count = slots;
    x->slots = ARENA_ARRAY(x->arena, slots, struct pair_slot);
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].number != 0)
            x->slots[slot_of(x, old.slots[i].one, old.slots[i].other)] = old.slots[i];
}

struct pair_index pair_index_on(struct arena *a, size_t count)
{
    struct pair_index x = {.arena = a};
    size_t slots = SLOTS_LEAST;

    while (slots < 2 * count)
        slots *= 2;
    grow(&x, slots);
    return x;
}

size_t pair_index_put(struct pair_index *x, int64_t one, int64_t other, size_t number)
{
    struct pair_slot *slot;

    if (2 * (x->n + 1) > x->slot_count)
        grow(x, 2 * x->slot_count);
    slot = &x->slots[slot_of(x, one, other)];
    if (slot->number != 0)
        return slot->number - 1;
    *slot = (struct pair_slot){one, other, number + 1};
    x->n++;
    return number;
}

size_t pair_index_find(const struct pair_index *x, int64_t one, int64_t other)
{
    return x->n == 0 ? PAIR_NONE : x->slots[slot_of(x, one, other)].number - 1;
}

static void halves(struct uuid uuid, int64_t *high, int64_t *low)
{
    memcpy(high, uuid.b, 8);
    memcpy(low, uuid.b + 8, 8);
}

size_t pair_index_put_uuid(struct pair_index *x, struct uuid uuid, size_t number)
{
    int64_t high, low;

    halves(uuid, &high, &low);
    return pair_index_put(x, high, low, number);
}

size_t pair_index_find_uuid(const struct pair_index *x, struct uuid uuid)
{
    int64_t high, low;

    halves(uuid, &high, &low);
    return pair_index_find(x, high, low);
}

static void digest_of(struct str text, int64_t *high, int64_t *low)
{
    unsigned char digest[crypto_shorthash_siphashx24_BYTES];

    crypto_shorthash_siphashx24(digest, (const unsigned char *)text.p, text.n, secret);
    memcpy(high, digest, 8);
    memcpy(low, digest + 8, 8);
}

size_t pair_index_put_text(struct pair_index *x, struct str text, size_t number)
{
    int64_t high, low;

    digest_of(text, &high, &low);
    return pair_index_put(x, high, low, number);
}

size_t pair_index_find_text(const struct pair_index *x, struct str text)
{
    int64_t high, low;

    digest_of(text, &high, &low);
    return pair_index_find(x, high, low);
}
