#include "hub/net/budget.h"

#include <string.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/unit/hub/net/support_rig.h"

/* A body of which SENT bytes have come takes 512 KiB, and its head 4 KiB. Three such fit into one
 * peer's share, and fifteen into the whole. */
enum { SENT = 330000, MEMORY = 8 << 20, A_PEERS_FILL = 3, FILLING_PEERS = 5 };

static uint64_t sent; /* by all clients */

static void begin(void)
{
    struct net_settings settings = rig_settings();

    settings.max_memory = MEMORY;
    settings.max_mllp_message = 1 << 20;
    sent = 0;
    rig_begin(&settings);
}

static void send_bytes(struct client *c, struct str begin, size_t n)
{
    char *p = arena_alloc(&rig.arena, n);

    memset(p, 'x', n);
    client_send(c, begin);
    client_send(c, str_of(p, n));
    sent += begin.n + n;
}

static void send_half_a_body(struct client *c)
{
    send_bytes(c, STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 600000\r\n\r\n"), SENT);
}

static void await_sent(void)
{
    for (int i = 0; i < 12000 && net_figures(rig.server).bytes_in < sent; i++)
        usleep(5000);
    CU_ASSERT_EQUAL(net_figures(rig.server).bytes_in, sent);
}

static void hold(struct client *c, const struct pki_cert *identity)
{
    for (int i = 0; i < A_PEERS_FILL; i++) {
        CU_ASSERT(client_connect(&c[i], identity ? rig.tls : rig.http, identity, identity, 0));
        send_half_a_body(&c[i]);
    }
    await_sent();
}

static void let_go(struct client *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        client_close(&c[i]);
    rig_await_open(0);
}

static struct str plain(void (*ask)(struct client *c))
{
    struct client c;
    struct str got;
    bool clean;

    client_connect(&c, rig.http, false, NULL, 0);
    ask(&c);
    got = client_read_all(&c, &rig.arena, &clean);
    client_close(&c);
    return got;
}

static void ask_small(struct client *c)
{
    client_send(c, STR("POST /echo HTTP/1.1\r\n" HOST
                       "Connection: close\r\nContent-Length: 5\r\n\r\nhello"));
}

static void ask_whole(struct client *c)
{
    send_bytes(c,
               STR("POST /echo HTTP/1.1\r\n" HOST
                   "Connection: close\r\nContent-Length: 600000\r\n\r\n"),
               600000);
}

static void ask_parts(struct client *c)
{
    send_bytes(c,
               STR("POST /echo HTTP/1.1\r\n" HOST "Content-Type: multipart/related; boundary=b\r\n"
                   "Content-Length: 600000\r\n\r\n--b\r\nContent-ID: <a>\r\n\r\n"),
               SENT);
}

static void expect_busy(struct str got)
{
    CU_ASSERT_EQUAL(status_of(got), 503);
    CU_ASSERT(contains(got, "Retry-After: 1\r\n"));
    CU_ASSERT(contains(got, "Connection: close\r\n"));
}

static void a_peer_that_holds_its_share_gets_503_and_the_others_are_served(void)
{
    struct client c[A_PEERS_FILL], other;

    begin();
    hold(c, NULL);
    expect_busy(plain(send_half_a_body));
    expect_busy(plain(ask_parts));
    CHECK_STR(body_of(plain(ask_small)), STR("hello")); /* what the refused one had is free */
    CU_ASSERT(client_connect(&other, rig.tls, true, rig.client, 0));
    ask_whole(&other);
    CU_ASSERT_EQUAL(status_of(client_read_response(&other, &rig.arena)), 200);
    client_close(&other);
    let_go(c, A_PEERS_FILL);
    CU_ASSERT_EQUAL(body_of(plain(ask_whole)).n, 600000);
    rig_end();
}

static void when_all_hold_the_budget_one_more_gets_503_until_they_go(void)
{
    struct client c[FILLING_PEERS * A_PEERS_FILL];

    begin();
    for (int i = 0; i < FILLING_PEERS; i++)
        hold(c + i * A_PEERS_FILL,
             pki_make(
                 &(struct pki_wish){.name = "member", .issuer = rig.ca, .usage = "clientAuth"}));
    expect_busy(plain(send_half_a_body));
    CHECK_STR(body_of(plain(ask_small)), STR("hello"));
    let_go(c, FILLING_PEERS * A_PEERS_FILL);
    CU_ASSERT_EQUAL(body_of(plain(ask_whole)).n, 600000);
    rig_end();
}

static void an_mllp_message_without_memory_closes_the_connection(void)
{
    struct client c[A_PEERS_FILL], one;
    bool clean;

    begin();
    hold(c, NULL);
    client_connect(&one, rig.mllp, false, NULL, 0);
    send_bytes(&one, STR("\x0b"), 600000);
    CHECK_STR(client_read_all(&one, &rig.arena, &clean), STR(""));
    rig_await_open(A_PEERS_FILL);
    client_close(&one);
    client_connect(&one, rig.mllp, false, NULL, 0);
    client_send(&one, STR("\x0bone\x1c\r"));
    CHECK_STR(client_read_until(&one, &rig.arena, STR("\x1c\r")), STR("\x0b"
                                                                      "ACK one\x1c\r"));
    client_close(&one);
    let_go(c, A_PEERS_FILL);
    rig_end();
}

static void what_is_read_ahead_without_memory_makes_the_answer_the_last(void)
{
    struct net_settings settings = rig_settings();
    struct client c;
    struct str got;
    bool clean;

    settings.max_memory = 4 * 40000;
    rig_begin(&settings);
    client_connect(&c, rig.http, false, NULL, 0);
    send_bytes(&c, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"), 60000);
    got = client_read_all(&c, &rig.arena, &clean);
    CU_ASSERT(clean && contains(got, "Connection: close"));
    CHECK_STR(body_of(got), STR("slow"));
    client_close(&c);
    rig_end();
}

static void a_drain_gives_back_what_unfinished_bodies_held(void)
{
    struct client c[A_PEERS_FILL];

    begin();
    hold(c, NULL);
    CU_ASSERT_FALSE(net_drain(rig.server, 100000));
    let_go(c, A_PEERS_FILL);
    rig_end(); /* checks the count */
}

static void a_holding_counts_in_both_budgets_or_in_none(void)
{
    struct budget server, peer;
    struct holding h = {&server, &peer, 0};

    budget_init(&server, 100);
    budget_init(&peer, 200);
    CU_ASSERT(holding_set(&h, 100));
    CU_ASSERT_FALSE(holding_set(&h, 101));
    CU_ASSERT(h.n == 100 && server.held == 100 && peer.held == 100);
    CU_ASSERT(holding_set(&h, 10));
    CU_ASSERT(server.held == 10 && peer.held == 10);
    peer.max = 50;
    CU_ASSERT_FALSE(holding_set(&h, 51));
    CU_ASSERT(server.held == 10 && peer.held == 10);
    holding_release(&h);
    CU_ASSERT(budget_untouched(&server) && budget_untouched(&peer));
}

SUITE(test_budget, CASE(a_holding_counts_in_both_budgets_or_in_none),
      CASE(a_peer_that_holds_its_share_gets_503_and_the_others_are_served),
      CASE(when_all_hold_the_budget_one_more_gets_503_until_they_go),
      CASE(an_mllp_message_without_memory_closes_the_connection),
      CASE(what_is_read_ahead_without_memory_makes_the_answer_the_last),
      CASE(a_drain_gives_back_what_unfinished_bodies_held));
