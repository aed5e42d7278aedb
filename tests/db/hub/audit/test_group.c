/* Requests that only read share the commits of their audit rows (hub/audit/group.h). */
#include "hub/audit/group.h"

#include <pthread.h>
#include <unistd.h>

#include "tests/db/hub/bench.h"

#define DATABASE "causeway_test_audit_group"

enum { FOLLOWERS = 7, REQUESTS = 40, RECORD = 4 /* the column */, MANY = 17, LARGE = 1 << 16 };

static const unsigned char master_key[32] = "a master key for tests, 32 byte";

/* A request on a thread of its own: reads, and commits its row. */
struct asker {
    struct audit_group *group;
    struct bench bench;
    const char *conninfo;
    int64_t person;
    bool spoiled; /* its row is none that the table takes */
    bool many;    /* rows */
    bool large;   /* a row */
    struct str
        recalls; /* not STR_NONE: the version of this epoch (sql/0001_hub.sql), from memory */
    struct recalled recalled;
    struct audit_ready ready;
    bool is_made; /* the above, beforehand */
    int times;
    pthread_t thread;
    enum status status; /* the first that was not OK */
    int64_t missing;    /* rows that were not there when it was told that they were */
};

static void add_row(struct asker *k, struct audit_list *list)
{
    static const char large[LARGE];
    struct audit_row *row = audit_add(&k->bench.arena, list);

    row->pkey = 1000;
    row->person_id = k->person;
    row->patient = STR("123^^^&1.2.3&ISO");
    if (k->large)
        row->verbatim = str_of(large, sizeof(large));
    audit_object_add(&k->bench.arena, row, "document", STR("1.2.3.4"), STR("1.2.3"));
    audit_object_add(&k->bench.arena, row, "document", STR("1.2.3.5"), STR("1.2.3"));
}

static void rows_of(struct asker *k, struct audit_ready *ready)
{
    struct audit_context c = {
        .transaction = "ITI-43",
        .kind = {"110106", 'R'},
        .request = uuid_v7(),
        .at_us = clock_now_us(),
        .member_id = 7,
        .member = STR("st-mary"),
    };
    struct audit_list list = {0};
    struct audit_decision denied = {.pkey = 1000, .person_id = k->person, .rule = "patient-deny"};

    for (int i = 0; i < (k->many ? MANY : 1); i++)
        add_row(k, &list);
    audit_decided(&k->bench.arena, &list, &denied);
    CU_ASSERT_EQUAL_FATAL(audit_ready_make(&k->bench.arena, &c, &list, ready, &k->bench.err), OK);
    if (k->spoiled)
        ready->v[0].column[RECORD] = DB_NULL(DB_TYPE_BYTEA);
}

/* Reads the epoch, then the same from memory. */
static enum status recall(struct asker *k)
{
    static const struct statement EPOCH = {
        "test_epoch",
        "SELECT value FROM epoch WHERE name = $1",
    };
    struct bench *t = &k->bench;
    struct rows rows;

    db_begin(t->db, REPEATABLE_READ);
    db_note_reads(t->db);
    db_queue(t->db, &EPOCH, &rows, DB_TEXT(k->recalls));
    TRY(db_flush(t->db));
    db_remember(t->db, 1);
    db_end_reading(t->db);
    bench_again(t, t->db);
    db_begin_recalling(t->db, 1);
    db_queue(t->db, &EPOCH, &rows, DB_TEXT(k->recalls));
    TRY(db_flush(t->db));
    CU_ASSERT(db_end_recalling(t->db, &k->recalled));
    return OK;
}

static enum status read_or_recall(struct asker *k)
{
    static const struct statement READ = {"test_read", "SELECT 1"};
    struct rows rows;

    if (k->recalls.p != NULL)
        return recall(k);
    db_begin(k->bench.db, REPEATABLE_READ);
    db_queue0(k->bench.db, &READ, &rows);
    return db_flush(k->bench.db);
}

static enum status ask(struct asker *k)
{
    static const struct statement WRITTEN = {
        "test_written",
        "SELECT count(*) FROM audit_pending WHERE id = $1",
    };
    struct bench *t = &k->bench;
    struct rows rows;

    bench_again(t, t->db);
    TRY(read_or_recall(k));
    if (!k->is_made)
        rows_of(k, &k->ready);
    if (k->recalls.p != NULL)
        k->ready.rests_on = &k->recalled;
    TRY(audit_commit(k->group, t->db, &t->arena, &k->ready,
                     clock_monotonic_us() + 60 * US_PER_SECOND, &t->err));
    db_queue(t->db, &WRITTEN, &rows, k->ready.v[0].column[2]);
    TRY(db_flush(t->db));
    k->missing += row_int(&rows, 0, 0) != 1;
    return OK;
}

