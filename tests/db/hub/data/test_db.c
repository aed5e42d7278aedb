/* hub/data/db against a real server: values there and back, transactions, faults, reconnection. */
#include "hub/data/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "tests/support/suite.h"

/* One connection and what it is attached to. */
struct bench {
    struct arena arena;
    struct errors err;
    struct db *db;
};

static bool set_up(struct bench *t)
{
    const char *conninfo = getenv("CAUSEWAY_TEST_DB");

    *t = (struct bench){0};
    if (conninfo == NULL) {
        skip("no PostgreSQL to test against (set CAUSEWAY_TEST_DB)");
        return false;
    }
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    t->db = db_open(conninfo, "test_db", &t->err);
    CU_ASSERT_PTR_NOT_NULL(t->db);
    if (t->db == NULL)
        return false;
    db_attach(t->db, &t->arena, &t->err, clock_monotonic_us() + 30 * US_PER_SECOND);
    return true;
}

static void tear_down(struct bench *t)
{
    db_rollback(t->db);
    arena_dispose(&t->arena);
    db_close(t->db);
}

/* Faults that a case provokes are not to be mistaken for those of the next step. */
static void again(struct bench *t)
{
    db_rollback(t->db);
    errors_init(&t->err, &t->arena);
    db_attach(t->db, &t->arena, &t->err, clock_monotonic_us() + 30 * US_PER_SECOND);
}

static const struct statement MAKE_TABLE = {
    "test_make_table",
    "CREATE TABLE IF NOT EXISTS test_db (k bigint PRIMARY KEY, v text)",
};
static const struct statement EMPTY_TABLE = {"test_empty_table", "DELETE FROM test_db"};
static const struct statement INSERT = {
    "test_insert",
    "INSERT INTO test_db (k, v) VALUES ($1, $2)",
};
static const struct statement FIND = {"test_find", "SELECT v FROM test_db WHERE k = $1"};
static const struct statement COUNT = {"test_count", "SELECT count(*) FROM test_db"};
static const struct statement NO_TABLE = {"test_no_table", "SELECT k FROM test_nowhere"};
static const struct statement SLEEP = {"test_sleep", "SELECT pg_sleep($1)"};
static const struct statement BACKEND = {"test_backend", "SELECT pg_backend_pid()"};
static const struct statement KILL = {"test_kill", "SELECT pg_terminate_backend($1)"};

static bool set_up_table(struct bench *t)
{
    if (!set_up(t))
        return false;
    db_queue0(t->db, &MAKE_TABLE, NULL);
    CU_ASSERT_EQUAL(db_flush(t->db), OK);
    db_queue0(t->db, &EMPTY_TABLE, NULL);
    CU_ASSERT_EQUAL(db_flush(t->db), OK);
    return true;
}

static int64_t count_rows(struct bench *t)
{
    struct rows r;

    db_queue0(t->db, &COUNT, &r);
    CU_ASSERT_EQUAL(db_flush(t->db), OK);
    return r.count == 1 ? row_int(&r, 0, 0) : -1;
}

static void every_type_comes_back_as_it_went(void)
{
    static const struct statement ECHO_ALL = {
        "test_echo",
        "SELECT $1::text, $2::bytea, $3::bool, $4::int4, $5::int8, $6::float8, $7::uuid, "
        "$8::timestamptz, $9::jsonb, $8::timestamptz::text, $4::int2, $6::float4",
    };
    static const struct str bytes = {"a\0b\xff", 4};
    struct bench t;
    struct uuid u = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    int64_t us = INT64_C(1795359845123456);
    struct rows r;

    if (!set_up(&t))
        return;
    db_queue(t.db, &ECHO_ALL, &r, DB_TEXT(STR("gr\xc3\xbc\xc3\x9f")), DB_BYTEA(bytes),
             DB_BOOL(true), DB_INT4(-7), DB_INT8(INT64_MIN), DB_FLOAT8(-0.125), DB_UUID(u),
             DB_TIME(us), DB_JSONB(STR("{\"a\": 1}")));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    CU_ASSERT_EQUAL_FATAL(r.count, 1);
    CHECK_STR(row_text(&r, 0, 0), STR("gr\xc3\xbc\xc3\x9f"));
    CHECK_STR(row_bytea(&r, 0, 1), bytes);
    CU_ASSERT(row_bool(&r, 0, 2));
    CU_ASSERT_EQUAL(row_int(&r, 0, 3), -7);
    CU_ASSERT_EQUAL(row_int(&r, 0, 4), INT64_MIN);
    CU_ASSERT_EQUAL(row_float(&r, 0, 5), -0.125);
    CU_ASSERT(uuid_eq(row_uuid(&r, 0, 6), u));
    CU_ASSERT_EQUAL(row_time(&r, 0, 7), us);
    CHECK_STR(row_json(&r, 0, 8), STR("{\"a\": 1}"));
    CHECK_STR(str_slice(row_text(&r, 0, 9), 0, 10), str_slice(clock_iso(&t.arena, us), 0, 10));
    CU_ASSERT_EQUAL(row_int(&r, 0, 10), -7);
    CU_ASSERT_EQUAL(row_float(&r, 0, 11), -0.125);
    tear_down(&t);
}

