/* gateway/prune against a real server: what goes, what stays, and who does it. */
#include "gateway/prune.h"

#include "tests/db/mpi/bench.h"

static const char CORRELATIONS[] = "SELECT count(*) FROM community_correlation WHERE $1 = 1";
static const char PATIENTS[] = "SELECT count(*) FROM community_patient WHERE $1 = 1";
static const char DOCUMENTS[] = "SELECT count(*) FROM community_document WHERE $1 = 1";

static const struct statement EMPTY[] = {
    {"test_no_correlations", "DELETE FROM community_correlation"},
    {"test_no_patients", "DELETE FROM community_patient"},
    {"test_no_documents", "DELETE FROM community_document"},
    {"test_due", "UPDATE community_chore SET due_at = '-infinity'"},
};

/* As many of each, out of date for so many hours. */
static const struct statement ADD[] = {
    {"test_correlations", "INSERT INTO community_correlation"
                          " SELECT $1, n, 7, '1.2', n::text, now() - interval '9 days', now() - "
                          "make_interval(hours => $2)"
                          "   FROM generate_series(1, $3) AS n"},
    {"test_patients", "INSERT INTO community_patient"
                      " SELECT $1, 7, '1.2', n::text, 1, n, now() - make_interval(hours => $2)"
                      "   FROM generate_series(1, $3) AS n"},
    {"test_documents",
     "INSERT INTO community_document"
     " SELECT $1, 7, n::text, 1, n, '<e/>', now() - make_interval(hours => $2 + 24)"
     "   FROM generate_series(1, $3) AS n"},
};

static bool open_empty(struct bench *t)
{
    if (!bench_open(t, "hub"))
        return false;
    bench_begin(t);
    for (size_t i = 0; i < sizeof(EMPTY) / sizeof(EMPTY[0]); i++)
        db_queue0(t->db, &EMPTY[i], NULL);
    CU_ASSERT_EQUAL_FATAL(db_commit(t->db), OK);
    t->config.community_memory_days = 2;
    return true;
}

static void add(struct bench *t, int64_t place, int hours, int count)
{
    db_begin(t->db, READ_COMMITTED);
    for (size_t i = 0; i < sizeof(ADD) / sizeof(ADD[0]); i++)
        db_queue(t->db, &ADD[i], NULL, DB_INT8(place), DB_INT4(hours), DB_INT4(count));
    CU_ASSERT_EQUAL_FATAL(db_commit(t->db), OK);
}

static void count_is(struct bench *t, int64_t n)
{
    CU_ASSERT_EQUAL(number(t, "test_count_correlations", CORRELATIONS, 1), n);
    CU_ASSERT_EQUAL(number(t, "test_count_patients", PATIENTS, 1), n);
    CU_ASSERT_EQUAL(number(t, "test_count_documents", DOCUMENTS, 1), n);
    db_rollback(t->db);
}

static void what_is_out_of_date_for_longer_than_the_setting_says_goes_and_nothing_else(void)
{
    struct bench t;
    bool more;

    if (!open_empty(&t))
        return;
    add(&t, 1, 49, 3);
    add(&t, 2, 47, 4);
    add(&t, 3, -1, 5);
    CU_ASSERT_EQUAL(gateway_prune(&t.config, t.db, &more), OK);
    CU_ASSERT_FALSE(more);
    count_is(&t, 9);
    bench_close(&t);
}

static void one_turn_takes_a_bounded_number_and_the_next_turn_goes_on(void)
{
    struct bench t;
    bool more;

    if (!open_empty(&t))
        return;
    add(&t, 1, 49, 700);
    CU_ASSERT_EQUAL(gateway_prune(&t.config, t.db, &more), OK);
    CU_ASSERT_TRUE(more);
    count_is(&t, 200);
    CU_ASSERT_EQUAL(gateway_prune(&t.config, t.db, &more), OK);
    CU_ASSERT_FALSE(more);
    count_is(&t, 0);
    add(&t, 1, 49, 1);
    CU_ASSERT_EQUAL(gateway_prune(&t.config, t.db, &more), OK); /* it has just been done */
    count_is(&t, 1);
    bench_close(&t);
}

static void nobody_prunes_while_another_hub_is_at_it(void)
{
    static const struct statement LEASE = {
        "test_lease", "SELECT 1 FROM community_chore WHERE name = 'prune' FOR UPDATE"};
    struct bench t, other;
    struct rows lease;
    bool more;

    if (!open_empty(&t) || !bench_open(&other, "hub"))
        return;
    add(&t, 1, 49, 1);
    bench_begin(&other);
    db_queue0(other.db, &LEASE, &lease);
    CU_ASSERT_EQUAL_FATAL(db_flush(other.db), OK);
    CU_ASSERT_EQUAL(gateway_prune(&t.config, t.db, &more), OK);
    CU_ASSERT_FALSE(more);
    count_is(&t, 1);
    db_rollback(other.db);
    CU_ASSERT_EQUAL(gateway_prune(&t.config, t.db, &more), OK);
    count_is(&t, 0);
    bench_close(&other);
    bench_close(&t);
}

SUITE(test_prune, CASE(what_is_out_of_date_for_longer_than_the_setting_says_goes_and_nothing_else),
      CASE(one_turn_takes_a_bounded_number_and_the_next_turn_goes_on),
      CASE(nobody_prunes_while_another_hub_is_at_it));
