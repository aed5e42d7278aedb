/* The request driver: who owns the transaction, what is written when, what the caller gets. The
 * protocol and its handlers are the test's own; database, members and audit are real. */
#include "hub/run.h"

#include <pthread.h>
#include <string.h>

#include "hub/audit/audit.h"
#include "tests/db/hub/bench.h"

#define DATABASE "causeway_test_run"

static struct {
    int handled;         /* how often the handler ran */
    int conflicts;       /* how many of its first runs collide */
    enum status status;  /* what it ends with */
    bool quits_again;    /* the second run fails before it knows the patient */
    bool change_members; /* they change between the directory and the first run's snapshot */
    int undone;
    struct db *other;
    struct bench *bench;
} script;

static void note_undo(void *p)
{
    (void)p;
    script.undone++;
}

static const struct statement EFFECT = {
    "test_run_effect",
    "INSERT INTO mpi_model (model_hash, name, content, added_at, added_by)\n"
    "VALUES (sha256('effect'), 'effect', '', now(), 'test')",
};

static enum status handle(struct request *rq, struct reply *rp)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    script.handled++;
    if (script.quits_again && script.handled == 2)
        return fail(rq->err, INVALID, "XDSTest", "as the script says");
    rq->person = (struct person_ref){1, 2};
    row->patient = rq->patient = STR("1^^^&1.2.3&ISO");
    if (script.change_members && script.handled == 1)
        CU_ASSERT_EQUAL(bench_run(script.bench, script.other,
                                  "UPDATE epoch SET value = value + 1 WHERE name = 'member'"),
                        OK);
    request_on_rollback(rq, note_undo, NULL);
    db_queue0(rq->db, &EFFECT, NULL);
    TRY(db_flush(rq->db));
    reply_add(rp, STR("effect"));
    if (script.handled <= script.conflicts)
        return fail(rq->err, CONFLICT, "40001", "could not serialize");
    return script.status == OK ? OK : fail(rq->err, script.status, "XDSTest", "as the script says");
}

/* --- a request that waits ------------------------------------------------------------------- */

static struct {
    int begun, woken;
    int64_t rows_when_begun; /* of its audit, as others see them */
    struct uuid id;
} wait;

static enum status answer_when_woken(struct request *rq, struct reply *rp)
{
    wait.woken++;
    wait.id = rq->id;
    audit_add(rq->arena, &rq->audit)->patient = rq->patient;
    reply_add(rp, STR("woken"));
    return wait.woken < 2 ? fail(rq->err, CONFLICT, "40001", "could not serialize") : OK;
}

static const struct transaction woken_transaction = {.name = "ITI-99",
                                                     .isolation = READ_COMMITTED,
                                                     .audit = {"110112", 'E'},
                                                     .handle = answer_when_woken};

static void note_beginning(struct request *rq, void *p)
{
    (void)p;
    wait.begun++;
    wait.rows_when_begun =
        bench_number(script.bench, script.other, "SELECT count(*) FROM audit_search");
    CU_ASSERT_PTR_NULL(rq->db);
}

static enum status ask_and_wait(struct request *rq, struct reply *rp)
{
    rq->patient = STR("1^^^&1.2.3&ISO");
    audit_add(rq->arena, &rq->audit)->patient = rq->patient;
    reply_add(rp, STR("not to be seen"));
    request_wait(rq, &woken_transaction, note_beginning, NULL);
    return OK;
}

static const struct transaction waiting_transactions[] = {
    {.name = "ITI-99",
     .isolation = READ_COMMITTED,
     .audit = {"110112", 'E'},
     .handle = ask_and_wait},
    {0},
};

static const struct transaction transactions[] = {
    {.name = "ITI-99", .audit = {"110112", 'E'}, .handle = handle},
    {0},
};

static enum status open_test(struct request *rq)
{
    rq->transaction = rq->route->transactions;
    return OK;
}