static void null_is_not_empty(void)
{
    static const struct statement ECHO_NULLS = {
        "test_nulls",
        "SELECT $1::text, $2::text, $3::int8, $4::bytea, $5::uuid, $6::int8[], $7::text[]",
    };
    struct bench t;
    struct str *texts;
    int64_t *ints;
    struct rows r;

    if (!set_up(&t))
        return;
    db_queue(t.db, &ECHO_NULLS, &r, DB_TEXT(STR_NONE), DB_TEXT(STR("")), DB_NULL(DB_TYPE_INT8),
             DB_BYTEA(STR_NONE), DB_NULL(DB_TYPE_UUID), DB_NULL(DB_TYPE_INT8S), DB_TEXTS(NULL, 0));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    CU_ASSERT_EQUAL_FATAL(r.count, 1);
    CU_ASSERT(row_null(&r, 0, 0) && row_text(&r, 0, 0).p == NULL);
    CU_ASSERT(!row_null(&r, 0, 1) && row_text(&r, 0, 1).p != NULL && row_text(&r, 0, 1).n == 0);
    CU_ASSERT(row_null(&r, 0, 2) && row_int(&r, 0, 2) == 0);
    CU_ASSERT(row_bytea(&r, 0, 3).p == NULL);
    CU_ASSERT(row_null(&r, 0, 4));
    CU_ASSERT(row_null(&r, 0, 5) && row_ints(&t.arena, &r, 0, 5, &ints) == 0);
    CU_ASSERT(!row_null(&r, 0, 6) && row_texts(&t.arena, &r, 0, 6, &texts) == 0);
    tear_down(&t);
}

static void arrays_come_back_with_their_nulls(void)
{
    static const struct statement ECHO_ARRAYS = {
        "test_arrays",
        "SELECT $1::text[], $2::bytea[], $3::int4[], $4::int8[], $5::uuid[], $6::timestamptz[], "
        "$1::text[] = ARRAY['a', NULL, ''], $4::int8[] = ARRAY[1, -2]::int8[]",
    };
    static const struct str texts[] = {{"a", 1}, {NULL, 0}, {"", 0}};
    static const int64_t ints[] = {1, -2}, times[] = {0, INT64_C(1795359845123456), INT64_MAX};
    static const struct uuid ids[] = {{{1}}, {{2}}};
    struct bench t;
    struct str *s;
    int64_t *n;
    struct uuid *u;
    struct rows r;

    if (!set_up(&t))
        return;
    db_queue(t.db, &ECHO_ARRAYS, &r, DB_TEXTS(texts, 3), DB_BYTEAS(texts, 3), DB_INT4S(ints, 2),
             DB_INT8S(ints, 2), DB_UUIDS(ids, 2), DB_TIMES(times, 3));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    CU_ASSERT_EQUAL_FATAL(r.count, 1);
    for (int column = 0; column < 2; column++) {
        CU_ASSERT_EQUAL_FATAL(row_texts(&t.arena, &r, 0, column, &s), 3);
        CU_ASSERT(str_eq(s[0], texts[0]) && s[1].p == NULL && s[2].p != NULL && s[2].n == 0);
    }
    for (int column = 2; column < 4; column++) {
        CU_ASSERT_EQUAL_FATAL(row_ints(&t.arena, &r, 0, column, &n), 2);
        CU_ASSERT(n[0] == 1 && n[1] == -2);
    }
    CU_ASSERT_EQUAL_FATAL(row_uuids(&t.arena, &r, 0, 4, &u), 2);
    CU_ASSERT(uuid_eq(u[0], ids[0]) && uuid_eq(u[1], ids[1]));
    CU_ASSERT_EQUAL_FATAL(row_ints(&t.arena, &r, 0, 5, &n), 3);
    CU_ASSERT(n[0] == 0 && n[1] == times[1] && n[2] == INT64_MAX);
    CU_ASSERT(row_bool(&r, 0, 6) && row_bool(&r, 0, 7));
    tear_down(&t);
}

