/* hub/data/recall: what was read is given again without the server, and proven by it afterwards. */
#include "hub/data/recall.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "tests/support/suite.h"

enum { ME = 1, ANOTHER = 2 };

struct bench {
    struct arena arena;
    struct errors err;
    struct db *db, *other; /* the other one changes things meanwhile */
};

static const struct statement READ = {
    "recall_read",
    "SELECT k, v FROM test_recall WHERE k = ANY($1) AND v IS DISTINCT FROM $2 ORDER BY k",
};
static const struct statement COUNT = {"recall_count", "SELECT count(*) FROM test_recall"};
static const struct statement LOCK = {"recall_lock", "SELECT k FROM test_recall FOR UPDATE"};
static const struct statement ADD = {
    "recall_add",
    "INSERT INTO test_recall VALUES ($1, 'new')",
};

static void attach(struct bench *t)
{
    errors_init(&t->err, &t->arena);
    db_attach(t->db, &t->arena, &t->err, clock_monotonic_us() + 30 * US_PER_SECOND);
    db_attach(t->other, &t->arena, &t->err, clock_monotonic_us() + 30 * US_PER_SECOND);
}

static void run(struct bench *t, const struct statement *s)
{
    db_queue0(t->other, s, NULL);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->other), OK);
}

static bool set_up(struct bench *t)
{
    static const struct statement DROP = {"recall_drop", "DROP TABLE IF EXISTS test_recall"};
    static const struct statement MAKE = {
        "recall_make",
        "CREATE TABLE test_recall (k bigint PRIMARY KEY, v text)",
    };
    static const struct statement FILL = {
        "recall_fill",
        "INSERT INTO test_recall VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, '')",
    };
    const char *conninfo = getenv("CAUSEWAY_TEST_DB");

    *t = (struct bench){0};
    if (conninfo == NULL) {
        skip("no PostgreSQL to test against (set CAUSEWAY_TEST_DB)");
        return false;
    }
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    t->db = db_open(conninfo, "test_recall", &t->err);
    t->other = db_open(conninfo, "test_recall_other", &t->err);
    CU_ASSERT_FATAL(t->db != NULL && t->other != NULL);
    attach(t);
    run(t, &DROP);
    run(t, &MAKE);
    run(t, &FILL);
    return true;
}

static void tear_down(struct bench *t)
{
    db_rollback(t->db);
    db_rollback(t->other);
    arena_dispose(&t->arena);
    db_close(t->db);
    db_close(t->other);
}

/* Of this key and the next one, but not what says `without`. */
static void queue_read(struct bench *t, int64_t k, struct str without, struct rows *rows)
{
    const int64_t keys[] = {k, k + 1};

    db_queue(t->db, &READ, rows, DB_INT8S(keys, 2), DB_TEXT(without));
}

/* A transaction that reads, and is remembered for me. */
static void read_and_remember(struct bench *t, int64_t k, struct str without)
{
    struct rows rows, count;

    db_begin(t->db, REPEATABLE_READ);
    db_note_reads(t->db);
    queue_read(t, k, without, &rows);
    db_queue0(t->db, &COUNT, &count);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    db_remember(t->db, ME);
    db_end_reading(t->db);
}

static enum status recall(struct bench *t, uint64_t whose, int64_t k, struct str without,
                          struct rows *rows, struct recalled *out)
{
    enum status s;

    attach(t);
    db_begin_recalling(t->db, whose);
    queue_read(t, k, without, rows);
    s = db_flush(t->db);
    CU_ASSERT_EQUAL(db_end_recalling(t->db, out), s == OK);
    return s;
}

/* Asks the server again, for all of these. */
static void prove(struct bench *t, const struct recalled *const *of, size_t n, struct proof *proof)
{
    attach(t);
    db_begin(t->db, REPEATABLE_READ);
    proof_queue(t->db, &t->arena, of, n, proof);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    db_end_reading(t->db);
}

static bool holds(struct bench *t, const struct recalled *of)
{
    struct proof proof;

    prove(t, &of, 1, &proof);
    return proof_holds(&proof, of);
}

static void change(struct bench *t)
{
    static const struct statement CHANGE = {
        "recall_change",
        "UPDATE test_recall SET v = v || '!' WHERE k = 1",
    };

    run(t, &CHANGE);
}