static void *run(void *p)
{
    struct asker *k = p;

    for (int i = 0; i < k->times && k->status == OK; i++)
        k->status = ask(k);
    return NULL;
}

static void asker_begin(struct asker *k, struct bench *t, struct audit_group *g, int64_t person,
                        int times)
{
    *k = (struct asker){.group = g, .person = person, .times = times};
    arena_init(&k->bench.arena);
    errors_init(&k->bench.err, &k->bench.arena);
    k->conninfo = bench_conninfo(t, DATABASE, "causeway_hub");
    k->bench.db = db_open(k->conninfo, "asker", &k->bench.err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(k->bench.db);
}

static void asker_start(struct asker *k)
{
    CU_ASSERT_EQUAL_FATAL(pthread_create(&k->thread, NULL, run, k), 0);
}

static void asker_end(struct asker *k)
{
    pthread_join(k->thread, NULL);
    CU_ASSERT_EQUAL(k->missing, 0);
    bench_close(&k->bench);
}

static bool set_up(struct bench *t, struct db **owner)
{
    if (!bench_open(t, DATABASE))
        return false;
    audit_init(master_key);
    *owner = bench_connect(t, DATABASE, "causeway_owner");
    CU_ASSERT_EQUAL(bench_run(t, *owner, "TRUNCATE audit_event, audit_search, audit_pending"), OK);
    return true;
}

static void tear_down(struct bench *t, struct db *owner, struct audit_group *g)
{
    audit_group_free(g);
    db_close(owner);
    bench_close(t);
}

/* Until so many askers are in this state (pg_stat_activity, which tells it to a superuser); a
 * minute at most. */
static void await_askers(struct bench *t, const char *state, int64_t count)
{
    const char *sql = str_printf(&t->arena,
                                 "SELECT count(*) FROM pg_stat_activity"
                                 " WHERE application_name = 'asker' AND %s",
                                 state)
                          .p;
    struct db *watcher = db_open(getenv("CAUSEWAY_TEST_DB"), "watcher", &t->err);
    int64_t until_us = clock_monotonic_us() + 60 * US_PER_SECOND;

    CU_ASSERT_PTR_NOT_NULL_FATAL(watcher);
    while (bench_number(t, watcher, sql) < count && clock_monotonic_us() < until_us)
        usleep(2000);
    CU_ASSERT_EQUAL(bench_number(t, watcher, sql), count);
    db_close(watcher);
}

static const char NOTHING[] = "SELECT 1";
static const char COMMITTING[] = "wait_event_type = 'Lock'";
static const char WAITING[] = "state = 'idle' AND query = 'COMMIT'"; /* holds no lock */

/* Until the owner rolls back, whoever commits is held in it. */
static void hold(struct bench *t, struct db *owner)
{
    bench_again(t, owner);
    db_begin(owner, READ_COMMITTED);
    db_queue0(owner, bench_statement(t, "LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE"), NULL);
    CU_ASSERT_EQUAL_FATAL(db_flush(owner), OK);
}

/* The first is held in its commit until all others wait for it, and something happens. */
static void ask_together(struct bench *t, struct db *owner, struct asker *askers, int count,
                         const char *meanwhile)
{
    struct db *other = bench_connect(t, DATABASE, "causeway_owner");

    hold(t, owner);
    asker_start(&askers[0]);
    await_askers(t, COMMITTING, 1);
    for (int i = 1; i < count; i++)
        asker_start(&askers[i]);
    await_askers(t, WAITING, count - 1);
    CU_ASSERT_EQUAL(bench_run(t, other, meanwhile), OK);
    db_close(other);
    db_rollback(owner);
    for (int i = 0; i < count; i++)
        asker_end(&askers[i]);
}

static void who_comes_while_another_commits_goes_with_the_next_one(void)
{
    struct asker askers[1 + FOLLOWERS];
    struct audit_group *g;
    struct bench t;
    struct db *owner;

    if (!set_up(&t, &owner))
        return;
    g = audit_group_new();
    for (int i = 0; i <= FOLLOWERS; i++)
        asker_begin(&askers[i], &t, g, 1 + i, 1);
    ask_together(&t, owner, askers, 1 + FOLLOWERS, NOTHING);
    for (int i = 0; i <= FOLLOWERS; i++)
        CU_ASSERT_EQUAL(askers[i].status, OK);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_event"), 1 + FOLLOWERS);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(DISTINCT xmin::text) FROM audit_event"),
                    2);
    /* But for what is each one's own, the rows of the one statement are those of the other. */
    CU_ASSERT_EQUAL(
        bench_number(&t, owner,
                     "SELECT count(DISTINCT to_jsonb(s) - 'id' - 'at' - 'request' - 'person_id'"
                     "  - 'record_key') FROM audit_search AS s"),
        1);
    CU_ASSERT_EQUAL(bench_number(&t, owner,
                                 "SELECT count(*) FROM audit_search"
                                 " WHERE cardinality(documents) = 2 AND member_id = 7"
                                 "   AND denied_by = ARRAY['patient-deny'] AND denied = ARRAY[1]"),
                    1 + FOLLOWERS);
    CU_ASSERT_EQUAL(bench_number(&t, owner,
                                 "SELECT count(*) FROM audit_event AS e"
                                 "  JOIN audit_search AS s USING (pkey, at, id)"
                                 "  JOIN audit_pending AS p USING (pkey, at, id)"
                                 " WHERE p.leaf_hash = e.leaf_hash"),
                    1 + FOLLOWERS);
    tear_down(&t, owner, g);
}

