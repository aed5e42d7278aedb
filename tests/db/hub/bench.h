/* A database with the real migrations and the real roles, for the tests of hub/: one a program,
 * made by its first case. Tests work as causeway_hub unless they say otherwise. */
#pragma once

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/base/clock.h"
#include "hub/data/db.h"
#include "hub/data/migrate.h"
#include "tests/support/suite.h"

struct bench {
    struct arena arena;
    struct errors err;
    struct db *db; /* as causeway_hub */
};

/* The connection of $CAUSEWAY_TEST_DB, to another database and in another role. */
static inline const char *bench_conninfo(struct bench *t, const char *database, const char *role)
{
    return str_printf(&t->arena, "%s dbname=%s options='-c role=%s'", getenv("CAUSEWAY_TEST_DB"),
                      database, role)
        .p;
}

static inline void bench_again(struct bench *t, struct db *db)
{
    db_rollback(db);
    errors_init(&t->err, &t->arena);
    db_attach(db, &t->arena, &t->err, clock_monotonic_us() + 60 * US_PER_SECOND);
}

/* A statement is prepared by its name, so each of a test's own has another. */
static inline const struct statement *bench_statement(struct bench *t, const char *sql)
{
    static int count;
    struct statement *s = ARENA_NEW(&t->arena, struct statement);

    *s = (struct statement){str_printf(&t->arena, "test_%d", count++).p, sql};
    return s;
}

/* Runs constant SQL and commits it. */
static inline enum status bench_run(struct bench *t, struct db *db, const char *sql)
{
    enum status status;

    bench_again(t, db);
    db_queue0(db, bench_statement(t, sql), NULL);
    status = db_flush(db);
    bench_again(t, db);
    return status;
}

static inline int64_t bench_number(struct bench *t, struct db *db, const char *sql)
{
    struct rows rows;

    bench_again(t, db);
    db_queue0(db, bench_statement(t, sql), &rows);
    CU_ASSERT_EQUAL_FATAL(db_flush(db), OK);
    return row_int(&rows, 0, 0);
}

static inline void bench_database(struct bench *t, const char *database)
{
    static const char *const roles[] = {"causeway_owner", "causeway_hub", "causeway_seal"};
    struct db *db = db_open(getenv("CAUSEWAY_TEST_DB"), "test", &t->err);
    struct arena *a = &t->arena;
    enum status migrated;

    CU_ASSERT_PTR_NOT_NULL_FATAL(db);
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        CU_ASSERT_EQUAL(bench_run(t, db,
                                  str_printf(a,
                                             "DO $$ BEGIN CREATE ROLE %s; EXCEPTION WHEN "
                                             "duplicate_object THEN NULL; END $$",
                                             roles[i])
                                      .p),
                        OK);
    CU_ASSERT_EQUAL(bench_run(t, db, str_printf(a, "DROP DATABASE IF EXISTS %s", database).p), OK);
    CU_ASSERT_EQUAL(bench_run(t, db,
                              str_printf(a, "CREATE DATABASE %s OWNER causeway_owner", database).p),
                    OK);
    db_close(db);
    migrated = migrate_run(bench_conninfo(t, database, "causeway_owner"), migrate_directory(""), a,
                           NULL, NULL, &t->err);
    if (migrated != OK && t->err.first != NULL)
        fprintf(stderr, "%.*s\n", STR_ARG(t->err.first->text));
    CU_ASSERT_EQUAL_FATAL(migrated, OK);
}

static inline struct db *bench_connect(struct bench *t, const char *database, const char *role)
{
    struct db *db = db_open(bench_conninfo(t, database, role), "test", &t->err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(db);
    bench_again(t, db);
    return db;
}

/* False, and the case skipped, without a server. */
static inline bool bench_open(struct bench *t, const char *database)
{
    static bool made; /* by the first case */

    *t = (struct bench){0};
    if (getenv("CAUSEWAY_TEST_DB") == NULL) {
        skip("no PostgreSQL to test against (set CAUSEWAY_TEST_DB)");
        return false;
    }
    must(sodium_init() >= 0, "libsodium");
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    if (!made)
        bench_database(t, database);
    made = true;
    t->db = bench_connect(t, database, "causeway_hub");
    return true;
}

static inline void bench_close(struct bench *t)
{
    db_rollback(t->db);
    db_close(t->db); /* before the arena, in which its statements lie */
    arena_dispose(&t->arena);
}