static void what_was_read_is_recalled_without_the_server_and_proven_by_it(void)
{
    struct recalled recalled;
    struct rows rows;
    struct bench t;
    uint64_t flushes;

    if (!set_up(&t))
        return;
    read_and_remember(&t, 1, STR("two"));
    flushes = db_flushes(t.db);
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("two"), &rows, &recalled), OK);
    CU_ASSERT_EQUAL(db_flushes(t.db), flushes);
    CU_ASSERT_EQUAL_FATAL(rows.count, 1);
    CU_ASSERT_EQUAL(row_int(&rows, 0, 0), 1);
    CU_ASSERT(str_eq(row_text(&rows, 0, 1), STR("one")));
    CU_ASSERT(holds(&t, &recalled));
    CU_ASSERT_EQUAL(db_flushes(t.db), flushes + 1);
    tear_down(&t);
}

static void what_has_changed_does_not_hold_whoever_changed_it(void)
{
    static const struct statement GONE = {"recall_gone", "DELETE FROM test_recall WHERE k = 2"};
    struct recalled recalled;
    struct rows rows;
    struct bench t;

    if (!set_up(&t))
        return;
    read_and_remember(&t, 1, STR("-"));
    change(&t);
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &recalled), OK);
    CU_ASSERT(str_eq(row_text(&rows, 0, 1), STR("one"))); /* it cannot know */
    CU_ASSERT_FALSE(holds(&t, &recalled));
    read_and_remember(&t, 1, STR("-"));
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &recalled), OK);
    CU_ASSERT(str_eq(row_text(&rows, 0, 1), STR("one!")));
    CU_ASSERT(holds(&t, &recalled));
    run(&t, &GONE); /* after it was recalled */
    CU_ASSERT_FALSE(holds(&t, &recalled));
    tear_down(&t);
}

/* NULL and nothing are two things, in a parameter as in a row. */
static void another_question_is_not_recalled(void)
{
    static const struct statement NOTHING = {
        "recall_nothing",
        "UPDATE test_recall SET v = '' WHERE k = 3",
    };
    struct recalled recalled;
    struct rows rows;
    struct bench t;

    if (!set_up(&t))
        return;
    read_and_remember(&t, 3, STR(""));
    CU_ASSERT_EQUAL(recall(&t, ME, 3, STR(""), &rows, &recalled), OK);
    CU_ASSERT_EQUAL(recall(&t, ME, 3, STR_NONE, &rows, &recalled), NOT_FOUND);
    CU_ASSERT_EQUAL(recall(&t, ME, 2, STR(""), &rows, &recalled), NOT_FOUND);
    CU_ASSERT_EQUAL(recall(&t, ANOTHER, 3, STR(""), &rows, &recalled), NOT_FOUND);
    read_and_remember(&t, 3, STR("-"));
    CU_ASSERT_EQUAL(recall(&t, ME, 3, STR("-"), &rows, &recalled), OK);
    run(&t, &NOTHING);
    CU_ASSERT_FALSE(holds(&t, &recalled));
    tear_down(&t);
}

static void nothing_that_changes_or_locks_is_recalled(void)
{
    struct recalled recalled;
    struct rows rows;
    struct bench t;

    if (!set_up(&t))
        return;
    db_begin(t.db, READ_COMMITTED);
    db_note_reads(t.db);
    db_queue0(t.db, &LOCK, &rows);
    db_queue(t.db, &ADD, &rows, DB_INT8(9));
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    db_remember(t.db, ME);
    db_rollback(t.db);
    attach(&t);
    db_begin_recalling(t.db, ME);
    db_queue0(t.db, &LOCK, &rows);
    CU_ASSERT_EQUAL(db_flush(t.db), NOT_FOUND);
    CU_ASSERT_FALSE(db_end_recalling(t.db, &recalled));
    attach(&t);
    db_begin_recalling(t.db, ME);
    db_queue(t.db, &ADD, NULL, DB_INT8(9));
    CU_ASSERT_FALSE(db_end_recalling(t.db, &recalled)); /* queued, and never flushed */
    tear_down(&t);
}

/* Nor is anything given that was in the same flush, or comes after. */
static void a_flush_that_misses_one_gives_nothing(void)
{
    struct recalled recalled;
    struct rows known, unknown;
    struct bench t;

    if (!set_up(&t))
        return;
    read_and_remember(&t, 1, STR("-"));
    attach(&t);
    db_begin_recalling(t.db, ME);
    queue_read(&t, 1, STR("-"), &known);
    queue_read(&t, 2, STR("-"), &unknown);
    CU_ASSERT_EQUAL(db_flush(t.db), NOT_FOUND);
    CU_ASSERT_PTR_NULL(known.result);
    CU_ASSERT_EQUAL(known.count, 0);
    queue_read(&t, 1, STR("-"), &known);
    CU_ASSERT_EQUAL(db_flush(t.db), NOT_FOUND);
    CU_ASSERT_FALSE(db_end_recalling(t.db, &recalled));
    tear_down(&t);
}

