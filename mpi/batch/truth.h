/* Which records are of one person, as the one who evaluates knows it: by a column, by a rule over
 * a column, or by a list of pairs. */
#pragma once

#include <regex.h>

#include "hub/base/arena.h"
#include "hub/base/err.h"

struct truth_rule {
    struct str column; /* whose value, or the part of it that matches, is the entity */
    bool by_regex;
    regex_t regex;
    size_t group;      /* of the regex: its first capturing one, or the whole */
    const char *pairs; /* a CSV of pairs instead, or NULL */
};

/* 'REGEX on COLUMN', the regex a POSIX extended one, with \d, \D and (?:...) as well. */
enum status truth_rule_parse(const char *text, struct arena *a, struct truth_rule *out,
                             struct errors *err) MUST_CHECK;
/* The entity that a value of the column names; empty: none. */
struct str truth_entity(const struct truth_rule *t, struct arena *a, struct str value);