static void what_one_row_is_refused_for_fails_no_other(void)
{
    struct asker askers[1 + FOLLOWERS];
    struct audit_group *g;
    struct bench t;
    struct db *owner;

    if (!set_up(&t, &owner))
        return;
    g = audit_group_new();
    for (int i = 0; i <= FOLLOWERS; i++) {
        asker_begin(&askers[i], &t, g, 1 + i, 1);
        askers[i].spoiled = i == FOLLOWERS / 2;
    }
    ask_together(&t, owner, askers, 1 + FOLLOWERS, NOTHING);
    for (int i = 0; i <= FOLLOWERS; i++)
        CU_ASSERT_EQUAL(askers[i].status, i == FOLLOWERS / 2 ? INTERNAL : OK);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_event"), FOLLOWERS);
    tear_down(&t, owner, g);
}

/* All but the first, in turn about what changes while they wait and about what does not. */
static void begin_recalling(struct bench *t, struct audit_group *g, struct asker *askers)
{
    for (int i = 0; i <= FOLLOWERS; i++) {
        asker_begin(&askers[i], t, g, 1 + i, 1);
        if (i > 0)
            askers[i].recalls = i % 2 == 0 ? STR("consent") : STR("member");
    }
}

static const char CONSENT_MOVES[] = "UPDATE epoch SET value = value + 1 WHERE name = 'consent'";

static void what_rests_on_memory_is_written_only_if_it_holds(void)
{
    struct asker askers[1 + FOLLOWERS];
    struct audit_group *g;
    struct bench t;
    struct db *owner;

    if (!set_up(&t, &owner))
        return;
    g = audit_group_new();
    begin_recalling(&t, g, askers);
    ask_together(&t, owner, askers, 1 + FOLLOWERS, CONSENT_MOVES);
    for (int i = 0; i <= FOLLOWERS; i++)
        CU_ASSERT_EQUAL(askers[i].status, i > 0 && i % 2 == 0 ? CONFLICT : OK);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_event"),
                    1 + (FOLLOWERS + 1) / 2);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(DISTINCT xmin::text) FROM audit_event"),
                    2);
    tear_down(&t, owner, g);
}

/* Nor does anybody's row get in who must try again alone. */
static void what_rests_on_memory_is_proven_alone_too(void)
{
    struct asker askers[1 + FOLLOWERS];
    struct audit_group *g;
    struct bench t;
    struct db *owner;

    if (!set_up(&t, &owner))
        return;
    g = audit_group_new();
    begin_recalling(&t, g, askers);
    askers[FOLLOWERS].spoiled = true;
    ask_together(&t, owner, askers, 1 + FOLLOWERS, CONSENT_MOVES);
    for (int i = 0; i < FOLLOWERS; i++)
        CU_ASSERT_EQUAL(askers[i].status, i > 0 && i % 2 == 0 ? CONFLICT : OK);
    CU_ASSERT_EQUAL(askers[FOLLOWERS].status, INTERNAL);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_event"),
                    1 + (FOLLOWERS - 1) / 2);
    tear_down(&t, owner, g);
}

static void nobody_is_told_before_its_row_is_committed(void)
{
    struct asker askers[1 + FOLLOWERS];
    struct audit_group *g;
    struct bench t;
    struct db *owner;

    if (!set_up(&t, &owner))
        return;
    g = audit_group_new();
    for (int i = 0; i <= FOLLOWERS; i++) {
        asker_begin(&askers[i], &t, g, 1 + i, REQUESTS);
        asker_start(&askers[i]);
    }
    for (int i = 0; i <= FOLLOWERS; i++) {
        asker_end(&askers[i]);
        CU_ASSERT_EQUAL(askers[i].status, OK);
    }
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_search"),
                    (1 + FOLLOWERS) * REQUESTS);
    tear_down(&t, owner, g);
}

