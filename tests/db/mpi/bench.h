/* A request without a network: what mpi/ needs of one, over a database of its own with the real
 * migrations. A bench belongs to one thread. */
#pragma once

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "hub/data/migrate.h"
#include "mpi/feed.h"
#include "mpi/identity.h"
#include "mpi/merge.h"
#include "tests/support/suite.h"

#define DATABASE  "causeway_test_mpi"
#define XAD_OID   "1.3.6.1.4.1.21367.13.20.3000"
#define NORTH_OID "1.3.6.1.4.1.21367.13.20.1000"
#define SOUTH_OID "1.3.6.1.4.1.21367.13.20.2000"

enum { NORTH = 1, SOUTH = 2, REGION = 3 };

struct bench {
    struct arena arena;
    struct errors err;
    struct db *db;
    struct config config;
    struct request rq;
};

static const struct member MEMBERS[] = {
    {0},
    {.id = NORTH, .name = {"north", 5}},
    {.id = SOUTH, .name = {"south", 5}},
    {.id = REGION, .name = {"region", 6}},
};

/* Of our database: the last dbname counts. */
static inline const char *bench_conninfo(struct arena *a)
{
    return str_printf(a, "%s dbname=" DATABASE, getenv("CAUSEWAY_TEST_DB")).p;
}

/* A request begins: READ COMMITTED, as feeds run. */
static inline void bench_begin(struct bench *t)
{
    db_rollback(t->db);
    arena_reset(&t->arena);
    errors_init(&t->err, &t->arena);
    db_attach(t->db, &t->arena, &t->err, clock_monotonic_us() + 60 * US_PER_SECOND);
    t->rq = (struct request){
        .magic = REQUEST_MAGIC,
        .config = &t->config,
        .arena = &t->arena,
        .err = &t->err,
        .db = t->db,
        .id = uuid_v7(),
        .now_us = clock_now_us(),
    };
    db_begin(t->db, READ_COMMITTED);
}

/* Once a program: an empty database, migrated. */
static inline bool bench_database(struct arena *a, struct errors *err)
{
    static const struct statement STEPS[] = {
        {"test_role",
         "DO $$ BEGIN CREATE ROLE causeway_hub; EXCEPTION WHEN duplicate_object THEN NULL; END $$"},
        {"test_role_seal", "DO $$ BEGIN CREATE ROLE causeway_seal; EXCEPTION WHEN duplicate_object "
                           "THEN NULL; END $$"},
        {"test_database_drop", "DROP DATABASE IF EXISTS " DATABASE},
        {"test_database", "CREATE DATABASE " DATABASE},
    };
    struct db *db = db_open(getenv("CAUSEWAY_TEST_DB"), "test_mpi", err);
    bool ok = db != NULL;

    for (size_t i = 0; ok && i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        db_attach(db, a, err, 0);
        db_queue0(db, &STEPS[i], NULL);
        ok = db_flush(db) == OK;
    }
    db_close(db);
    ok = ok && migrate_run(bench_conninfo(a), migrate_directory(""), a, NULL, NULL, err) == OK;
    if (!ok && err->first != NULL)
        fprintf(stderr, "%.*s\n", STR_ARG(err->first->text));
    return ok;
}

static inline bool bench_open(struct bench *t, const char *xad_source)
{
    static bool made; /* by the first case, before any thread */

    *t = (struct bench){.config = {.xad_authority = XAD_OID, .xad_source = xad_source}};
    if (getenv("CAUSEWAY_TEST_DB") == NULL) {
        skip("no PostgreSQL to test against (set CAUSEWAY_TEST_DB)");
        return false;
    }
    must(sodium_init() >= 0, "libsodium");
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    if (!made) /* later threads only read it */
        made = bench_database(&t->arena, &t->err);
    CU_ASSERT_TRUE_FATAL(made);
    t->db = db_open(bench_conninfo(&t->arena), "test_mpi", &t->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t->db);
    return true;
}

static inline void bench_close(struct bench *t)
{
    db_rollback(t->db);
    arena_dispose(&t->arena);
    db_close(t->db);
}

static inline struct identifier id_of(const char *authority, const char *id)
{
    return (struct identifier){str_from(authority), str_from(id)};
}

/* Demographics as a message brings them. */
static inline struct mpi_demographics patient(struct mpi_name *name, const char *family,
                                              const char *given, const char *birth_date,
                                              const char *sex)
{
    *name = (struct mpi_name){.family = str_from(family), .given = str_from(given)};
    return (struct mpi_demographics){
        .names_given = true,
        .names = name,
        .name_count = 1,
        .birth_date = str_from(birth_date),
        .sex = str_from(sex),
    };
}

static inline enum status feed_once(struct bench *t, const struct mpi_feed *f, struct mpi_fed *out)
{
    struct mpi_feeding *feeding;
    enum status s;

    bench_begin(t);
    feeding = mpi_feed_queue(&t->rq, f);
    s = db_flush(t->db);
    return s == OK ? mpi_feed(&t->rq, feeding, out) : s;
}

/* Feeds, commits, and runs again on CONFLICT as the request driver does. The XAD-PID is copied
 * into `xad` (40 bytes). */
static inline enum status feed(struct bench *t, int64_t member, struct identifier id,
                               const struct mpi_demographics *d, struct mpi_fed *out, char *xad)
{
    enum status s = CONFLICT;

    for (int attempt = 0; attempt < 100 && s == CONFLICT; attempt++) {
        struct mpi_feed f = {
            .member_id = member, .ids = &id, .id_count = 1, .demographics = *d, .event = "A01"};

        s = feed_once(t, &f, out);
        if (s == OK)
            s = db_commit(t->db);
    }
    if (s == OK && xad != NULL)
        snprintf(xad, 64, "%.*s", STR_ARG(out->xad_pid));
    return s;
}

static inline struct mpi_hit lookup(struct bench *t, struct identifier id)
{
    struct mpi_lookup l;

    bench_begin(t);
    mpi_lookup_queue(&t->rq, &id, 1, &l);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    CU_ASSERT_EQUAL_FATAL(mpi_lookup_read(&t->rq, &l), OK);
    return l.hits[0];
}

static inline struct person person_of(struct bench *t, struct person_ref ref)
{
    struct mpi_people p;

    bench_begin(t);
    mpi_people_queue(&t->rq, &ref, 1, &p);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    CU_ASSERT_EQUAL_FATAL(mpi_people_read(&t->rq, &p), OK);
    return p.people[0];
}

/* A connection knows its statements by their address: each lives as long as the program. One thread
 * a file. */
static inline const struct statement *bench_statement(const char *name, const char *sql)
{
    static struct statement kept[64];
    size_t i = 0;

    while (i < 64 && kept[i].name != NULL && strcmp(kept[i].name, name) != 0)
        i++;
    must(i < 64 && (kept[i].name == NULL || strcmp(kept[i].sql, sql) == 0), "a test's statements");
    kept[i] = (struct statement){name, sql};
    return &kept[i];
}

/* One number from a constant query. */
static inline int64_t number(struct bench *t, const char *name, const char *sql, int64_t value)
{
    const struct statement *s = bench_statement(name, sql);
    struct rows rows;

    bench_begin(t);
    db_queue(t->db, s, &rows, DB_INT8(value));
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    return row_int(&rows, 0, 0);
}
