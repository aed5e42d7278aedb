/* Bytes that gather in memory while they come in: a body, a part, an HL7 v2 message. They grow by
 * realloc, so that a large body is not copied over and over, and end with the arena. Whoever adds
 * checks the limit first. One thread at a time. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

struct gather {
    char *p;
    size_t n, capacity;
};

struct gather *gather_new(struct arena *a);
void gather_add(struct gather *g, struct str bytes);
struct str gather_str(const struct gather *g); /* valid until the next add, or the arena's end */
