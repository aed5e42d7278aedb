/* CUnit, worn lightly: one program a room, one suite a file, one case a rule.
 *
 *     static void refuses_a_second_host(void) { CU_ASSERT(...); }
 *     SUITE(test_http1, CASE(refuses_a_second_host), CASE(...));
 *
 * The suite's name is the file's. The program takes names as arguments (suite or case, a part is
 * enough) and runs those only; it closes with 'N passed, N failed, N skipped'. */
#pragma once

#include <CUnit/CUnit.h>

#include "hub/base/str.h"

struct test_case {
    const char *name;
    void (*run)(void);
};

struct test_suite {
    const char *name;
    const struct test_case *cases; /* ends with a NULL name */
};

#define CASE(function)                                                                             \
    {                                                                                              \
#function, function                                                                        \
    }
#define SUITE(file, ...)                                                                           \
    static const struct test_case cases_[] = {__VA_ARGS__, {NULL, NULL}};                          \
    extern const struct test_suite suite_##file;                                                   \
    const struct test_suite suite_##file = {#file, cases_}

int suites_run(const struct test_suite *const *suites, int argc, char **argv);

/* Counts the running case as skipped and says why. With CI=true it counts as failed instead. */
void skip(const char *why);

/* Fails with both values printed. */
void check_str_eq(struct str got, struct str wanted, const char *file, int line);
#define CHECK_STR(got, wanted) check_str_eq((got), (wanted), __FILE__, __LINE__)

/* $CAUSEWAY_DATA/<path>, or NULL (after skip) where the test data is not at hand. */
const char *test_data(const char *path);
