/* A request without a network: what the registry needs of one, over a database of its own with the
 * real migrations and three patients. */
#pragma once

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/data/migrate.h"
#include "tests/support/suite.h"
#include "tests/support/xds_samples.h"
#include "xds/find.h"
#include "xds/rim_write.h"
#include "xds/submit.h"

#define DATABASE "causeway_test_xds"
#define XAD      "1.3.6.1.4.1.21367.13.20.1000" /* the sample's own */
#define LOCAL    "1.3.4.5"

struct bench {
    struct arena arena;
    struct errors err;
    struct db *db;
    struct config config;
    struct request rq;
};

static inline const char *bench_conninfo(void)
{
    static char conninfo[1024];

    snprintf(conninfo, sizeof(conninfo), "%s dbname=" DATABASE, getenv("CAUSEWAY_TEST_DB"));
    return conninfo;
}

static inline void bench_begin(struct bench *t, enum isolation isolation)
{
    static const struct member member = {.id = 7, .name = {"north", 5}};
    static struct exchange exchange;

    db_rollback(t->db);
    errors_init(&t->err, &t->arena);
    db_attach(t->db, &t->arena, &t->err, clock_monotonic_us() + 60 * US_PER_SECOND);
    t->rq = (struct request){
        .magic = REQUEST_MAGIC,
        .config = &t->config,
        .exchange = &exchange,
        .arena = &t->arena,
        .err = &t->err,
        .db = t->db,
        .principal = {.member = &member},
        .id = uuid_v7(),
        .now_us = clock_now_us(),
        .deadline_us = clock_monotonic_us() + 60 * US_PER_SECOND,
    };
    db_begin(t->db, isolation);
}

static inline bool bench_run(struct db *db, struct arena *a, struct errors *err, const char *name,
                             const char *sql)
{
    struct statement *s = ARENA_NEW(a, struct statement); /* the connection keeps it */

    *s = (struct statement){name, sql};
    db_attach(db, a, err, 0);
    db_queue0(db, s, NULL);
    return db_flush(db) == OK;
}

/* Patient Pn is person n: an anchor record (n, 10n), and for P1 a record of the source's (1, 11)
 * under the sample's sourcePatientId. P3 was merged away. */
static inline bool bench_people(struct db *db, struct arena *a, struct errors *err)
{
    static const struct statement PERSON = {
        "test_person",
        "INSERT INTO mpi_person (pkey, person_id, place_pkeys, place_records, xad_pid,\n"
        "    constituent_pkeys, constituent_ids, created_at, changed_at)\n"
        "VALUES ($1, $1, ARRAY[$1, $1], ARRAY[10 * $1, 10 * $1 + 1], 'P' || $1, ARRAY[$1],\n"
        "    ARRAY[$1], now(), now())"};
    static const struct statement LINK = {
        "test_link",
        "INSERT INTO mpi_link (pkey, record_id, version, person_pkey, person_id, since, reason,\n"
        "    decided_by)\n"
        "VALUES ($1, $2, 1, $1, $1, now(), 'new', 'test')"};
    static const struct statement IDENTIFIER = {
        "test_identifier",
        "INSERT INTO mpi_identifier (ikey, authority, id, pkey, record_id, person_pkey,\n"
        "    person_id, member_id, state)\n"
        "VALUES (('x' || encode(substring(sha256(convert_to($1 || '|' || $2, 'UTF8')) FOR 8),\n"
        "    'hex'))::bit(64)::bigint, $1, $2, $3, $4, $3, $3, 0, $5)"};

    db_attach(db, a, err, 0);
    for (int64_t n = 1; n <= 3; n++) {
        db_queue(db, &PERSON, NULL, DB_INT8(n));
        for (int64_t record = 10 * n; record <= 10 * n + 1; record++)
            db_queue(db, &LINK, NULL, DB_INT8(n), DB_INT8(record));
        db_queue(db, &IDENTIFIER, NULL, DB_TEXT(STR(XAD)),
                 DB_TEXT(str_printf(a, "P%lld", (long long)n)), DB_INT8(n), DB_INT8(10 * n),
                 DB_INT4(n == 3 ? 2 : 1));
    }
    db_queue(db, &IDENTIFIER, NULL, DB_TEXT(STR(LOCAL)), DB_TEXT(STR("89765a87b")), DB_INT8(1),
             DB_INT8(11), DB_INT4(1));
    return db_flush(db) == OK;
}

static inline bool bench_make(struct arena *a, struct errors *err)
{
    struct db *db = db_open(getenv("CAUSEWAY_TEST_DB"), "test_xds", err);
    bool ok = db != NULL;

    ok = ok && bench_run(db, a, err, "test_role",
                         "DO $$ BEGIN CREATE ROLE causeway_hub; "
                         "EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    ok = ok && bench_run(db, a, err, "test_role_seal",
                         "DO $$ BEGIN CREATE ROLE causeway_seal; "
                         "EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    ok = ok && bench_run(db, a, err, "test_drop", "DROP DATABASE IF EXISTS " DATABASE);
    ok = ok && bench_run(db, a, err, "test_create", "CREATE DATABASE " DATABASE);
    db_close(db);
    ok = ok && migrate_run(bench_conninfo(), migrate_directory(""), a, NULL, NULL, err) == OK;
    db = ok ? db_open(bench_conninfo(), "test_xds", err) : NULL;
    ok = db && bench_people(db, a, err);
    ok =
        ok && bench_run(db, a, err, "test_opt_out", "UPDATE consent_default SET effect = 'permit'");
    db_close(db);
    if (!ok && err->first != NULL)
        fprintf(stderr, "%.*s\n", STR_ARG(err->first->text));
    return ok;
}

static inline bool bench_open(struct bench *t)
{
    static bool made; /* by the first case */

    *t = (struct bench){.config = {.xad_authority = XAD, .unknown_patient = "error"}};
    if (getenv("CAUSEWAY_TEST_DB") == NULL) {
        skip("no PostgreSQL to test against (set CAUSEWAY_TEST_DB)");
        return false;
    }
    must(sodium_init() >= 0, "libsodium");
    xml_init();
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    made = made || bench_make(&t->arena, &t->err);
    CU_ASSERT_TRUE_FATAL(made);
    t->db = db_open(bench_conninfo(), "test_xds", &t->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t->db);
    return true;
}

static inline void bench_close(struct bench *t)
{
    db_rollback(t->db);
    db_close(t->db);
    arena_dispose(&t->arena);
}

/* The first row's first column. */
static inline int64_t number(struct bench *t, const struct statement *s, struct uuid u)
{
    struct rows rows;

    bench_begin(t, READ_COMMITTED);
    db_queue(t->db, s, &rows, DB_UUID(u));
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    return rows.count > 0 ? row_int(&rows, 0, 0) : -1;
}