static void render_test(struct request *rq, enum status status, struct reply *rp)
{
    rp->http_status = 500;
    reply_add(rp, str_printf(rq->arena, "%s %s", status_name(status), rq->err->first->code));
}

static const struct protocol protocol = {.name = "test",
                                         .open = open_test,
                                         .render_failure = render_test};
static const struct route route = {.wire = WIRE_HTTP,
                                   .protocol = &protocol,
                                   .transactions = transactions};

static const struct route waiting_route = {.wire = WIRE_HTTP,
                                           .protocol = &protocol,
                                           .transactions = waiting_transactions};

struct stage {
    struct bench bench;
    struct hub hub;
    struct config config;
    struct peer peer;
    struct exchange ex;
};

/* The peer's fingerprint is zeroes. */
static void add_certificate(struct bench *t)
{
    CU_ASSERT_EQUAL(bench_run(t, script.other,
                              "INSERT INTO member_cert (fingerprint, member_id, direct, subject,"
                              "  issuer, not_before, not_after, certificate)"
                              " SELECT decode(repeat('00', 32), 'hex'), member_id, false, '', '',"
                              "  now(), 'infinity', '' FROM member ON CONFLICT DO NOTHING"),
                    OK);
}

static bool set_up(struct stage *s)
{
    static const unsigned char key[32] = {1};
    struct bench *t = &s->bench;

    *s = (struct stage){0};
    if (!bench_open(t, DATABASE))
        return false;
    audit_init(key);
    script.other = bench_connect(t, DATABASE, "causeway_owner");
    script.bench = t;
    CU_ASSERT_EQUAL(bench_run(t, script.other, "DELETE FROM mpi_model WHERE name = 'effect'"), OK);
    CU_ASSERT_EQUAL(bench_run(t, script.other, "TRUNCATE audit_search, audit_event"), OK);
    CU_ASSERT_EQUAL(bench_run(t, script.other,
                              "INSERT INTO member (name, organization)"
                              " VALUES ('bellevue', '1.2.3') ON CONFLICT DO NOTHING"),
                    OK);
    s->config = (struct config){.request_seconds = 30};
    s->hub.config = &s->config;
    pthread_mutex_init(&s->hub.directory_lock, NULL);
    add_certificate(t);
    CU_ASSERT_EQUAL_FATAL(hub_directory_refresh(&s->hub, t->db), OK);
    s->peer.chain_valid = true;
    s->peer.member_id = bench_number(t, t->db, "SELECT member_id FROM member");
    return true;
}

static void run_script(struct stage *s, int conflicts, enum status status, bool change_members)
{
    struct exchange *ex = &s->ex;

    script.handled = script.undone = 0;
    script.conflicts = conflicts;
    script.status = status;
    script.change_members = change_members;
    *ex = (struct exchange){.magic = EXCHANGE_MAGIC,
                            .id = uuid_v7(),
                            .peer = &s->peer,
                            .route = &route};
    arena_init(&ex->arena);
    reply_init(&ex->reply, &ex->arena);
    CU_ASSERT_TRUE(request_run(&s->hub, s->bench.db, ex));
}

static void tear_down(struct stage *s)
{
    db_close(script.other);
    member_directory_release(s->hub.directory);
    bench_close(&s->bench);
}

static void check_answer(struct stage *s, struct str wanted)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->ex.reply.first);
    CHECK_STR(s->ex.reply.first->bytes, wanted);
    CU_ASSERT_PTR_NULL(s->ex.reply.first->next);
}

static int64_t effects(struct stage *s)
{
    return bench_number(&s->bench, s->bench.db,
                        "SELECT count(*) FROM mpi_model WHERE name = 'effect'");
}

static int64_t audit_rows(struct stage *s, const char *outcome)
{
    return bench_number(&s->bench, s->bench.db,
                        str_printf(&s->bench.arena,
                                   "SELECT count(*) FROM audit_search WHERE transaction = 'ITI-99'"
                                   " AND outcome = %s AND patient = '1^^^&1.2.3&ISO'",
                                   outcome)
                            .p);
}

