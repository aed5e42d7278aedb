#include "hub/base/hints.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "hub/base/err.h"

static unsigned char secret[crypto_shorthash_KEYBYTES];

static void draw_secret(void)
{
    crypto_shorthash_keygen(secret);
}

static uint64_t hash(const void *p, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint64_t h;

    _Static_assert(sizeof(h) == crypto_shorthash_BYTES, "a key is a whole hash");
    pthread_once(&once, draw_secret);
    crypto_shorthash((unsigned char *)&h, p, n, secret);
    return h;
}

uint64_t hints_hash(struct str words)
{
    return hash(words.p, words.n);
}

uint64_t hints_key(uint64_t whose, uint64_t id)
{
    const uint64_t both[] = {whose, id};

    return hash(both, sizeof(both));
}

static struct hint_slot *take(struct hints *h, uint64_t key)
{
    struct hint_slot *slot = &h->slots[key * 0x9e3779b97f4a7c15u >> (64 - HINT_BITS)];

    return __atomic_exchange_n(&slot->taken, 1, __ATOMIC_ACQUIRE) == 0 ? slot : NULL;
}

static void give_back(struct hint_slot *slot)
{
    __atomic_store_n(&slot->taken, 0, __ATOMIC_RELEASE);
}

void hints_put(struct hints *h, uint64_t key, const void *value, size_t size)
{
    struct hint_slot *slot;

    must(size > 0 && size <= HINT_BYTES, "a hint of a size that no slot has");
    slot = take(h, key);
    if (slot == NULL)
        return;
    slot->key = key;
    slot->size = (unsigned)size;
    memcpy(slot->value, value, size);
    give_back(slot);
}

void hints_drop(struct hints *h, uint64_t key)
{
    struct hint_slot *slot = take(h, key);

    if (slot == NULL)
        return;
    if (slot->key == key)
        slot->size = 0;
    give_back(slot);
}

bool hints_get(struct hints *h, uint64_t key, void *value, size_t size)
{
    struct hint_slot *slot = take(h, key);
    bool found;

    if (slot == NULL)
        return false;
    found = slot->size == size && slot->key == key;
    if (found)
        memcpy(value, slot->value, size);
    give_back(slot);
    return found;
}