static void a_transaction_costs_one_flush_a_step(void)
{
    struct bench t;
    struct rows inserted, found;
    uint64_t before;

    if (!set_up_table(&t))
        return;
    before = db_flushes(t.db);
    db_begin(t.db, READ_COMMITTED);
    db_queue(t.db, &INSERT, &inserted, DB_INT8(1), DB_TEXT(STR("one")));
    db_queue(t.db, &INSERT, NULL, DB_INT8(2), DB_TEXT(STR("two")));
    db_queue(t.db, &FIND, &found, DB_INT8(2));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    CU_ASSERT_EQUAL(inserted.affected, 1);
    CHECK_STR(row_text(&found, 0, 0), STR("two"));
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    CU_ASSERT_EQUAL(db_flushes(t.db) - before, 2);
    CU_ASSERT_EQUAL(count_rows(&t), 2);
    tear_down(&t);
}

static void a_transaction_without_statements_costs_nothing(void)
{
    struct bench t;
    uint64_t before;

    if (!set_up_table(&t))
        return;
    before = db_flushes(t.db);
    db_begin(t.db, REPEATABLE_READ);
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    CU_ASSERT_EQUAL(db_flushes(t.db) - before, 0);
    CU_ASSERT_EQUAL(count_rows(&t), 0);
    tear_down(&t);
}

static void rollback_leaves_nothing(void)
{
    struct bench t;

    if (!set_up_table(&t))
        return;
    db_begin(t.db, READ_COMMITTED);
    db_queue(t.db, &INSERT, NULL, DB_INT8(1), DB_TEXT(STR("one")));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    db_rollback(t.db);
    CU_ASSERT_EQUAL(count_rows(&t), 0);
    tear_down(&t);
}

static void repeatable_read_keeps_its_snapshot(void)
{
    struct bench reader, writer;

    if (!set_up_table(&reader) || !set_up(&writer))
        return;
    db_begin(reader.db, REPEATABLE_READ);
    CU_ASSERT_EQUAL(count_rows(&reader), 0);
    db_queue(writer.db, &INSERT, NULL, DB_INT8(1), DB_TEXT(STR("one")));
    CU_ASSERT_EQUAL(db_flush(writer.db), OK);
    CU_ASSERT_EQUAL(count_rows(&reader), 0);
    CU_ASSERT_EQUAL(db_commit(reader.db), OK);
    CU_ASSERT_EQUAL(count_rows(&reader), 1);
    tear_down(&writer);
    tear_down(&reader);
}

static void a_refusal_is_one_failure_without_values(void)
{
    struct bench t;
    struct rows before;

    if (!set_up_table(&t))
        return;
    db_begin(t.db, READ_COMMITTED);
    db_queue(t.db, &INSERT, NULL, DB_INT8(77), DB_TEXT(STR("secret-value")));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    db_queue0(t.db, &COUNT, &before);
    db_queue(t.db, &INSERT, NULL, DB_INT8(77), DB_TEXT(STR("secret-value")));
    db_queue(t.db, &INSERT, NULL, DB_INT8(78), DB_TEXT(STR("secret-value")));
    CU_ASSERT_EQUAL(db_flush(t.db), CONFLICT);
    CU_ASSERT_EQUAL(before.count, 0);
    CU_ASSERT_PTR_NULL(before.result);
    CU_ASSERT_EQUAL(t.err.count, 1);
    CU_ASSERT_EQUAL(t.err.status, CONFLICT);
    CU_ASSERT(str_find_str(t.err.first->text, STR("23505")) > 0);
    CU_ASSERT(str_find_str(t.err.first->text, STR("secret")) < 0);
    CU_ASSERT(str_find_str(t.err.first->text, STR("77")) < 0);
    again(&t);
    CU_ASSERT_EQUAL(count_rows(&t), 0);
    tear_down(&t);
}

static void a_failed_transaction_cannot_commit(void)
{
    struct bench t;

    if (!set_up_table(&t))
        return;
    db_begin(t.db, READ_COMMITTED);
    db_queue(t.db, &INSERT, NULL, DB_INT8(1), DB_TEXT(STR("one")));
    db_queue0(t.db, &NO_TABLE, NULL);
    CU_ASSERT_EQUAL(db_flush(t.db), INTERNAL);
    CU_ASSERT_EQUAL(db_commit(t.db), INTERNAL);
    again(&t);
    CU_ASSERT_EQUAL(count_rows(&t), 0);
    tear_down(&t);
}

