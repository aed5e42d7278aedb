/* A policy's row, as every statement that reads policies selects it. */
#pragma once

#include "consent/consent.h"

#define POLICY_COLUMNS                                                                             \
    "pkey, person_id, policy_id, version, effect, member_id, valid_from, valid_until, rules"

/* By pairs: two arrays side by side would try every combination of place and person. */
#define OF_PERSONS                                                                                 \
    "(pkey, person_id) IN ("                                                                       \
    "       SELECT place, person"                                                                  \
    "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, person))"

/* Of POLICY_COLUMNS from the first column on. Rules that cannot be read deny: they were written by
 * a newer hub, or by hand. */
struct consent_policy consent_policy_row(struct arena *a, const struct rows *rows, int row);

/* A time, or `open` where there is none. */
int64_t consent_row_time(const struct rows *rows, int row, int column, int64_t open);
