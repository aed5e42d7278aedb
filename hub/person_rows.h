/* Places and persons in statements: a list of them is two arrays of bigint, side by side, which
 * SQL puts together again with unnest($1, $2). Memory of the arena; it lives until the flush. */
#pragma once

#include "hub/data/db.h"
#include "hub/person.h"

struct pairs {
    struct db_value pkeys, numbers; /* numbers: record_id, or person_id */
};

struct pairs pairs_of_places(struct arena *a, const struct place *places, size_t count);
struct pairs pairs_of_persons(struct arena *a, const struct person_ref *persons, size_t count);

/* The lists of two columns, `column` and the next, which must be of one length. */
struct place *row_places(struct arena *a, const struct rows *rows, int row, int column,
                         size_t *count);
struct person_ref *row_persons(struct arena *a, const struct rows *rows, int row, int column,
                               size_t *count);
