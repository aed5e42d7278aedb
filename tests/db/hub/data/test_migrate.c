/* hub/data/migrate against a real server: each case has a schema of its own. */
#include "hub/data/migrate.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "tests/support/suite.h"

struct bench {
    struct arena arena;
    struct errors err;
    struct db *db;
    char folder[64], conninfo[1024];
    int steps;
};

static const struct statement DROP = {"test_drop", "DROP SCHEMA IF EXISTS test_migrate CASCADE"};
static const struct statement CREATE = {"test_create", "CREATE SCHEMA test_migrate"};
static const struct statement COUNT_A = {"test_count_a", "SELECT count(*) FROM test_migrate.a"};

static void put(struct bench *t, const char *name, const char *sql)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", t->folder, name);
    f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(sql, f);
    fclose(f);
}

static bool set_up(struct bench *t)
{
    const char *conninfo = getenv("CAUSEWAY_TEST_DB");

    *t = (struct bench){.folder = "/tmp/causeway-migrate-XXXXXX"};
    if (conninfo == NULL) {
        skip("no PostgreSQL to test against (set CAUSEWAY_TEST_DB)");
        return false;
    }
    snprintf(t->conninfo, sizeof(t->conninfo), "%s options='-c search_path=test_migrate'",
             conninfo);
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    t->db = db_open(t->conninfo, "test_migrate", &t->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t->db);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(t->folder));
    db_attach(t->db, &t->arena, &t->err, 0);
    db_queue0(t->db, &DROP, NULL);
    db_queue0(t->db, &CREATE, NULL);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    put(t, "0001_a.sql", "CREATE TABLE a (i int); INSERT INTO a (i) VALUES (1);");
    put(t, "0003_b.sql", "INSERT INTO a (i) VALUES (2);");
    return true;
}

static void tear_down(struct bench *t)
{
    char command[128];

    db_queue0(t->db, &DROP, NULL);
    CU_ASSERT_EQUAL(db_flush(t->db), OK);
    snprintf(command, sizeof(command), "rm -r %s", t->folder);
    CU_ASSERT_EQUAL(system(command), 0);
    arena_dispose(&t->arena);
    db_close(t->db);
}

static void count_step(void *context, const struct migration *m)
{
    struct bench *t = context;

    (void)m;
    t->steps++;
}

static enum status migrate(struct bench *t)
{
    t->steps = 0;
    return migrate_run(t->conninfo, t->folder, &t->arena, count_step, t, &t->err);
}

static int64_t rows_of_a(struct bench *t)
{
    struct rows r;

    db_queue0(t->db, &COUNT_A, &r);
    CU_ASSERT_EQUAL(db_flush(t->db), OK);
    return r.count == 1 ? row_int(&r, 0, 0) : -1;
}

static bool said(const struct bench *t, struct str words)
{
    for (const struct failure *f = t->err.first; f != NULL; f = f->next)
        if (str_find_str(f->text, words) >= 0)
            return true;
    return false;
}

static void each_file_is_applied_once_in_order(void)
{
    struct bench t;
    struct migrations all;

    if (!set_up(&t))
        return;
    CU_ASSERT_EQUAL(migrate_list(t.db, &t.arena, t.folder, &all, &t.err), OK);
    CU_ASSERT_EQUAL(all.pending, 2);
    CU_ASSERT_EQUAL(migrate_check(t.db, &t.arena, t.folder, &t.err), INVALID);
    CU_ASSERT_EQUAL(migrate(&t), OK);
    CU_ASSERT_EQUAL(t.steps, 2);
    CU_ASSERT_EQUAL(rows_of_a(&t), 2);
    CU_ASSERT_EQUAL(migrate(&t), OK);
    CU_ASSERT_EQUAL(t.steps, 0);
    CU_ASSERT_EQUAL(rows_of_a(&t), 2);
    put(&t, "0004_c.sql", "INSERT INTO a (i) VALUES (3);");
    CU_ASSERT_EQUAL(migrate(&t), OK);
    CU_ASSERT_EQUAL(t.steps, 1);
    CU_ASSERT_EQUAL(migrate_check(t.db, &t.arena, t.folder, &t.err), OK);
    CU_ASSERT_EQUAL(migrate_list(t.db, &t.arena, t.folder, &all, &t.err), OK);
    CU_ASSERT_EQUAL_FATAL(all.count, 3);
    CU_ASSERT_EQUAL(all.items[1].version, 3);
    CHECK_STR(all.items[1].name, STR("b"));
    CU_ASSERT(all.items[1].state == MIGRATION_APPLIED && all.items[1].applied_at_us > 0);
    tear_down(&t);
}

