/* What happens outside of any request and must reach the audit log, at a rate that it can take. */
#include "hub/notices.h"

#include "hub/audit/audit.h"
#include "tests/db/hub/bench.h"

#define DATABASE "causeway_test_notices"

static void leave(struct bench *t, enum notice_kind kind, int64_t at_us, int count)
{
    struct notice n = {.kind = kind, .at_us = at_us, .transaction = "", .peer = "192.0.2.1:1 CN=x"};

    if (kind == NOTICE_BROKEN_ANSWER)
        snprintf(n.transaction, sizeof(n.transaction), "ITI-43");
    for (int i = 0; i < count; i++) {
        n.request = uuid_v7();
        notice_leave(&n);
        if (i % 200 == 199) {
            bench_again(t, t->db);
            CU_ASSERT_EQUAL(notices_write(t->db), OK);
        }
    }
    bench_again(t, t->db);
    CU_ASSERT_EQUAL(notices_write(t->db), OK);
    bench_again(t, t->db);
}

static void strangers_do_not_fill_the_log_nor_crowd_out_members(void)
{
    static const unsigned char key[32] = {1};
    int64_t now = clock_now_us(), rows;
    struct bench t;

    if (!bench_open(&t, DATABASE))
        return;
    audit_init(key);
    leave(&t, NOTICE_REFUSED_PEER, now, 2000);
    rows = bench_number(&t, t.db, "SELECT count(*) FROM audit_search WHERE transaction = 'ITI-19'");
    CU_ASSERT(rows >= 250);
    CU_ASSERT(rows <= 300);
    leave(&t, NOTICE_BROKEN_ANSWER, now, 400);
    CU_ASSERT_EQUAL(bench_number(&t, t.db,
                                 "SELECT count(*) FROM audit_search WHERE transaction = 'ITI-43'"),
                    400);
    leave(&t, NOTICE_REFUSED_PEER, now + 3600 * US_PER_SECOND, 100);
    CU_ASSERT(
        bench_number(&t, t.db, "SELECT count(*) FROM audit_search WHERE transaction = 'ITI-19'") >=
        rows + 100);
    bench_close(&t);
}

SUITE(test_notices, CASE(strangers_do_not_fill_the_log_nor_crowd_out_members));