static void what_changed_something_commits_for_itself(void)
{
    struct asker alone;
    struct audit_ready ready;
    struct audit_group *g;
    struct bench t;
    struct db *owner;

    if (!set_up(&t, &owner))
        return;
    g = audit_group_new();
    asker_begin(&alone, &t, g, 1, 1);
    bench_again(&alone.bench, alone.bench.db);
    db_begin(alone.bench.db, READ_COMMITTED);
    rows_of(&alone, &ready);
    audit_ready_queue(alone.bench.db, &ready);
    CU_ASSERT_EQUAL(db_flush(alone.bench.db), OK);
    rows_of(&alone, &ready);
    CU_ASSERT_EQUAL(audit_commit(g, alone.bench.db, &alone.bench.arena, &ready, 0,
                                 &alone.bench.err),
                    OK);
    bench_close(&alone.bench);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_event"), 2);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(DISTINCT xmin::text) FROM audit_event"),
                    1);
    tear_down(&t, owner, g);
}

static void who_asks_for_much_keeps_nobody_waiting(void)
{
    struct asker askers[3];
    struct audit_group *g;
    struct bench t;
    struct db *owner;

    if (!set_up(&t, &owner))
        return;
    g = audit_group_new();
    for (int i = 0; i < 3; i++)
        asker_begin(&askers[i], &t, g, 1 + i, 1);
    askers[0].many = true;
    askers[1].large = true;
    hold(&t, owner);
    for (int i = 0; i < 3; i++) {
        asker_start(&askers[i]);
        await_askers(&t, COMMITTING, 1 + i);
    }
    db_rollback(owner);
    for (int i = 0; i < 3; i++) {
        asker_end(&askers[i]);
        CU_ASSERT_EQUAL(askers[i].status, OK);
    }
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_pending"), MANY + 2);
    tear_down(&t, owner, g);
}

static void end_committing(struct bench *t)
{
    struct db *superuser = db_open(getenv("CAUSEWAY_TEST_DB"), "superuser", &t->err);
    const char *sql = str_printf(&t->arena,
                                 "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                 " WHERE application_name = 'asker' AND %s",
                                 COMMITTING)
                          .p;

    CU_ASSERT_PTR_NOT_NULL_FATAL(superuser);
    CU_ASSERT_EQUAL(bench_number(t, superuser, sql), 1);
    db_close(superuser);
}

/* Its rows are there, but for the commit: who adds them too waits for it. */
static struct db *insert(struct bench *t, struct asker *k)
{
    struct db *db = bench_connect(t, DATABASE, "causeway_hub");

    rows_of(k, &k->ready);
    k->is_made = true;
    bench_again(t, db);
    db_begin(db, READ_COMMITTED);
    audit_ready_queue(db, &k->ready);
    CU_ASSERT_EQUAL_FATAL(db_flush(db), OK);
    return db;
}

/* The second commits for the third, and its connection is lost in it: at the third's rows, which
 * are there when the third tries for itself. */
static void rows_of_a_commit_that_nobody_knows_of_are_written_once(void)
{
    struct asker askers[3];
    struct db *first, *third, *owner;
    struct audit_group *g;
    struct bench t;

    if (!set_up(&t, &owner))
        return;
    g = audit_group_new();
    for (int i = 0; i < 3; i++)
        asker_begin(&askers[i], &t, g, 1 + i, 1);
    first = insert(&t, &askers[0]);
    third = insert(&t, &askers[2]);
    for (int i = 0; i < 3; i++) {
        asker_start(&askers[i]);
        await_askers(&t, i == 0 ? COMMITTING : WAITING, i == 0 ? 1 : i);
    }
    db_rollback(first);
    asker_end(&askers[0]);
    await_askers(&t, COMMITTING, 1);
    end_committing(&t);
    asker_end(&askers[1]);
    await_askers(&t, COMMITTING, 1);
    CU_ASSERT_EQUAL(db_commit(third), OK);
    asker_end(&askers[2]);
    CU_ASSERT_EQUAL(askers[0].status, OK);
    CU_ASSERT_EQUAL(askers[1].status, UPSTREAM);
    CU_ASSERT_EQUAL(askers[2].status, OK);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_event"), 2);
    db_close(first);
    db_close(third);
    tear_down(&t, owner, g);
}

SUITE(test_group, CASE(who_comes_while_another_commits_goes_with_the_next_one),
      CASE(what_one_row_is_refused_for_fails_no_other),
      CASE(what_rests_on_memory_is_written_only_if_it_holds),
      CASE(what_rests_on_memory_is_proven_alone_too),
      CASE(nobody_is_told_before_its_row_is_committed),
      CASE(what_changed_something_commits_for_itself), CASE(who_asks_for_much_keeps_nobody_waiting),
      CASE(rows_of_a_commit_that_nobody_knows_of_are_written_once));
