#include "mpi/batch/truth.h"

#include "tests/support/suite.h"

static struct str entity(const char *rule, const char *value)
{
    static struct arena arena;
    struct errors err;
    struct truth_rule t;
    struct str out;

    arena_dispose(&arena);
    arena_init(&arena);
    errors_init(&err, &arena);
    if (truth_rule_parse(rule, &arena, &t, &err) != OK)
        return STR("refused");
    out = str_dup(&arena, truth_entity(&t, &arena, str_from(value)));
    regfree(&t.regex);
    return out;
}

static void the_first_group_is_the_entity(void)
{
    CHECK_STR(entity("^rec-([0-9]+)- on rec_id", "rec-17-dup-0"), STR("17"));
    CHECK_STR(entity("rec-(\\d+)-(org|dup) on rec_id", "rec-17-org"), STR("17"));
    CHECK_STR(entity("^(?:rec|row)-(\\d+) on rec_id", "row-5-x"), STR("5"));
    CHECK_STR(entity("[\\d]+ on x", "a12b"), STR("12"));
    CHECK_STR(entity("^rec-([0-9]+)- on rec_id", "org-17"), STR_NONE);
}

static void a_rule_names_its_column(void)
{
    CHECK_STR(entity("^rec-", "x"), STR("refused"));
    CHECK_STR(entity("( on x", "x"), STR("refused"));
}

SUITE(test_truth, CASE(the_first_group_is_the_entity), CASE(a_rule_names_its_column));