static void an_effect_and_its_audit_row_commit_together(void)
{
    struct stage s;

    if (!set_up(&s))
        return;
    run_script(&s, 0, OK, false);
    check_answer(&s, STR("effect"));
    CU_ASSERT_EQUAL(effects(&s), 1);
    CU_ASSERT_EQUAL(audit_rows(&s, "0"), 1);
    CU_ASSERT_EQUAL(script.undone, 0);
    CU_ASSERT_EQUAL(((struct outcome *)s.ex.user)->flushes, 2);
    arena_dispose(&s.ex.arena);
    tear_down(&s);
}

/* What it says to others must be on record before it says it; what it is told is answered in a
 * transaction of its own, again when that collides, with what the request knew before. */
static void a_request_that_waits_commits_first_and_goes_on_in_another_transaction(void)
{
    struct stage s;
    struct exchange *ex = &s.ex;

    if (!set_up(&s))
        return;
    memset(&wait, 0, sizeof(wait));
    *ex = (struct exchange){.magic = EXCHANGE_MAGIC,
                            .id = uuid_v7(),
                            .peer = &s.peer,
                            .route = &waiting_route};
    arena_init(&ex->arena);
    reply_init(&ex->reply, &ex->arena);
    CU_ASSERT_FALSE(request_run(&s.hub, s.bench.db, ex));
    CU_ASSERT_EQUAL(wait.begun, 1);
    CU_ASSERT_EQUAL(wait.rows_when_begun, 1);
    CU_ASSERT_EQUAL(wait.woken, 0);
    CU_ASSERT_TRUE(request_run(&s.hub, s.bench.db, ex));
    CU_ASSERT_EQUAL(wait.woken, 2);
    CU_ASSERT(uuid_eq(wait.id, ex->id));
    check_answer(&s, STR("woken"));
    CU_ASSERT_EQUAL(audit_rows(&s, "0"), 2);
    arena_dispose(&ex->arena);
    tear_down(&s);
}

static void a_failure_leaves_its_audit_row_and_nothing_else(void)
{
    struct stage s;

    if (!set_up(&s))
        return;
    run_script(&s, 0, INVALID, false);
    check_answer(&s, STR("invalid XDSTest"));
    CU_ASSERT_EQUAL(effects(&s), 0);
    CU_ASSERT_EQUAL(audit_rows(&s, "0"), 0);
    CU_ASSERT_EQUAL(audit_rows(&s, "8"), 1);
    CU_ASSERT_EQUAL(script.undone, 1);
    arena_dispose(&s.ex.arena);
    tear_down(&s);
}

static void a_collision_runs_the_handler_again_from_nothing(void)
{
    struct stage s;

    if (!set_up(&s))
        return;
    run_script(&s, 2, OK, false);
    CU_ASSERT_EQUAL(script.handled, 3);
    CU_ASSERT_EQUAL(script.undone, 2);
    check_answer(&s, STR("effect"));
    CU_ASSERT_EQUAL(effects(&s), 1);
    CU_ASSERT_EQUAL(audit_rows(&s, "0"), 1);
    arena_dispose(&s.ex.arena);
    tear_down(&s);
}

static void a_collision_without_end_is_told(void)
{
    struct stage s;

    if (!set_up(&s))
        return;
    run_script(&s, 1000, OK, false);
    CU_ASSERT_EQUAL(script.handled, 5);
    check_answer(&s, STR("conflict 40001"));
    CU_ASSERT_EQUAL(effects(&s), 0);
    CU_ASSERT_EQUAL(audit_rows(&s, "8"), 1);
    arena_dispose(&s.ex.arena);
    tear_down(&s);
}

static void members_that_change_under_a_request_make_it_run_again(void)
{
    struct stage s;
    int64_t before;

    if (!set_up(&s))
        return;
    before = s.hub.directory->epoch;
    run_script(&s, 0, OK, true);
    CU_ASSERT_EQUAL(script.handled, 2);
    CU_ASSERT_EQUAL(s.hub.directory->epoch, before + 1);
    CU_ASSERT_EQUAL(effects(&s), 1);
    arena_dispose(&s.ex.arena);
    tear_down(&s);
}

