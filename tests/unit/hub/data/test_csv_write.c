#include "hub/data/csv_write.h"

#include "hub/base/arena.h"
#include "hub/data/csv.h"
#include "tests/support/suite.h"

static struct str written(struct arena *a, struct str field)
{
    struct strbuf b = strbuf_on(a, 64);

    csv_field_add(&b, field);
    return strbuf_str(&b);
}

static void what_a_spreadsheet_would_run_gets_an_apostrophe(void)
{
    static const char *const harm[] = {"=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1"};
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
        struct str w = written(&a, str_from(harm[i]));

        CU_ASSERT(w.p[0] == '\'' || (w.p[0] == '"' && w.p[1] == '\''));
    }
    CHECK_STR(written(&a, STR("1=1")), STR("1=1"));
    arena_dispose(&a);
}

static void what_was_written_reads_back(void)
{
    static const char *const fields[] = {"",          "plain",      "a,b",
                                         "say \"x\"", "two\nlines", "semi;colon"};
    enum { N = sizeof(fields) / sizeof(fields[0]) };
    struct arena a;
    struct strbuf b;
    struct csv_rows rows;
    struct str got[N];
    size_t count;

    arena_init(&a);
    b = strbuf_on(&a, 64);
    for (size_t i = 0; i < N; i++)
        csv_field_add(&b, str_from(fields[i]));
    csv_line_end(&b);
    rows = (struct csv_rows){.p = b.p, .end = b.p + b.n, .separator = ',', .line = 1};
    CU_ASSERT(csv_row(&rows, got, N, &count) == CSV_ROW && count == N);
    for (size_t i = 0; i < N; i++)
        CHECK_STR(got[i], str_from(fields[i]));
    arena_dispose(&a);
}

SUITE(test_csv_write, CASE(what_a_spreadsheet_would_run_gets_an_apostrophe),
      CASE(what_was_written_reads_back));
