/* gateway/hl7_store against a real server: what is kept, and what a resend gets. */
#include "gateway/hl7_store.h"

#include "tests/db/mpi/bench.h"

static bool open_store(struct bench *t)
{
    static const unsigned char MASTER[32] = "a key that only this test knows";
    static bool derived;

    if (!bench_open(t, "hub"))
        return false;
    if (!derived)
        hl7_store_init(MASTER);
    derived = true;
    t->config.resend_hours = 72;
    return true;
}

/* A request of NORTH's with this message, in a fresh transaction. */
static struct hl7_message message(struct bench *t, const char *control_id, const char *patient)
{
    struct hl7_message m;

    bench_begin(t);
    t->rq.principal.member = &MEMBERS[NORTH];
    CU_ASSERT_EQUAL_FATAL(hl7_parse(&t->arena,
                                    str_printf(&t->arena,
                                               "MSH|^~\\&|A|B|C|D|||ADT^A01|%s|P|2.3.1\rPID|||%s",
                                               control_id, patient),
                                    STR_NONE, &m, &t->err),
                          OK);
    return m;
}

static struct hl7_seen look(struct bench *t, const struct hl7_message *m)
{
    struct hl7_seen seen;

    hl7_seen_queue(&t->rq, m, &seen);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    CU_ASSERT_EQUAL_FATAL(hl7_seen_read(&t->rq, &seen), OK);
    return seen;
}

static void an_accepted_message_is_answered_from_the_store(void)
{
    struct bench t;
    struct hl7_message m;
    struct hl7_seen seen;

    if (!open_store(&t))
        return;
    m = message(&t, "S-1", "1");
    seen = look(&t, &m);
    CU_ASSERT_FALSE(seen.answered);
    hl7_keep(&t.rq, &m, &seen, STR("the answer"));
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    m = message(&t, "S-1", "1");
    seen = look(&t, &m);
    CU_ASSERT_TRUE(seen.answered);
    CHECK_STR(seen.ack, STR("the answer"));
    t.rq.principal.member = &MEMBERS[SOUTH];
    CU_ASSERT_FALSE(look(&t, &m).answered); /* another member's message is another message */
    t.rq.principal.member = &MEMBERS[NORTH];
    t.rq.now_us += 73 * 3600 * US_PER_SECOND;
    seen = look(&t, &m);
    CU_ASSERT_FALSE(seen.answered);
    CU_ASSERT_EQUAL(seen.attempt, 2);
    bench_close(&t);
}

static void other_bytes_under_its_control_id_are_another_message(void)
{
    struct bench t;
    struct hl7_message m;
    struct hl7_seen seen;

    if (!open_store(&t))
        return;
    m = message(&t, "S-2", "1");
    seen = look(&t, &m);
    CU_ASSERT_FALSE(seen.id_reused);
    hl7_keep(&t.rq, &m, &seen, STR("one"));
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    m = message(&t, "S-2", "2");
    seen = look(&t, &m);
    CU_ASSERT_FALSE(seen.answered);
    CU_ASSERT_TRUE(seen.id_reused);
    CU_ASSERT_EQUAL(seen.attempt, 1);
    bench_close(&t);
}

static void two_copies_at_once_cannot_both_be_kept(void)
{
    struct bench t;
    struct hl7_message m;
    struct hl7_seen seen;

    if (!open_store(&t))
        return;
    m = message(&t, "S-3", "1");
    seen = look(&t, &m);
    hl7_keep(&t.rq, &m, &seen, STR("first"));
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    m = message(&t, "S-3", "1");
    hl7_keep(&t.rq, &m, &seen, STR("second")); /* with what it saw before the first committed */
    CU_ASSERT_EQUAL(db_flush(t.db), CONFLICT);
    bench_close(&t);
}

static void a_refused_message_is_kept_and_not_answered_from_the_store(void)
{
    static const char KEPT[] = "SELECT count(*) FROM hl7_message WHERE control_id = 'S-4'"
                               "   AND answer = 'AE' AND $1 = 1";
    struct bench t;
    struct hl7_message m, nothing = {.raw = STR("\xff noise")};
    struct hl7_seen seen;

    if (!open_store(&t))
        return;
    for (int i = 0; i < 2; i++) {
        m = message(&t, "S-4", "1");
        hl7_keep_refused(&t.rq, &m, "AE", STR("no"));
        CU_ASSERT_EQUAL(db_commit(t.db), OK);
    }
    CU_ASSERT_EQUAL(number(&t, "test_kept", KEPT, 1), 2);
    m = message(&t, "S-4", "1");
    seen = look(&t, &m);
    CU_ASSERT_FALSE(seen.answered);
    CU_ASSERT_EQUAL(seen.attempt, 3);
    hl7_keep_refused(&t.rq, &nothing, "AR", STR(""));
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    bench_close(&t);
}

static void what_is_kept_is_sealed(void)
{
    static const char CLEAR[] = "SELECT count(*) FROM hl7_message WHERE $1 = 1"
                                "   AND (position('SECRETNAME'::bytea IN message) > 0 OR "
                                "position('SECRETACK'::bytea IN ack) > 0)";
    struct bench t;
    struct hl7_message m;
    struct hl7_seen seen;

    if (!open_store(&t))
        return;
    m = message(&t, "S-5", "SECRETNAME");
    seen = look(&t, &m);
    hl7_keep(&t.rq, &m, &seen, STR("SECRETACK"));
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    CU_ASSERT_EQUAL(number(&t, "test_clear", CLEAR, 1), 0);
    bench_close(&t);
}

SUITE(test_hl7_store, CASE(an_accepted_message_is_answered_from_the_store),
      CASE(other_bytes_under_its_control_id_are_another_message),
      CASE(two_copies_at_once_cannot_both_be_kept),
      CASE(a_refused_message_is_kept_and_not_answered_from_the_store),
      CASE(what_is_kept_is_sealed));
