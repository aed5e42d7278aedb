#include "hub/net/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/hub/net/support_rig.h"

/* One request on a connection of its own; all that comes back. */
static struct str ask(struct str request, bool *clean)
{
    struct client c;
    struct str got;

    client_connect(&c, rig.http, false, NULL, 0);
    client_send(&c, request);
    got = client_read_all(&c, &rig.arena, clean);
    client_close(&c);
    return got;
}

/* ---- HTTP ---- */

static void a_connection_serves_pipelined_requests_in_order(void)
{
    struct client c;

    rig_begin(NULL);
    client_connect(&c, rig.http, false, NULL, 0);
    client_send(&c, STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\none"
                        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                        "3\r\ntwo\r\n0\r\n\r\n"
                        "GET /none HTTP/1.1\r\n" HOST "\r\n"
                        "HEAD /big?5 HTTP/1.1\r\n" HOST "\r\n"
                        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nfour"));
    CHECK_STR(body_of(client_read_response(&c, &rig.arena)), STR("one"));
    CHECK_STR(body_of(client_read_response(&c, &rig.arena)), STR("two"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&c, &rig.arena)), 404);
    CU_ASSERT(contains(client_read_until(&c, &rig.arena, STR("\r\n\r\n")), "Content-Length: 15"));
    CHECK_STR(body_of(client_read_response(&c, &rig.arena)), STR("four"));
    client_close(&c);
    CU_ASSERT_EQUAL(service_await(5).sent, 5);
    rig_end();
}

static atomic_bool flooding;

