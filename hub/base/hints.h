/* What was found last, by key: small, bounded, shared by all threads, and never to be believed. Who
 * has a hint asks for what hangs on it together with what would tell it for certain, and throws it
 * away when that says otherwise. So a hint may be stale, lost, or another key's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* In place of what was there. size: 1 to HINT_BYTES. */
void hints_put(struct hints *h, uint64_t key, const void *value, size_t size);
void hints_drop(struct hints *h, uint64_t key);
/* False when there is none of this size. */
bool hints_get(struct hints *h, uint64_t key, void *value, size_t size);