static void a_statement_that_failed_to_prepare_can_be_prepared_later(void)
{
    static const struct statement LATER = {"test_later", "SELECT x FROM test_db_later"};
    static const struct statement MAKE = {"test_make_later", "CREATE TABLE test_db_later (x text)"};
    static const struct statement DROP = {"test_drop_later", "DROP TABLE test_db_later"};
    struct bench t;

    if (!set_up(&t))
        return;
    db_queue0(t.db, &LATER, NULL);
    CU_ASSERT_EQUAL(db_flush(t.db), INTERNAL);
    again(&t);
    db_queue0(t.db, &MAKE, NULL);
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    db_queue0(t.db, &LATER, NULL);
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    db_queue0(t.db, &DROP, NULL);
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    tear_down(&t);
}

static void text_that_is_not_text_is_the_senders_fault(void)
{
    static const struct str nul = {"a\0b", 3};
    struct bench t;

    if (!set_up_table(&t))
        return;
    db_queue(t.db, &INSERT, NULL, DB_INT8(1), DB_TEXT(nul));
    CU_ASSERT_EQUAL(db_flush(t.db), INVALID);
    again(&t);
    db_queue(t.db, &INSERT, NULL, DB_INT8(1), DB_TEXT(STR("\xff\xfe")));
    CU_ASSERT_EQUAL(db_flush(t.db), INVALID);
    tear_down(&t);
}

static void the_server_stops_a_statement_at_the_deadline(void)
{
    struct bench t;
    int64_t began;

    if (!set_up(&t))
        return;
    began = clock_monotonic_us();
    db_attach(t.db, &t.arena, &t.err, began + US_PER_SECOND);
    db_begin(t.db, READ_COMMITTED);
    db_queue(t.db, &SLEEP, NULL, DB_FLOAT8(60));
    CU_ASSERT_EQUAL(db_flush(t.db), TIMED_OUT);
    CU_ASSERT(clock_monotonic_us() - began < 20 * US_PER_SECOND);
    CU_ASSERT(str_find_str(t.err.first->text, STR("57014")) > 0);
    CU_ASSERT_EQUAL(db_commit(t.db), INTERNAL);
    again(&t);
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    tear_down(&t);
}

/* Sleeps under a deadline on a connection whose own limit is another. */
static void expect_stopped(int64_t limit_us, int64_t deadline_us)
{
    struct bench t;
    int64_t began;

    if (!set_up(&t))
        return;
    db_close(t.db);
    t.db = db_open_serving(getenv("CAUSEWAY_TEST_DB"), "test_db", limit_us, &t.err);
    began = clock_monotonic_us();
    db_attach(t.db, &t.arena, &t.err, deadline_us ? began + deadline_us : 0);
    db_begin(t.db, READ_COMMITTED);
    db_queue(t.db, &SLEEP, NULL, DB_FLOAT8(60));
    CU_ASSERT_EQUAL(db_flush(t.db), TIMED_OUT);
    CU_ASSERT(clock_monotonic_us() - began < 20 * US_PER_SECOND);
    CU_ASSERT(str_find_str(t.err.first->text, STR("57014")) > 0);
    tear_down(&t);
}

static void a_serving_connection_stops_statements_at_its_own_limit(void)
{
    expect_stopped(US_PER_SECOND, 0);
    expect_stopped(US_PER_SECOND, US_PER_SECOND);
}

static void a_deadline_nearer_than_the_connections_limit_counts(void)
{
    expect_stopped(60 * US_PER_SECOND, US_PER_SECOND);
    expect_stopped(2 * US_PER_SECOND, US_PER_SECOND);
}

static void a_server_that_does_not_answer_is_left_at_the_deadline(void)
{
    struct bench t;
    int64_t began = clock_monotonic_us();

    if (!set_up_table(&t))
        return;
    /* Outside a transaction there is no statement_timeout: the client's own patience counts. */
    db_attach(t.db, &t.arena, &t.err, began + US_PER_SECOND / 5);
    db_queue(t.db, &SLEEP, NULL, DB_FLOAT8(30));
    CU_ASSERT_EQUAL(db_flush(t.db), TIMED_OUT);
    CU_ASSERT(clock_monotonic_us() - began < 20 * US_PER_SECOND);
    again(&t);
    CU_ASSERT_EQUAL(count_rows(&t), 0);
    tear_down(&t);
}

