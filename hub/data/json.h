/* JSON in: jansson, with what a client controls capped before it parses.
 *
 * A key twice in an object is refused: two readers of one text must not take different ones. The
 * tree ends with the arena; strings taken from it borrow from it. No global state; a tree belongs
 * to the thread that owns its arena. */
#pragma once

#include <jansson.h>

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/str.h"

struct json_limits {
    size_t max_bytes;
    int max_depth; /* of objects and arrays */
};

/* OK with the tree in *root, whatever it is; else INVALID with `code`, the line and the reason. */
enum status json_read(struct arena *a, struct str bytes, const struct json_limits *limits,
                      const char *code, struct errors *err, json_t **root) MUST_CHECK;

/* The string's bytes; STR_NONE for what is no string. */
struct str json_str(const json_t *value);
struct str json_member(const json_t *object, const char *name); /* the same of a member */
