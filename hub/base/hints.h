/* What was found last, by key: small, bounded, shared by all threads, and never to be believed. Who
 * has a hint asks for what hangs on it together with what would tell it for certain, and throws it
 * away when that says otherwise. So a hint may be stale, lost, or another key's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/base/str.h"

enum { HINT_BITS = 16, HINT_SLOTS = 1 << HINT_BITS, HINT_BYTES = 112 };

/* 8 MiB, static, all zero: memory that is touched as it fills. */
struct hints {
    struct hint_slot {
        unsigned taken; /* by a thread: others do without */
        unsigned size;  /* 0: empty */
        uint64_t key;
        unsigned char value[HINT_BYTES];
    } slots[HINT_SLOTS];
};

/* Words as a number, and the key of something about an id that is kept for somebody alone. Hashed
 * with a secret of this process, so that nobody can tell which keys share a slot, and find out what
 * is kept by what it pushes out. */
uint64_t hints_hash(struct str words);
uint64_t hints_key(uint64_t whose, uint64_t id);

/* In place of what was there. size: 1 to HINT_BYTES. */
void hints_put(struct hints *h, uint64_t key, const void *value, size_t size);
void hints_drop(struct hints *h, uint64_t key);
/* False when there is none of this size. */
bool hints_get(struct hints *h, uint64_t key, void *value, size_t size);