static void a_suspended_member_runs_nothing(void)
{
    struct stage s;

    if (!set_up(&s))
        return;
    CU_ASSERT_EQUAL(bench_run(&s.bench, script.other, "UPDATE member SET suspended_at = now();"),
                    OK);
    CU_ASSERT_EQUAL(bench_run(&s.bench, script.other,
                              "UPDATE epoch SET value = value + 1 WHERE name = 'member'"),
                    OK);
    run_script(&s, 0, OK, false); /* the directory is still the old one: seen in the snapshot */
    check_answer(&s, STR("denied suspended"));
    CU_ASSERT_EQUAL(effects(&s), 0);
    arena_dispose(&s.ex.arena);
    CU_ASSERT_EQUAL(bench_run(&s.bench, script.other, "UPDATE member SET suspended_at = NULL"), OK);
    tear_down(&s);
}

/* Its connection is cut a moment later (hub/keeper.c); a request of that moment is refused too. */
static void a_certificate_that_was_removed_runs_nothing(void)
{
    struct stage s;

    if (!set_up(&s))
        return;
    CU_ASSERT_EQUAL(bench_run(&s.bench, script.other, "DELETE FROM member_cert"), OK);
    CU_ASSERT_EQUAL(bench_run(&s.bench, script.other,
                              "UPDATE epoch SET value = value + 1 WHERE name = 'member'"),
                    OK);
    run_script(&s, 0, OK, false);
    check_answer(&s, STR("denied certificate"));
    CU_ASSERT_EQUAL(effects(&s), 0);
    arena_dispose(&s.ex.arena);
    tear_down(&s);
}

static void a_failure_names_nobody_whom_only_an_earlier_attempt_knew(void)
{
    struct stage s;

    if (!set_up(&s))
        return;
    script.quits_again = true;
    run_script(&s, 1, OK, false);
    script.quits_again = false;
    check_answer(&s, STR("invalid XDSTest"));
    CU_ASSERT_EQUAL(audit_rows(&s, "8"), 0);
    CU_ASSERT_EQUAL(bench_number(&s.bench, s.bench.db,
                                 "SELECT count(*) FROM audit_search WHERE transaction = 'ITI-99'"
                                 " AND outcome = 8 AND patient IS NULL AND person_id IS NULL"),
                    1);
    arena_dispose(&s.ex.arena);
    tear_down(&s);
}

static void no_answer_but_unavailable_when_the_audit_row_cannot_be_written(void)
{
    struct stage s;

    if (!set_up(&s))
        return;
    CU_ASSERT_EQUAL(bench_run(&s.bench, script.other,
                              "REVOKE INSERT ON audit_event FROM causeway_hub"),
                    OK);
    run_script(&s, 0, OK, false);
    check_answer(&s, STR("upstream unavailable"));
    CU_ASSERT_EQUAL(effects(&s), 0);
    arena_dispose(&s.ex.arena);
    CU_ASSERT_EQUAL(bench_run(&s.bench, script.other,
                              "GRANT INSERT ON audit_event TO causeway_hub"),
                    OK);
    tear_down(&s);
}

SUITE(test_run, CASE(an_effect_and_its_audit_row_commit_together),
      CASE(a_request_that_waits_commits_first_and_goes_on_in_another_transaction),
      CASE(a_failure_leaves_its_audit_row_and_nothing_else),
      CASE(a_collision_runs_the_handler_again_from_nothing), CASE(a_collision_without_end_is_told),
      CASE(members_that_change_under_a_request_make_it_run_again),
      CASE(a_suspended_member_runs_nothing), CASE(a_certificate_that_was_removed_runs_nothing),
      CASE(a_failure_names_nobody_whom_only_an_earlier_attempt_knew),
      CASE(no_answer_but_unavailable_when_the_audit_row_cannot_be_written));
