#include "consent/policy_row.h"

/* Whatever is not the word "permit" denies. */
static enum consent_effect row_effect(const struct rows *rows, int row, int column)
{
    return str_eq(row_text(rows, row, column), STR("permit")) ? CONSENT_PERMIT : CONSENT_DENY;
}

int64_t consent_row_time(const struct rows *rows, int row, int column, int64_t open)
{
    return row_null(rows, row, column) ? open : row_time(rows, row, column);
}

struct consent_policy consent_policy_row(struct arena *a, const struct rows *rows, int row)
{
    struct consent_policy p = {
        .person = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .id = row_uuid(rows, row, 2),
        .version = row_int(rows, row, 3),
        .effect = row_effect(rows, row, 4),
        .member_id = row_int(rows, row, 5),
        .valid_from_us = consent_row_time(rows, row, 6, INT64_MIN),
        .valid_until_us = consent_row_time(rows, row, 7, INT64_MAX),
    };
    struct consent_rule *rule;
    struct errors err;

    if (row_null(rows, row, 8))
        return p;
    errors_init(&err, a);
    rule = ARENA_NEW(a, struct consent_rule);
    p.unreadable = consent_rule_read(a, row_text(rows, row, 8), rule, &err) != OK;
    p.rules = p.unreadable ? NULL : rule;
    return p;
}
