/* What is remembered of a partner between calls. The wire is tested end to end. */
#include "hub/net/callout_priv.h"
#include "tests/support/suite.h"

static struct callout callout;
static const struct call question = {.partner = 7,
                                     .partner_name = {"aurora", 6},
                                     .most_in_flight = 2};

static struct partner *fresh_partner(void)
{
    callout = (struct callout){.settings = {.leave_alone_us = 1000}};
    return partner_of(&callout, &question);
}

static bool begins(struct partner *p, int64_t now_us, bool *probe)
{
    bool wait, admitted = partner_admits(p, &question, now_us, &wait);

    if (admitted)
        partner_begins(p, now_us, probe);
    return admitted;
}

static void ends(struct partner *p, enum call_end end, int http_status, bool probe, int64_t now_us)
{
    struct call c = question;

    c.end = end;
    c.http_status = http_status;
    partner_ends(&callout, p, &c, true, probe, now_us);
}

static void fail_often(struct partner *p, int n)
{
    bool probe;

    for (int i = 0; i < n; i++) {
        CU_ASSERT_TRUE(begins(p, 0, &probe));
        ends(p, CALL_LATE, 0, probe, 0);
    }
}

static void calls_above_the_limit_wait_for_their_turn(void)
{
    struct partner *p = fresh_partner();
    bool probe, wait;

    CU_ASSERT(begins(p, 0, &probe) && begins(p, 0, &probe));
    CU_ASSERT_FALSE(partner_admits(p, &question, 0, &wait));
    CU_ASSERT_TRUE(wait);
    ends(p, CALL_ANSWERED, 200, false, 0);
    CU_ASSERT_TRUE(partner_admits(p, &question, 0, &wait));
}

static void five_failures_in_a_row_leave_a_partner_alone(void)
{
    struct partner *p = fresh_partner();
    bool probe, wait;

    fail_often(p, BREAKER_FAILURES - 1);
    CU_ASSERT_TRUE(begins(p, 0, &probe));
    ends(p, CALL_ANSWERED, 200, probe, 0);
    fail_often(p, BREAKER_FAILURES);
    CU_ASSERT_FALSE(partner_admits(p, &question, 999, &wait));
    CU_ASSERT_FALSE(wait);
}

static void one_probe_decides_whether_it_is_called_again(void)
{
    struct partner *p = fresh_partner();
    bool probe, wait;

    fail_often(p, BREAKER_FAILURES);
    CU_ASSERT_TRUE(begins(p, 1500, &probe));
    CU_ASSERT_TRUE(probe);
    CU_ASSERT_FALSE(partner_admits(p, &question, 1500, &wait));
    ends(p, CALL_UNREACHABLE, 0, true, 1500);
    CU_ASSERT_FALSE(partner_admits(p, &question, 3400, &wait)); /* twice as long */
    CU_ASSERT_TRUE(begins(p, 4500, &probe));
    ends(p, CALL_ANSWERED, 200, true, 4500);
    CU_ASSERT(begins(p, 4500, &probe) && begins(p, 4500, &probe));
    CU_ASSERT_FALSE(probe);
}

static void an_error_that_it_answers_is_an_answer(void)
{
    struct partner *p = fresh_partner();
    bool probe;

    for (int i = 0; i < 2 * BREAKER_FAILURES; i++) {
        CU_ASSERT_TRUE(begins(p, 0, &probe));
        ends(p, i % 2 == 0 ? CALL_ANSWERED : CALL_MALFORMED, 500, probe, 0);
    }
    CU_ASSERT_EQUAL(p->breaker, BREAKER_CLOSED);
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        CU_ASSERT_TRUE(begins(p, 0, &probe));
        ends(p, CALL_ANSWERED, 503, probe, 0);
    }
    CU_ASSERT_EQUAL(p->breaker, BREAKER_OPEN);
}

static void a_cancelled_probe_lets_another_one_probe(void)
{
    struct partner *p = fresh_partner();
    bool probe;

    fail_often(p, BREAKER_FAILURES);
    CU_ASSERT(begins(p, 1500, &probe) && probe);
    ends(p, CALL_CANCELLED, 0, true, 1500);
    CU_ASSERT(begins(p, 1500, &probe) && probe);
}

static void who_asks_a_partner_much_waits_behind_who_asks_it_once(void)
{
    struct call_set many = {.asker = 1}, one = {.asker = 2};
    struct flight first = {.set = &many}, second = {.set = &many}, third = {.set = &many},
                  elsewhere = {.set = &many}, other = {.set = &one};
    struct flight *const wanted[] = {&first, &elsewhere, &other, &second, &third};
    struct partner *p = fresh_partner();
    struct flight *f;
    size_t i = 0;

    first.partner = second.partner = third.partner = other.partner = p;
    queue_flight(&callout, &first);
    queue_flight(&callout, &second);
    queue_flight(&callout, &third);
    queue_flight(&callout, &elsewhere);
    queue_flight(&callout, &other);
    for (f = callout.flights; f != NULL; f = f->next)
        CU_ASSERT_PTR_EQUAL(f, wanted[i++]);
    CU_ASSERT_EQUAL(i, 5);
}

SUITE(test_callout, CASE(calls_above_the_limit_wait_for_their_turn),
      CASE(five_failures_in_a_row_leave_a_partner_alone),
      CASE(one_probe_decides_whether_it_is_called_again),
      CASE(an_error_that_it_answers_is_an_answer), CASE(a_cancelled_probe_lets_another_one_probe),
      CASE(who_asks_a_partner_much_waits_behind_who_asks_it_once));