/* Sends requests that are refused at once, as fast as they are taken, and reads what comes. */
static void *flood(void *session)
{
    struct client *c = session;
    char lot[64 * 1024], sink[64 * 1024];
    static const char one[] = "GET /none HTTP/1.1\r\n" HOST "\r\n";
    size_t n = 0, at = 0;

    while (n + sizeof(one) < sizeof(lot)) {
        memcpy(lot + n, one, sizeof(one) - 1);
        n += sizeof(one) - 1;
    }
    while (atomic_load(&flooding)) {
        ssize_t sent = send(c->fd, lot + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);

        at = sent > 0 ? (at + (size_t)sent) % n : at;
        while (recv(c->fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
            ;
    }
    return NULL;
}

static void a_flood_of_requests_leaves_the_other_connections_their_turn(void)
{
    struct net_settings settings = rig_settings();
    struct client c[2];
    pthread_t thread[2];
    int64_t began;

    settings.io_threads = 1;
    rig_begin(&settings);
    atomic_store(&flooding, true);
    for (int i = 0; i < 2; i++) {
        client_connect(&c[i], rig.http, false, NULL, 0);
        pthread_create(&thread[i], NULL, flood, &c[i]);
    }
    usleep(200000);
    began = clock_monotonic_us();
    for (int i = 0; i < 5; i++) {
        bool clean;

        CU_ASSERT_EQUAL(
            status_of(ask(STR("GET /none HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), &clean)),
            404);
    }
    CU_ASSERT(clock_monotonic_us() - began < 20 * US_PER_SECOND);
    atomic_store(&flooding, false);
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
        client_close(&c[i]);
    }
    rig_end();
}

static void bad_requests_get_their_status_and_the_rule(void)
{
    static const struct {
        struct str request;
        int status;
        const char *words;
    } cases[] = {
        {STR("GET / HTTP/1.1\r\n\r\n"), 400, "no Host"},
        {STR("GET /none HTTP/1.0\r\n\r\n"), 404, "404 Not Found"},
        {STR("DELETE /echo HTTP/1.0\r\n\r\n"), 405, "Allow: GET, POST"},
        {STR("GET / HTTP/3.0\r\n" HOST "\r\n"), 505, "HTTP/1.1 and"},
        {STR("POST /echo HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n"), 417, "100-continue"},
        {STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\n"), 413, "too large"},
        {STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2000000\r\n\r\n"), 413, "too large"},
        {STR("POST /echo HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\n\r\n"), 415, "identity"},
        {STR("POST /echo HTTP/1.1\r\n" HOST "Connection: close\r\n"
             "Content-Type: multipart/related; boundary=b\r\nContent-Length: 4\r\n\r\nnone"),
         400, "boundary never comes"},
        {STR("POST /echo HTTP/1.1\r\n" HOST "Connection: close\r\n"
             "Content-Type: multipart/related\r\nContent-Length: 4\r\n\r\nnone"),
         400, "boundary is missing"},
    };
    bool clean;

    rig_begin(NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str got = ask(cases[i].request, &clean);

        CU_ASSERT(clean);
        CU_ASSERT_EQUAL(status_of(got), cases[i].status);
        CU_ASSERT(contains(got, cases[i].words));
        CU_ASSERT(contains(got, "Connection: close"));
    }
    CU_ASSERT_EQUAL(service_await(10).last_status, 400);
    rig_end();
}

static void a_large_head_is_431_and_a_large_chunked_body_413(void)
{
    struct strbuf b;
    bool clean;

    rig_begin(NULL);
    b = strbuf_on(&rig.arena, 10000);
    strbuf_lit(&b, "GET /echo HTTP/1.1\r\n" HOST "A: ");
    for (int i = 0; i < 5000; i++)
        strbuf_addc(&b, 'a');
    CU_ASSERT_EQUAL(status_of(ask(strbuf_str(&b), &clean)), 431);

    b.n = 0;
    strbuf_lit(&b, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n200000\r\n");
    for (int i = 0; i < 0x200000; i++)
        strbuf_addc(&b, 'a');
    CU_ASSERT_EQUAL(status_of(ask(strbuf_str(&b), &clean)), 413);
    CU_ASSERT(clean);
    rig_end();
}

static void expect_is_answered_when_the_head_is_accepted(void)
{
    struct client c;

    rig_begin(NULL);
    client_connect(&c, rig.http, false, NULL, 0);
    client_send(&c, STR("POST /echo HTTP/1.1\r\n" HOST
                        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    CHECK_STR(client_read_until(&c, &rig.arena, STR("\r\n\r\n")),
              STR("HTTP/1.1 100 Continue\r\n\r\n"));
    client_send(&c, STR("hello"));
    CHECK_STR(body_of(client_read_response(&c, &rig.arena)), STR("hello"));
    client_send(&c, STR("POST /none HTTP/1.1\r\n" HOST
                        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&c, &rig.arena)), 404);
    client_close(&c);
    rig_end();
}

static void parts_are_taken_apart(void)
{
    struct str got;
    bool clean;

    rig_begin(NULL);
    got =
        ask(STR("POST /echo HTTP/1.1\r\n" HOST "Connection: close\r\n"
                "Content-Type: multipart/related; boundary=b; start=\"<r>\"\r\n"
                "Transfer-Encoding: chunked\r\n\r\n"
                "3c\r\n--b\r\nContent-ID: <a>\r\n\r\nfirst\r\n--b\r\nContent-ID: <r>\r\n\r\nr\r\n--"
                "\r\n3\r\nb--\r\n0\r\n\r\n"),
            &clean);
    CHECK_STR(body_of(got), STR("5 1* "));
    rig_end();
}

static void answers_of_every_kind_arrive_whole(void)
{
    static const size_t sizes[] = {0, 1, 100, 16384, 65536, 65537, 300000, 3000000};
    static const char *const paths[] = {"/big", "/source", "/unknown"};
    struct client c;

    rig_begin(NULL);
    for (int with_tls = 0; with_tls < 2; with_tls++)
        for (size_t p = 0; p < 3; p++)
            for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                struct str got;
                size_t counted = 0;
                bool clean;

                CU_ASSERT(
                    client_connect(&c, with_tls ? rig.tls : rig.http, with_tls, rig.client, 0));
                client_send(&c,
                            str_printf(&rig.arena,
                                       "GET %s?%zu HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
                                       paths[p], sizes[i]));
                got = client_read_all(&c, &rig.arena, &clean);
                client_close(&c);
                CU_ASSERT(clean && status_of(got) == 200);
                got = body_of(got);
                for (size_t at = 0; at < got.n; at++)
                    counted += got.p[at] == 'x';
                CU_ASSERT_EQUAL(counted, sizes[i]);
                CU_ASSERT(contains(got, " tail"));
                CU_ASSERT(p < 2 || str_ends(got, STR("\r\n0\r\n\r\n")));
            }
    rig_end();
}

static void an_http_1_0_client_gets_an_unknown_length_until_the_close(void)
{
    struct str got;
    bool clean;

    rig_begin(NULL);
    got = ask(STR("GET /unknown?3 HTTP/1.0\r\n\r\n"), &clean);
    CU_ASSERT(clean && !contains(got, "chunked"));
    CHECK_STR(body_of(got), STR("xxx tail"));
    rig_end();
}

static void a_broken_source_closes_without_the_end(void)
{
    struct client c;
    struct str got;
    bool clean;

    rig_begin(NULL);
    CU_ASSERT(client_connect(&c, rig.tls, true, rig.client, 0));
    client_send(&c, STR("GET /broken?1000000 HTTP/1.1\r\n" HOST "\r\n"));
    got = client_read_all(&c, &rig.arena, &clean);
    client_close(&c);
    CU_ASSERT(!clean && got.n > 100 && got.n < 600000);
    CU_ASSERT_EQUAL(service_await(1).broken, 1);
    rig_end();
}

static void a_slow_head_is_408_and_a_silent_connection_is_closed(void)
{
    struct net_settings settings = rig_settings();
    struct str got;
    bool clean;

    settings.head_timeout_us = settings.idle_timeout_us = US_PER_SECOND;
    rig_begin(&settings);
    got = ask(STR("GET /echo HTT"), &clean);
    CU_ASSERT(clean && status_of(got) == 408);
    got = ask(STR(""), &clean);
    CU_ASSERT(clean && got.n == 0);
    CU_ASSERT_EQUAL(service_await(1).finished, 1);
    rig_end();
}

static void a_client_that_leaves_cancels_its_request(void)
{
    struct client c;

    rig_begin(NULL);
    for (int i = 0; i < 2; i++) { /* by closing, and by half-closing */
        client_connect(&c, rig.http, false, NULL, 0);
        client_send(&c, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"));
        rig_await_requests((uint64_t)i + 1);
        if (i == 0) {
            client_close(&c);
            continue;
        }
        shutdown(c.fd, SHUT_WR);
        CHECK_STR(body_of(client_read_response(&c, &rig.arena)), STR("slow"));
        client_close(&c);
    }
    CU_ASSERT_EQUAL(service_await(2).cancelled, 2);
    rig_end();
}

static void connections_have_a_cap_in_all_and_for_each_peer(void)
{
    struct net_settings settings = rig_settings();
    struct client c[4];
    struct str got;
    bool clean;

    settings.max_connections_per_peer = 2;
    settings.max_connections = 3;
    rig_begin(&settings);
    for (int i = 0; i < 2; i++)
        client_connect(&c[i], rig.http, false, NULL, 0);
    rig_await_open(2);
    got = ask(STR(""), &clean);
    CU_ASSERT(got.n == 0);
    CU_ASSERT(strstr(service_record().last_refusal, "too many") != NULL);
    for (int i = 0; i < 2; i++)
        client_close(&c[i]);
    rig_await_open(0);
    for (int i = 0; i < 3; i++)
        client_connect(&c[i], i < 2 ? rig.http : rig.tls, false, NULL, 0);
    rig_await_open(3);
    client_connect(&c[3], rig.http, false, NULL, 0);
    CU_ASSERT(client_read_all(&c[3], &rig.arena, &clean).n == 0);
    CU_ASSERT_EQUAL(net_figures(rig.server).open, 3);
    for (int i = 0; i < 4; i++)
        client_close(&c[i]);
    rig_end();
}

static void a_connection_that_rests_is_not_read_and_the_others_are(void)
{
    struct client tired, other;
    int64_t asked = clock_monotonic_us();

    rig_begin(NULL);
    client_connect(&tired, rig.http, false, NULL, 0);
    client_connect(&other, rig.http, false, NULL, 0);
    client_send(&tired, STR("GET /rest HTTP/1.1\r\n" HOST "\r\n"
                            "GET /big?5 HTTP/1.1\r\n" HOST "\r\n"));
    CHECK_STR(body_of(client_read_response(&tired, &rig.arena)), STR("rest"));
    client_send(&other, STR("GET /big?5 HTTP/1.1\r\n" HOST "\r\n"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&other, &rig.arena)), 200);
    CU_ASSERT_EQUAL(service_await(2).finished, 2);
    CU_ASSERT_EQUAL(status_of(client_read_response(&tired, &rig.arena)), 200);
    CU_ASSERT(clock_monotonic_us() - asked >= 3 * US_PER_SECOND);
    client_send(&tired, STR("GET /rest HTTP/1.1\r\n" HOST "\r\n"));
    CHECK_STR(body_of(client_read_response(&tired, &rig.arena)), STR("rest"));
    CU_ASSERT(net_drain(rig.server, 30 * US_PER_SECOND)); /* does not wait for the rest */
    client_close(&tired);
    client_close(&other);
    rig_end();
}

static void an_address_has_so_many_handshakes_under_way_and_what_is_above_is_closed(void)
{
    struct net_settings settings = rig_settings();
    struct client half[2], more, plain;
    bool clean;

    settings.handshakes_per_address = (struct guard_limits){.under_way = 2};
    rig_begin(&settings);
    for (int i = 0; i < 2; i++)
        client_connect(&half[i], rig.tls, false, NULL, 0);
    rig_await_open(2);
    client_connect(&more, rig.tls, false, NULL, 0);
    CU_ASSERT_EQUAL(client_read_all(&more, &rig.arena, &clean).n, 0);
    CU_ASSERT_EQUAL(net_figures(rig.server).turned_away, 1);
    CU_ASSERT(strstr(service_record().last_refusal, "too many handshakes") != NULL);
    client_connect(&plain, rig.http, false, NULL, 0);
    rig_await_open(3);
    for (int i = 0; i < 2; i++)
        client_close(&half[i]);
    client_close(&more);
    client_close(&plain);
    rig_await_open(0);
    for (int i = 0; i < 3; i++) { /* a handshake that is over counts no more */
        struct client c;

        CU_ASSERT(client_connect(&c, rig.tls, true, rig.client, 0));
        client_close(&c);
    }
    rig_end();
}

static void a_body_that_trickles_is_408_and_a_frame_that_does_is_dropped(void)
{
    struct net_settings settings = rig_settings();
    struct client c;
    bool clean;

    settings.rate_window_us = US_PER_SECOND;
    rig_begin(&settings);
    CU_ASSERT_EQUAL(status_of(ask(STR("POST /echo HTTP/1.1\r\n" HOST
                                      "Content-Length: 500\r\n\r\nonly this"),
                                  &clean)),
                    408);
    client_connect(&c, rig.mllp, false, NULL, 0);
    client_send(&c, STR("\x0bonly this"));
    CHECK_STR(client_read_all(&c, &rig.arena, &clean), STR(""));
    client_close(&c);
    CU_ASSERT_EQUAL(service_await(2).last_status, 0);
    rig_end();
}

static void *drain(void *drained)
{
    *(bool *)drained = net_drain(rig.server, 30 * US_PER_SECOND);
    return NULL;
}

static void draining_answers_what_is_under_way_and_closes_the_rest(void)
{
    struct client busy, idle;
    bool clean, drained = false;
    pthread_t drainer;
    struct str got;

    rig_begin(NULL);
    client_connect(&idle, rig.http, false, NULL, 0);
    client_connect(&busy, rig.http, false, NULL, 0);
    client_send(&busy, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"));
    rig_await_requests(1);
    pthread_create(&drainer, NULL, drain, &drained);
    CU_ASSERT(client_read_all(&idle, &rig.arena, &clean).n == 0 && clean);
    client_close(&idle);
    got = client_read_all(&busy, &rig.arena, &clean); /* seconds later */
    CU_ASSERT(clean && contains(got, "Connection: close"));
    CHECK_STR(body_of(got), STR("slow"));
    client_close(&busy);
    pthread_join(drainer, NULL);
    CU_ASSERT(drained);
    CU_ASSERT_EQUAL(net_figures(rig.server).open, 0);
    rig_end();
}

static void a_drain_that_runs_out_of_time_cuts_and_cancels(void)
{
    struct client busy;
    bool clean;

    rig_begin(NULL);
    client_connect(&busy, rig.http, false, NULL, 0);
    client_send(&busy, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"));
    rig_await_requests(1);
    CU_ASSERT_FALSE(net_drain(rig.server, US_PER_SECOND / 10));
    CHECK_STR(client_read_all(&busy, &rig.arena, &clean), STR(""));
    client_close(&busy);
    CU_ASSERT(service_await(1).cancelled == 1 && service_await(1).gone == 1);
    rig_end();
}

/* ---- MLLP ---- */

static void mllp_messages_are_answered_one_by_one(void)
{
    struct client c;

    rig_begin(NULL);
    for (int with_tls = 0; with_tls < 2; with_tls++) {
        CU_ASSERT(client_connect(&c, with_tls ? rig.mllp_tls : rig.mllp, with_tls, rig.client, 0));
        client_send(&c, STR("\x0bone\x1c\r\x0btwo\x1c\x0bth"));
        CHECK_STR(client_read_until(&c, &rig.arena, STR("\x1c\r")), STR("\x0b"
                                                                        "ACK one\x1c\r"));
        CHECK_STR(client_read_until(&c, &rig.arena, STR("\x1c\r")), STR("\x0b"
                                                                        "ACK two\x1c\r"));
        client_send(&c, STR("ree\x1c\r"));
        CHECK_STR(client_read_until(&c, &rig.arena, STR("\x1c\r")), STR("\x0b"
                                                                        "ACK three\x1c\r"));
        client_close(&c);
    }
    rig_end();
}

static void an_mllp_message_above_the_cap_closes_the_connection(void)
{
    struct client c;
    struct strbuf b;
    bool clean;

    rig_begin(NULL);
    b = strbuf_on(&rig.arena, 1100);
    strbuf_addc(&b, 0x0b);
    for (int i = 0; i < 1001; i++)
        strbuf_addc(&b, 'x');
    client_connect(&c, rig.mllp, false, NULL, 0);
    client_send(&c, strbuf_str(&b));
    CHECK_STR(client_read_all(&c, &rig.arena, &clean), STR(""));
    client_close(&c);
    CU_ASSERT_EQUAL(service_await(1).last_status, 0);
    rig_end();
}

static void a_wrong_address_is_refused_with_the_reason(void)
{
    struct net_settings settings = rig_settings();
    struct net_service service = service_begin();
    struct errors err;

    arena_init(&rig.arena);
    errors_init(&err, &rig.arena);
    rig.server = net_server_new(&settings, &service);
    CU_ASSERT_EQUAL(net_listen(rig.server, "127.0.0.1", WIRE_HTTP, false, &err), -1);
    CU_ASSERT_EQUAL(net_listen(rig.server, "::1:80", WIRE_HTTP, false, &err), -1);
    CU_ASSERT_EQUAL(net_listen(rig.server, "127.0.0.1:0", WIRE_HTTP, true, &err), -1);
    CU_ASSERT_EQUAL(err.count, 3);
    CU_ASSERT(net_listen(rig.server, "[::1]:0", WIRE_HTTP, false, &err) == 0 || err.count == 4);
    service_end();
    net_server_free(rig.server);
    arena_dispose(&rig.arena);
}

SUITE(test_server, CASE(a_wrong_address_is_refused_with_the_reason),
      CASE(a_connection_serves_pipelined_requests_in_order),
      CASE(bad_requests_get_their_status_and_the_rule),
      CASE(a_flood_of_requests_leaves_the_other_connections_their_turn),
      CASE(a_large_head_is_431_and_a_large_chunked_body_413),
      CASE(expect_is_answered_when_the_head_is_accepted), CASE(parts_are_taken_apart),
      CASE(answers_of_every_kind_arrive_whole),
      CASE(an_http_1_0_client_gets_an_unknown_length_until_the_close),
      CASE(a_broken_source_closes_without_the_end),
      CASE(a_slow_head_is_408_and_a_silent_connection_is_closed),
      CASE(a_client_that_leaves_cancels_its_request),
      CASE(connections_have_a_cap_in_all_and_for_each_peer),
      CASE(a_connection_that_rests_is_not_read_and_the_others_are),
      CASE(an_address_has_so_many_handshakes_under_way_and_what_is_above_is_closed),
      CASE(a_body_that_trickles_is_408_and_a_frame_that_does_is_dropped),
      CASE(draining_answers_what_is_under_way_and_closes_the_rest),
      CASE(a_drain_that_runs_out_of_time_cuts_and_cancels),
      CASE(mllp_messages_are_answered_one_by_one),
      CASE(an_mllp_message_above_the_cap_closes_the_connection));