static int64_t backend_of(struct bench *t)
{
    struct rows pid;

    db_queue0(t->db, &BACKEND, &pid);
    CU_ASSERT_EQUAL(db_flush(t->db), OK);
    return row_int(&pid, 0, 0);
}

static void kill_backend(int64_t pid)
{
    struct bench killer;
    struct rows killed;

    CU_ASSERT_FATAL(set_up(&killer));
    db_queue(killer.db, &KILL, &killed, DB_INT4(pid));
    CU_ASSERT_EQUAL(db_flush(killer.db), OK);
    db_queue(killer.db, &SLEEP, NULL, DB_FLOAT8(0.1));
    CU_ASSERT_EQUAL(db_flush(killer.db), OK);
    tear_down(&killer);
}

static void kill_backend_of(struct bench *t)
{
    kill_backend(backend_of(t));
}

static void a_connection_that_died_outside_is_replaced_unnoticed(void)
{
    struct bench t;

    if (!set_up_table(&t))
        return;
    kill_backend_of(&t);
    db_begin(t.db, READ_COMMITTED);
    db_queue(t.db, &INSERT, NULL, DB_INT8(1), DB_TEXT(STR("one")));
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    CU_ASSERT_EQUAL(count_rows(&t), 1);
    CU_ASSERT_EQUAL(t.err.count, 0);
    tear_down(&t);
}

static void a_connection_that_died_inside_fails_the_transaction(void)
{
    struct bench t;

    if (!set_up_table(&t))
        return;
    db_begin(t.db, READ_COMMITTED);
    db_queue(t.db, &INSERT, NULL, DB_INT8(1), DB_TEXT(STR("one")));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    kill_backend_of(&t);
    db_queue(t.db, &INSERT, NULL, DB_INT8(2), DB_TEXT(STR("two")));
    CU_ASSERT_EQUAL(db_flush(t.db), UPSTREAM);
    db_queue(t.db, &INSERT, NULL, DB_INT8(3), DB_TEXT(STR("three")));
    CU_ASSERT_EQUAL(db_flush(t.db), INTERNAL);
    CU_ASSERT_EQUAL(t.err.status, UPSTREAM);
    again(&t);
    CU_ASSERT_EQUAL(count_rows(&t), 0);
    tear_down(&t);
}

/* The server dies behind the last statement and before the end of the pipeline: the signal comes
 * from a trigger, after which the statement looks at no signal any more. */
static void a_connection_that_dies_at_the_end_of_a_pipeline_is_lost(void)
{
    static const struct statement TABLE = {"test_dying_table", "CREATE TEMP TABLE dying (k int)"};
    static const struct statement FUNCTION = {
        "test_dying_function",
        "CREATE FUNCTION pg_temp.die() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " RETURN CASE WHEN pg_terminate_backend(pg_backend_pid()) THEN NULL ELSE NEW END;"
        " END$$",
    };
    static const struct statement TRIGGER = {
        "test_dying_trigger",
        "CREATE TRIGGER dies AFTER INSERT ON dying"
        " FOR EACH ROW EXECUTE FUNCTION pg_temp.die()",
    };
    static const struct statement DIE = {"test_die", "INSERT INTO dying VALUES (1)"};
    const struct statement *const made[] = {&TABLE, &FUNCTION, &TRIGGER};
    struct bench t;

    if (!set_up(&t))
        return;
    for (int i = 0; i < 3; i++) {
        db_queue0(t.db, made[i], NULL);
        CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    }
    db_begin(t.db, READ_COMMITTED);
    db_queue0(t.db, &DIE, NULL);
    CU_ASSERT_EQUAL(db_flush(t.db), UPSTREAM);
    again(&t);
    db_queue0(t.db, &BACKEND, NULL);
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    tear_down(&t);
}

static void begin_with(struct bench *t, const struct statement *s)
{
    again(t);
    db_begin(t->db, READ_COMMITTED);
    db_queue0(t->db, s, NULL);
    CU_ASSERT_FALSE(db_only_read(t->db));
    CU_ASSERT_EQUAL(db_flush(t->db), OK);
}

static void what_only_read_is_told_from_what_did_not(void)
{
    static const struct statement LOCKS = {"test_locks", "SELECT k FROM test_db FOR UPDATE"};
    struct bench t;

    if (!set_up(&t))
        return;
    db_queue0(t.db, &MAKE_TABLE, NULL);
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    begin_with(&t, &EMPTY_TABLE);
    CU_ASSERT_FALSE(db_only_read(t.db));
    begin_with(&t, &LOCKS);
    CU_ASSERT_FALSE(db_only_read(t.db));
    begin_with(&t, &BACKEND);
    CU_ASSERT(db_only_read(t.db));
    db_queue0(t.db, &EMPTY_TABLE, NULL);
    CU_ASSERT_FALSE(db_only_read(t.db));
    tear_down(&t);
}

