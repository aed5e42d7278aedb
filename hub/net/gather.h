/* Bytes that gather in memory while they come in: a body, a part, an HL7 v2 message. They grow by
 * realloc, so that a large body is not copied over and over, and end with the arena. Whoever adds
 * checks the limit first; the capacity is counted in the holding it was made with, and stays
 * counted until whoever owns that releases it. One thread at a time. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"
#include "hub/net/budget.h"

struct gather {
    char *p;
    size_t n, capacity;
    struct holding *memory;
};

struct gather *gather_new(struct arena *a, struct holding *memory); /* NULL: no budget */
/* False when the budget has no room for them: then all that had gathered is gone. */
bool gather_add(struct gather *g, struct str bytes) MUST_CHECK;
struct str gather_str(const struct gather *g); /* valid until the next add, or the arena's end */
