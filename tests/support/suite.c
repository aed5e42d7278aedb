#include "tests/support/suite.h"

#include <CUnit/TestRun.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned skipped;

static bool wanted(const char *suite, const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr(suite, argv[i]) != NULL || strstr(name, argv[i]) != NULL)
            return true;
    return argc < 2;
}

static void add(const struct test_suite *s, int argc, char **argv)
{
    CU_pSuite suite = NULL;

    for (const struct test_case *c = s->cases; c->name != NULL; c++) {
        if (!wanted(s->name, c->name, argc, argv))
            continue;
        if (suite == NULL)
            suite = CU_add_suite(s->name, NULL, NULL);
        if (suite == NULL || CU_add_test(suite, c->name, c->run) == NULL)
            abort();
    }
}

static void report(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
    for (CU_pFailureRecord f = failure; f != NULL; f = f->pNext)
        fprintf(stderr, "FAIL %s/%s %s:%u: %s\n", suite->pName, test->pName, f->strFileName,
                f->uiLineNumber, f->strCondition);
}

int suites_run(const struct test_suite *const *suites, int argc, char **argv)
{
    unsigned failed, run;

    if (sodium_init() < 0 || CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    for (; *suites != NULL; suites++)
        add(*suites, argc, argv);
    CU_set_test_complete_handler(report);
    if (CU_run_all_tests() != CUE_SUCCESS)
        return 2;
    run = CU_get_number_of_tests_run();
    failed = CU_get_number_of_tests_failed();
    printf("%u passed, %u failed, %u skipped\n", run - failed - skipped, failed, skipped);
    CU_cleanup_registry();
    return failed > 0 ? 1 : 0;
}

void skip(const char *why)
{
    const char *ci = getenv("CI");

    if (ci != NULL && strcmp(ci, "true") == 0) {
        CU_assertImplementation(CU_FALSE, __LINE__, why, __FILE__, "", CU_FALSE);
        return;
    }
    printf("SKIP %s: %s\n", CU_get_current_test()->pName, why);
    skipped++;
}

void check_str_eq(struct str got, struct str expected, const char *file, int line)
{
    bool same = str_eq(got, expected);

    if (!same)
        fprintf(stderr, "%s:%d: got \"%.*s\"\n        wanted \"%.*s\"\n", file, line, STR_ARG(got),
                STR_ARG(expected));
    CU_assertImplementation(same, (unsigned)line, "strings differ", file, "", CU_FALSE);
}

const char *test_data(const char *path)
{
    static char full[4096];
    const char *root = getenv("CAUSEWAY_DATA");

    snprintf(full, sizeof(full), "%s/%s", root ? root : "../shared/data", path);
    if (access(full, R_OK) == 0)
        return full;
    skip("test data is not at hand (set CAUSEWAY_DATA)");
    return NULL;
}
