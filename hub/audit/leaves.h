/* The log by the numbers of its leaves, as followers read it: what the sealer has numbered, in its
 * order, decrypted. */
#pragma once

#include "hub/base/err.h"
#include "hub/data/db.h"

struct audit_leaf {
    int64_t leaf;
    struct str record; /* JSON (hub/audit/record.h); STR_NONE: erased, archived, altered, or a
                          leaf that is no record */
};

/* The number that the next leaf will get. */
enum status audit_leaves_end(struct db *db, int64_t *end) MUST_CHECK;
/* Up to `most` leaves from `from` on, in order. Two flushes. */
enum status audit_leaves_read(struct db *db, struct arena *a, int64_t from, int most,
                              struct audit_leaf **out, size_t *count) MUST_CHECK;
