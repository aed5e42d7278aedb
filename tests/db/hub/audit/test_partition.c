/* The months of the audit log: made ahead, by whoever comes first. */
#include "hub/audit/partition.h"

#include <pthread.h>

#include "tests/db/hub/bench.h"

#define DATABASE "causeway_test_partition"

/* Takes the last month of both tables away, as if time had passed. */
static void lose_a_month(struct bench *t, struct db *owner)
{
    static const char DROP[] = "DO $$ BEGIN"
                               " EXECUTE format('DROP TABLE audit_event_%s, audit_search_%s',"
                               "  to_char(audit_partitions_end() - interval '1 month', 'YYYY_MM'),"
                               "  to_char(audit_partitions_end() - interval '1 month', 'YYYY_MM'));"
                               " END $$";

    CU_ASSERT_EQUAL_FATAL(bench_run(t, owner, DROP), OK);
}

static void migration_makes_three_months_ahead(void)
{
    struct bench t;
    int64_t end, made;

    if (!bench_open(&t, DATABASE))
        return;
    CU_ASSERT_EQUAL(audit_partitions_end(t.db, &end), OK);
    CU_ASSERT(end > clock_now_us() + 89 * 86400 * US_PER_SECOND);
    CU_ASSERT(end < clock_now_us() + 124 * 86400 * US_PER_SECOND);
    CU_ASSERT_EQUAL(audit_partitions_make(t.db, &made), OK);
    CU_ASSERT_EQUAL(made, 0);
    bench_close(&t);
}

static void the_hub_makes_what_is_missing_without_owning_it(void)
{
    struct bench t;
    struct db *owner;
    int64_t before, now, made;

    if (!bench_open(&t, DATABASE))
        return;
    owner = bench_connect(&t, DATABASE, "causeway_owner");
    CU_ASSERT_EQUAL(audit_partitions_end(t.db, &before), OK);
    lose_a_month(&t, owner);
    CU_ASSERT_EQUAL(audit_partitions_end(t.db, &now), OK);
    CU_ASSERT(now < before);
    CU_ASSERT_EQUAL(audit_partitions_make(t.db, &made), OK);
    CU_ASSERT_EQUAL(made, 2);
    CU_ASSERT_EQUAL(audit_partitions_end(t.db, &now), OK);
    CU_ASSERT_EQUAL(now, before);
    CU_ASSERT_EQUAL(bench_number(&t, owner,
                                 "SELECT count(*) FROM pg_inherits"
                                 " JOIN pg_class c ON c.oid = inhrelid"
                                 " WHERE c.relname LIKE 'audit_event_2%'"
                                 " AND c.relowner <> 'causeway_owner'::regrole"),
                    0);
    db_close(owner);
    bench_close(&t);
}

struct maker {
    struct bench bench;
    pthread_t thread;
    enum status status;
    int64_t made;
};

static void *make(void *p)
{
    struct maker *m = p;

    m->status = audit_partitions_make(m->bench.db, &m->made);
    return NULL;
}

static void hubs_that_make_at_once_do_not_hinder_each_other(void)
{
    struct maker makers[4];
    struct bench t;
    struct db *owner;
    int64_t made = 0;

    if (!bench_open(&t, DATABASE))
        return;
    owner = bench_connect(&t, DATABASE, "causeway_owner");
    lose_a_month(&t, owner);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_TRUE_FATAL(bench_open(&makers[i].bench, DATABASE));
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(pthread_create(&makers[i].thread, NULL, make, &makers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(makers[i].thread, NULL);
        CU_ASSERT_EQUAL(makers[i].status, OK);
        made += makers[i].made;
        bench_close(&makers[i].bench);
    }
    CU_ASSERT_EQUAL(made, 2);
    db_close(owner);
    bench_close(&t);
}

static void only_the_whole_may_be_asked_for(void)
{
    struct bench t;

    if (!bench_open(&t, DATABASE))
        return;
    CU_ASSERT_EQUAL(bench_run(&t, t.db, "SELECT audit_make_partition('audit_event', now())"),
                    INTERNAL);
    bench_close(&t);
}

SUITE(test_partition, CASE(migration_makes_three_months_ahead),
      CASE(the_hub_makes_what_is_missing_without_owning_it),
      CASE(hubs_that_make_at_once_do_not_hinder_each_other), CASE(only_the_whole_may_be_asked_for));