static void a_changed_file_is_refused_by_name(void)
{
    struct bench t;
    struct migrations all;

    if (!set_up(&t))
        return;
    CU_ASSERT_EQUAL(migrate(&t), OK);
    put(&t, "0003_b.sql", "INSERT INTO a (i) VALUES (22);");
    CU_ASSERT_EQUAL(migrate(&t), INVALID);
    CU_ASSERT(said(&t, STR("0003_b.sql was changed")));
    CU_ASSERT_EQUAL(rows_of_a(&t), 2);
    CU_ASSERT_EQUAL(migrate_list(t.db, &t.arena, t.folder, &all, &t.err), INVALID);
    CU_ASSERT_EQUAL(all.items[1].state, MIGRATION_CHANGED);
    tear_down(&t);
}

static void a_migration_that_this_program_lacks_is_refused(void)
{
    struct bench t;
    struct migrations all;
    char path[128];

    if (!set_up(&t))
        return;
    CU_ASSERT_EQUAL(migrate(&t), OK);
    snprintf(path, sizeof(path), "%s/0003_b.sql", t.folder);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(migrate(&t), INVALID);
    CU_ASSERT(said(&t, STR("0003_b")));
    CU_ASSERT_EQUAL(migrate_list(t.db, &t.arena, t.folder, &all, &t.err), INVALID);
    CU_ASSERT_EQUAL(all.items[1].state, MIGRATION_UNKNOWN);
    tear_down(&t);
}

static void a_file_that_fails_leaves_nothing(void)
{
    struct bench t;
    struct migrations all;

    if (!set_up(&t))
        return;
    put(&t, "0003_b.sql", "INSERT INTO a (i) VALUES (2); INSERT INTO nowhere (i) VALUES (1);");
    CU_ASSERT_EQUAL(migrate(&t), UPSTREAM);
    CU_ASSERT(said(&t, STR("nowhere")));
    CU_ASSERT_EQUAL(rows_of_a(&t), 1);
    CU_ASSERT_EQUAL(migrate_list(t.db, &t.arena, t.folder, &all, &t.err), OK);
    CU_ASSERT_EQUAL(all.pending, 1);
    tear_down(&t);
}

static void a_file_may_not_end_its_transaction(void)
{
    struct bench t;

    if (!set_up(&t))
        return;
    put(&t, "0003_b.sql", "INSERT INTO a (i) VALUES (2); COMMIT;");
    CU_ASSERT_EQUAL(migrate(&t), INVALID);
    CU_ASSERT(said(&t, STR("transaction")));
    tear_down(&t);
}

static void names_that_are_not_numbered_are_refused(void)
{
    static const char *const bad[] = {"a.sql", "1_a.sql", "0000_a.sql", "0001_z.sql", "0002-a.sql"};
    struct bench t;
    char path[128];

    if (!set_up(&t))
        return;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(&t, bad[i], "SELECT 1;");
        CU_ASSERT_EQUAL(migrate(&t), INVALID);
        snprintf(path, sizeof(path), "%s/%s", t.folder, bad[i]);
        CU_ASSERT_EQUAL(unlink(path), 0);
    }
    CU_ASSERT_EQUAL(migrate(&t), OK);
    tear_down(&t);
}

struct migrator {
    pthread_t thread;
    struct bench *t;
    enum status status;
};

static void *migrate_beside(void *p)
{
    struct migrator *m = p;
    struct arena a;
    struct errors err;

    arena_init(&a);
    errors_init(&err, &a);
    m->status = migrate_run(m->t->conninfo, m->t->folder, &a, NULL, NULL, &err);
    arena_dispose(&a);
    return NULL;
}

static void concurrent_migrators_apply_each_file_once(void)
{
    struct migrator m[4];
    struct bench t;

    if (!set_up(&t))
        return;
    for (int i = 0; i < 4; i++) {
        m[i] = (struct migrator){.t = &t};
        CU_ASSERT_EQUAL(pthread_create(&m[i].thread, NULL, migrate_beside, &m[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(m[i].thread, NULL);
        CU_ASSERT_EQUAL(m[i].status, OK);
    }
    CU_ASSERT_EQUAL(rows_of_a(&t), 2);
    tear_down(&t);
}

SUITE(test_migrate, CASE(each_file_is_applied_once_in_order),
      CASE(a_changed_file_is_refused_by_name), CASE(a_migration_that_this_program_lacks_is_refused),
      CASE(a_file_that_fails_leaves_nothing), CASE(a_file_may_not_end_its_transaction),
      CASE(names_that_are_not_numbered_are_refused),
      CASE(concurrent_migrators_apply_each_file_once));