/* A transaction that reads and ends; whose backend it was. */
static int64_t read_once(struct bench *t)
{
    int64_t pid;

    db_begin(t->db, REPEATABLE_READ);
    pid = backend_of(t);
    db_end_reading(t->db);
    errors_init(&t->err, &t->arena);
    db_attach(t->db, &t->arena, &t->err, clock_monotonic_us() + 30 * US_PER_SECOND);
    return pid;
}

static void a_reading_transaction_ends_without_waiting(void)
{
    struct bench t;
    uint64_t before;
    int64_t pid;

    if (!set_up(&t))
        return;
    before = db_flushes(t.db);
    pid = read_once(&t);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(read_once(&t), pid);
    CU_ASSERT_EQUAL(db_flushes(t.db), before + 4);
    again(&t);
    CU_ASSERT_EQUAL(backend_of(&t), pid);
    tear_down(&t);
}

static void a_connection_that_died_after_reading_is_replaced_unnoticed(void)
{
    struct bench t;
    int64_t pid;

    if (!set_up(&t))
        return;
    pid = read_once(&t);
    CU_ASSERT_EQUAL(read_once(&t), pid);
    kill_backend(pid);
    CU_ASSERT_NOT_EQUAL(backend_of(&t), pid);
    CU_ASSERT_EQUAL(t.err.count, 0);
    tear_down(&t);
}

static void a_flush_larger_than_all_buffers_does_not_deadlock(void)
{
    static const struct statement BIG = {"test_big", "SELECT $1::text, repeat('x', 2000000)"};
    enum { TIMES = 40, SIZE = 1000000 };
    struct bench t;
    struct rows r[TIMES];
    struct str text;

    if (!set_up(&t))
        return;
    text = str_of(memset(arena_alloc(&t.arena, SIZE), 'y', SIZE), SIZE);
    for (int i = 0; i < TIMES; i++)
        db_queue(t.db, &BIG, &r[i], DB_TEXT(text));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    for (int i = 0; i < TIMES; i++) {
        CU_ASSERT(str_eq(row_text(&r[i], 0, 0), text));
        CU_ASSERT_EQUAL(row_text(&r[i], 0, 1).n, 2000000);
    }
    tear_down(&t);
}

static void a_server_that_cannot_be_reached_is_a_plain_failure(void)
{
    struct arena a;
    struct errors err;

    arena_init(&a);
    errors_init(&err, &a);
    CU_ASSERT_PTR_NULL(db_open("host=/nonexistent dbname=nothing", "test_db", &err));
    CU_ASSERT_EQUAL(err.status, UPSTREAM);
    arena_dispose(&a);
}

SUITE(test_db, CASE(every_type_comes_back_as_it_went), CASE(null_is_not_empty),
      CASE(arrays_come_back_with_their_nulls), CASE(a_transaction_costs_one_flush_a_step),
      CASE(a_transaction_without_statements_costs_nothing), CASE(rollback_leaves_nothing),
      CASE(repeatable_read_keeps_its_snapshot), CASE(a_refusal_is_one_failure_without_values),
      CASE(a_failed_transaction_cannot_commit),
      CASE(a_statement_that_failed_to_prepare_can_be_prepared_later),
      CASE(text_that_is_not_text_is_the_senders_fault),
      CASE(the_server_stops_a_statement_at_the_deadline),
      CASE(a_serving_connection_stops_statements_at_its_own_limit),
      CASE(a_deadline_nearer_than_the_connections_limit_counts),
      CASE(a_server_that_does_not_answer_is_left_at_the_deadline),
      CASE(a_connection_that_died_outside_is_replaced_unnoticed),
      CASE(a_connection_that_died_inside_fails_the_transaction),
      CASE(a_connection_that_dies_at_the_end_of_a_pipeline_is_lost),
      CASE(what_only_read_is_told_from_what_did_not),
      CASE(a_reading_transaction_ends_without_waiting),
      CASE(a_connection_that_died_after_reading_is_replaced_unnoticed),
      CASE(a_flush_larger_than_all_buffers_does_not_deadlock),
      CASE(a_server_that_cannot_be_reached_is_a_plain_failure));