/* It has read what it wrote itself, which may be rolled back. */
static void a_transaction_that_changes_something_is_not_remembered(void)
{
    struct recalled recalled;
    struct rows rows;
    struct bench t;

    if (!set_up(&t))
        return;
    db_begin(t.db, REPEATABLE_READ);
    db_note_reads(t.db);
    db_queue(t.db, &ADD, NULL, DB_INT8(9));
    queue_read(&t, 9, STR("-"), &rows);
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    db_remember(t.db, ME);
    db_rollback(t.db);
    CU_ASSERT_EQUAL(recall(&t, ME, 9, STR("-"), &rows, &recalled), NOT_FOUND);
    tear_down(&t);
}

static void what_is_doubted_or_forgotten_does_not_hold(void)
{
    struct recalled recalled;
    struct rows rows;
    struct bench t;

    if (!set_up(&t))
        return;
    read_and_remember(&t, 1, STR("-"));
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &recalled), OK);
    recalled.is_doubted = true;
    CU_ASSERT_FALSE(holds(&t, &recalled));
    recalled_forget(&recalled);
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &recalled), NOT_FOUND);
    tear_down(&t);
}

static void several_are_proven_together_and_what_is_the_same_once(void)
{
    struct recalled first, same, second;
    const struct recalled *const all[] = {&first, &same, &second};
    struct proof proof;
    struct rows rows;
    struct bench t;

    if (!set_up(&t))
        return;
    read_and_remember(&t, 1, STR("-"));
    read_and_remember(&t, 3, STR("-"));
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &first), OK);
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &same), OK);
    CU_ASSERT_EQUAL(recall(&t, ME, 3, STR("-"), &rows, &second), OK);
    change(&t);
    prove(&t, all, 3, &proof);
    CU_ASSERT_EQUAL(proof.n, 2);
    CU_ASSERT_FALSE(proof_holds(&proof, &first));
    CU_ASSERT_FALSE(proof_holds(&proof, &same));
    CU_ASSERT(proof_holds(&proof, &second));
    tear_down(&t);
}

/* Another server may say the same of other rows. */
static void nothing_holds_across_a_lost_connection(void)
{
    static const struct statement END = {
        "recall_end",
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE application_name = 'test_recall'",
    };
    struct recalled recalled;
    struct rows rows;
    struct bench t;

    if (!set_up(&t))
        return;
    read_and_remember(&t, 1, STR("-"));
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &recalled), OK);
    run(&t, &END);
    CU_ASSERT_FALSE(holds(&t, &recalled));
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &recalled), NOT_FOUND);
    read_and_remember(&t, 1, STR("-"));
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("-"), &rows, &recalled), OK);
    CU_ASSERT(holds(&t, &recalled));
    tear_down(&t);
}

/* Parameters that a caller lets go of after the flush are kept all the same. */
static void what_is_remembered_is_a_copy(void)
{
    char *text = strdup("two");
    struct recalled recalled;
    struct rows rows;
    struct bench t;

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    if (!set_up(&t)) {
        free(text);
        return;
    }
    db_begin(t.db, REPEATABLE_READ);
    db_note_reads(t.db);
    queue_read(&t, 1, str_from(text), &rows);
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    memset(text, 'x', 3);
    db_remember(t.db, ME);
    db_end_reading(t.db);
    arena_reset(&t.arena);
    CU_ASSERT_EQUAL(recall(&t, ME, 1, STR("two"), &rows, &recalled), OK);
    CU_ASSERT(holds(&t, &recalled));
    free(text);
    tear_down(&t);
}

SUITE(test_recall, CASE(what_was_read_is_recalled_without_the_server_and_proven_by_it),
      CASE(what_has_changed_does_not_hold_whoever_changed_it),
      CASE(another_question_is_not_recalled), CASE(nothing_that_changes_or_locks_is_recalled),
      CASE(a_flush_that_misses_one_gives_nothing),
      CASE(a_transaction_that_changes_something_is_not_remembered),
      CASE(what_is_doubted_or_forgotten_does_not_hold),
      CASE(several_are_proven_together_and_what_is_the_same_once),
      CASE(nothing_holds_across_a_lost_connection), CASE(what_is_remembered_is_a_copy));
