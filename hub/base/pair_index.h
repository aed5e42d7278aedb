/* Finds a number by a pair of numbers: people, places, UUIDs and texts among many, by one look
 * instead of one comparison with each. Lists that a client makes long are searched so; hashes are
 * keyed by a secret of the process, so that it cannot choose keys that fall together. A zeroed
 * index is empty and finds nothing. Memory of the arena; one thread. */
#pragma once

#include <stdint.h>

#include "hub/base/uuid.h"

#define PAIR_NONE SIZE_MAX

struct pair_index {
    struct arena *arena;
    struct pair_slot {
        int64_t one, other;
        size_t number; /* plus one; 0: free */
    } * slots;
    size_t slot_count, n;
};

/* With room for so many; it grows. */
struct pair_index pair_index_on(struct arena *a, size_t count);

/* The number that is there already, or `number`, which is there from now on. */
size_t pair_index_put(struct pair_index *x, int64_t one, int64_t other, size_t number);
size_t pair_index_find(const struct pair_index *x, int64_t one, int64_t other); /* or PAIR_NONE */

/* The same by UUID. */
size_t pair_index_put_uuid(struct pair_index *x, struct uuid uuid, size_t number);
size_t pair_index_find_uuid(const struct pair_index *x, struct uuid uuid);

/* The same by a text, in an index of texts alone, which keeps of each 128 bits under the secret. */
size_t pair_index_put_text(struct pair_index *x, struct str text, size_t number);
size_t pair_index_find_text(const struct pair_index *x, struct str text);
