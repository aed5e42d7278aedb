#include "hub/net/server.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/hub/net/support_client.h"
#include "tests/unit/hub/net/support_service.h"

#define HOST "Host: h\r\n"

static struct arena arena;
static struct net_server *server;
static int http, tls, mllp, mllp_tls;
static struct pki_cert *ca, *client;
static struct net_tls_settings tls_settings;
static struct net_settings settings;

static void default_settings(void)
{
    settings = (struct net_settings){
        .io_threads = 2,
        .max_connections = 100,
        .max_connections_per_peer = 20,
        .max_head = 4096,
        .max_fields = 20,
        .handshake_timeout_us = 5 * US_PER_SECOND,
        .head_timeout_us = 5 * US_PER_SECOND,
        .idle_timeout_us = 5 * US_PER_SECOND,
        .write_timeout_us = 5 * US_PER_SECOND,
        .min_body_rate = 1000,
        .max_request = 1 << 24,
        .max_parts = 4,
        .max_mllp_message = 1000,
    };
}

static void make_pki(void)
{
    struct pki_cert *own;

    pki_begin();
    ca = pki_make(&(struct pki_wish){.name = "CA", .ca = true});
    own = pki_make(&(struct pki_wish){.name = "hub", .issuer = ca});
    client = pki_make(&(struct pki_wish){.name = "hospital", .issuer = ca, .usage = "clientAuth"});
    tls_settings = (struct net_tls_settings){
        .certificate_file = pki_cert_file("hub", own),
        .key_file = pki_key_file("hub", own),
        .ca_file = pki_cert_file("ca", ca),
        .crl_file = pki_crl_file("none", ca, NULL),
    };
}

static int listen_on(enum wire wire, bool with_tls, struct errors *err)
{
    int number = net_listen(server, "127.0.0.1:0", wire, with_tls, err);

    must(number >= 0, "a free port can be listened on");
    return net_listener_port(server, number);
}

static void begin(void)
{
    struct net_service service = service_begin();
    struct errors err;

    arena_init(&arena);
    errors_init(&err, &arena);
    make_pki();
    server = net_server_new(&settings, &service);
    must(net_tls_reload(server, &tls_settings, &err) == OK, "TLS can be set up");
    http = listen_on(WIRE_HTTP, false, &err);
    tls = listen_on(WIRE_HTTP, true, &err);
    mllp = listen_on(WIRE_MLLP, false, &err);
    mllp_tls = listen_on(WIRE_MLLP, true, &err);
    net_start(server);
}

static void end(void)
{
    net_drain(server, 3 * US_PER_SECOND);
    service_end();
    net_server_free(server);
    pki_end();
    arena_dispose(&arena);
    default_settings();
}

/* One request on a connection of its own; all that comes back. */
static struct str ask(struct str request, bool *clean)
{
    struct client c;
    struct str got;

    client_connect(&c, http, false, NULL, 0);
    client_send(&c, request);
    got = client_read_all(&c, &arena, clean);
    client_close(&c);
    return got;
}

static int status_of(struct str response)
{
    uint64_t status = 0;

    if (!str_starts(response, STR("HTTP/1.1 ")))
        return 0;
    str_to_u64(str_slice(response, 9, 12), &status);
    return (int)status;
}

static struct str body_of(struct str response)
{
    ptrdiff_t at = str_find_str(response, STR("\r\n\r\n"));

    return at < 0 ? STR_NONE : str_slice(response, (size_t)at + 4, response.n);
}

/* Wait up to five seconds until the figures are so. */
static void await_open(uint64_t n)
{
    for (int i = 0; i < 1000 && net_figures(server).open != n; i++)
        usleep(5000);
    CU_ASSERT_EQUAL(net_figures(server).open, n);
}

static void await_requests(uint64_t n)
{
    for (int i = 0; i < 1000 && net_figures(server).requests != n; i++)
        usleep(5000);
    CU_ASSERT_EQUAL(net_figures(server).requests, n);
}

static bool contains(struct str s, const char *words)
{
    return str_find_str(s, str_from(words)) >= 0;
}

/* ---- HTTP ---- */

static void a_connection_serves_pipelined_requests_in_order(void)
{
    struct client c;

    begin();
    client_connect(&c, http, false, NULL, 0);
    client_send(&c, STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\none"
                        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                        "3\r\ntwo\r\n0\r\n\r\n"
                        "GET /none HTTP/1.1\r\n" HOST "\r\n"
                        "HEAD /big?5 HTTP/1.1\r\n" HOST "\r\n"
                        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nfour"));
    CHECK_STR(body_of(client_read_response(&c, &arena)), STR("one"));
    CHECK_STR(body_of(client_read_response(&c, &arena)), STR("two"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&c, &arena)), 404);
    CU_ASSERT(contains(client_read_until(&c, &arena, STR("\r\n\r\n")), "Content-Length: 15"));
    CHECK_STR(body_of(client_read_response(&c, &arena)), STR("four"));
    client_close(&c);
    CU_ASSERT_EQUAL(service_await(5).sent, 5);
    end();
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

    begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str got = ask(cases[i].request, &clean);

        CU_ASSERT(clean);
        CU_ASSERT_EQUAL(status_of(got), cases[i].status);
        CU_ASSERT(contains(got, cases[i].words));
        CU_ASSERT(contains(got, "Connection: close"));
    }
    CU_ASSERT_EQUAL(service_await(10).last_status, 400);
    end();
}

static void a_large_head_is_431_and_a_large_chunked_body_413(void)
{
    struct strbuf b;
    bool clean;

    begin();
    b = strbuf_on(&arena, 10000);
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
    end();
}

static void expect_is_answered_when_the_head_is_accepted(void)
{
    struct client c;

    begin();
    client_connect(&c, http, false, NULL, 0);
    client_send(&c, STR("POST /echo HTTP/1.1\r\n" HOST
                        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    CHECK_STR(client_read_until(&c, &arena, STR("\r\n\r\n")), STR("HTTP/1.1 100 Continue\r\n\r\n"));
    client_send(&c, STR("hello"));
    CHECK_STR(body_of(client_read_response(&c, &arena)), STR("hello"));
    client_send(&c, STR("POST /none HTTP/1.1\r\n" HOST
                        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&c, &arena)), 404);
    client_close(&c);
    end();
}

static void parts_are_taken_apart(void)
{
    struct str got;
    bool clean;

    begin();
    got =
        ask(STR("POST /echo HTTP/1.1\r\n" HOST "Connection: close\r\n"
                "Content-Type: multipart/related; boundary=b; start=\"<r>\"\r\n"
                "Transfer-Encoding: chunked\r\n\r\n"
                "3c\r\n--b\r\nContent-ID: <a>\r\n\r\nfirst\r\n--b\r\nContent-ID: <r>\r\n\r\nr\r\n--"
                "\r\n3\r\nb--\r\n0\r\n\r\n"),
            &clean);
    CHECK_STR(body_of(got), STR("5 1* "));
    end();
}

static void answers_of_every_kind_arrive_whole(void)
{
    static const size_t sizes[] = {0, 1, 100, 16384, 65536, 65537, 300000, 3000000};
    static const char *const paths[] = {"/big", "/source", "/unknown"};
    struct client c;

    begin();
    for (int with_tls = 0; with_tls < 2; with_tls++)
        for (size_t p = 0; p < 3; p++)
            for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                struct str got;
                size_t counted = 0;
                bool clean;

                CU_ASSERT(client_connect(&c, with_tls ? tls : http, with_tls, client, 0));
                client_send(&c,
                            str_printf(&arena,
                                       "GET %s?%zu HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
                                       paths[p], sizes[i]));
                got = client_read_all(&c, &arena, &clean);
                client_close(&c);
                CU_ASSERT(clean && status_of(got) == 200);
                got = body_of(got);
                for (size_t at = 0; at < got.n; at++)
                    counted += got.p[at] == 'x';
                CU_ASSERT_EQUAL(counted, sizes[i]);
                CU_ASSERT(contains(got, " tail"));
                CU_ASSERT(p < 2 || str_ends(got, STR("\r\n0\r\n\r\n")));
            }
    end();
}

static void an_http_1_0_client_gets_an_unknown_length_until_the_close(void)
{
    struct str got;
    bool clean;

    begin();
    got = ask(STR("GET /unknown?3 HTTP/1.0\r\n\r\n"), &clean);
    CU_ASSERT(clean && !contains(got, "chunked"));
    CHECK_STR(body_of(got), STR("xxx tail"));
    end();
}

static void a_broken_source_closes_without_the_end(void)
{
    struct client c;
    struct str got;
    bool clean;

    begin();
    CU_ASSERT(client_connect(&c, tls, true, client, 0));
    client_send(&c, STR("GET /broken?1000000 HTTP/1.1\r\n" HOST "\r\n"));
    got = client_read_all(&c, &arena, &clean);
    client_close(&c);
    CU_ASSERT(!clean && got.n > 100 && got.n < 600000);
    CU_ASSERT_EQUAL(service_await(1).broken, 1);
    end();
}

static void a_slow_head_is_408_and_a_silent_connection_is_closed(void)
{
    struct str got;
    bool clean;

    settings.head_timeout_us = settings.idle_timeout_us = US_PER_SECOND / 5;
    begin();
    got = ask(STR("GET /echo HTT"), &clean);
    CU_ASSERT(clean && status_of(got) == 408);
    got = ask(STR(""), &clean);
    CU_ASSERT(clean && got.n == 0);
    CU_ASSERT_EQUAL(service_await(1).finished, 1);
    end();
}

static void a_client_that_leaves_cancels_its_request(void)
{
    struct client c;

    begin();
    for (int i = 0; i < 2; i++) { /* by closing, and by half-closing */
        client_connect(&c, http, false, NULL, 0);
        client_send(&c, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"));
        await_requests((uint64_t)i + 1);
        if (i == 0) {
            client_close(&c);
            continue;
        }
        shutdown(c.fd, SHUT_WR);
        CHECK_STR(body_of(client_read_response(&c, &arena)), STR("slow"));
        client_close(&c);
    }
    CU_ASSERT_EQUAL(service_await(2).cancelled, 2);
    end();
}

static void connections_have_a_cap_in_all_and_for_each_peer(void)
{
    struct client c[4];
    struct str got;
    bool clean;

    settings.max_connections_per_peer = 2;
    settings.max_connections = 3;
    begin();
    for (int i = 0; i < 2; i++)
        client_connect(&c[i], http, false, NULL, 0);
    await_open(2);
    got = ask(STR(""), &clean);
    CU_ASSERT(got.n == 0);
    CU_ASSERT(strstr(service_record().last_refusal, "too many") != NULL);
    for (int i = 0; i < 2; i++)
        client_close(&c[i]);
    await_open(0);
    for (int i = 0; i < 3; i++)
        client_connect(&c[i], i < 2 ? http : tls, false, NULL, 0);
    await_open(3);
    client_connect(&c[3], http, false, NULL, 0);
    CU_ASSERT(client_read_all(&c[3], &arena, &clean).n == 0);
    CU_ASSERT_EQUAL(net_figures(server).open, 3);
    for (int i = 0; i < 4; i++)
        client_close(&c[i]);
    end();
}

static void a_body_that_trickles_is_408_and_a_frame_that_does_is_dropped(void)
{
    struct client c;
    bool clean;

    settings.rate_window_us = US_PER_SECOND / 5;
    begin();
    CU_ASSERT_EQUAL(status_of(ask(STR("POST /echo HTTP/1.1\r\n" HOST
                                      "Content-Length: 500\r\n\r\nonly this"),
                                  &clean)),
                    408);
    client_connect(&c, mllp, false, NULL, 0);
    client_send(&c, STR("\x0bonly this"));
    CHECK_STR(client_read_all(&c, &arena, &clean), STR(""));
    client_close(&c);
    CU_ASSERT_EQUAL(service_await(2).last_status, 0);
    end();
}

static void *drain(void *drained)
{
    *(bool *)drained = net_drain(server, 4 * US_PER_SECOND);
    return NULL;
}

static void draining_answers_what_is_under_way_and_closes_the_rest(void)
{
    struct client busy, idle;
    bool clean, drained = false;
    pthread_t drainer;
    struct str got;

    begin();
    client_connect(&idle, http, false, NULL, 0);
    client_connect(&busy, http, false, NULL, 0);
    client_send(&busy, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"));
    await_requests(1);
    pthread_create(&drainer, NULL, drain, &drained);
    CU_ASSERT(client_read_all(&idle, &arena, &clean).n == 0 && clean);
    client_close(&idle);
    got = client_read_all(&busy, &arena, &clean); /* a second later */
    CU_ASSERT(clean && contains(got, "Connection: close"));
    CHECK_STR(body_of(got), STR("slow"));
    client_close(&busy);
    pthread_join(drainer, NULL);
    CU_ASSERT(drained);
    CU_ASSERT_EQUAL(net_figures(server).open, 0);
    end();
}

static void a_drain_that_runs_out_of_time_cuts_and_cancels(void)
{
    struct client busy;
    bool clean;

    begin();
    client_connect(&busy, http, false, NULL, 0);
    client_send(&busy, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"));
    await_requests(1);
    CU_ASSERT_FALSE(net_drain(server, US_PER_SECOND / 10));
    CHECK_STR(client_read_all(&busy, &arena, &clean), STR(""));
    client_close(&busy);
    CU_ASSERT(service_await(1).cancelled == 1 && service_await(1).gone == 1);
    end();
}

/* ---- TLS ---- */

static struct str ask_tls(const struct pki_cert *identity, int version)
{
    struct client c;
    struct str got = STR("");
    bool clean;

    if (client_connect(&c, tls, true, identity, version)) {
        client_send(&c, STR("GET /big?1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
        got = client_read_all(&c, &arena, &clean);
    }
    client_close(&c);
    return got;
}

static void a_members_certificate_is_let_in_by_tls_1_2_and_1_3(void)
{
    begin();
    CHECK_STR(body_of(ask_tls(client, TLS1_2_VERSION)), STR("head x tail"));
    CHECK_STR(body_of(ask_tls(client, TLS1_3_VERSION)), STR("head x tail"));
    CU_ASSERT(service_record().last_peer.chain_valid);
    CU_ASSERT_STRING_EQUAL(service_record().last_peer.subject, "CN=hospital");
    CU_ASSERT_EQUAL(net_figures(server).handshakes, 2);
    end();
}

/* No byte of HTTP, in either version, and the reason is told. */
static void check_refused(const struct pki_cert *identity, const char *reason)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        int before = service_record().refused;

        CHECK_STR(ask_tls(identity, versions[i]), STR(""));
        for (int wait = 0; wait < 200 && service_record().refused == before; wait++)
            usleep(5000);
        CU_ASSERT_EQUAL(service_record().refused, before + 1);
        if (strstr(service_record().last_refusal, reason) == NULL) {
            fprintf(stderr, "refused for %s, not %s\n", service_record().last_refusal, reason);
            CU_FAIL("another reason");
        }
    }
}

static void a_faulty_certificate_gets_no_byte_of_http(void)
{
    const struct pki_cert *old, *early, *server_only, *self_old;

    begin();
    old = pki_make(&(struct pki_wish){"old", ca, false, -7200, -3600, "clientAuth", false});
    early = pki_make(&(struct pki_wish){"early", ca, false, 3600, 7200, "clientAuth", false});
    server_only = pki_make(&(struct pki_wish){"server", ca, false, 0, 0, "serverAuth", false});
    self_old = pki_make(&(struct pki_wish){"self", NULL, false, -7200, -3600, NULL, false});
    check_refused(NULL, "did not return a certificate");
    check_refused(old, "expired");
    check_refused(early, "not yet valid");
    check_refused(server_only, "purpose");
    check_refused(self_old, "expired");
    CU_ASSERT_EQUAL(service_record().asked, 0);
    CU_ASSERT_EQUAL(service_record().finished, 0);
    end();
}

static void a_certificate_without_a_path_is_left_to_admit(void)
{
    const struct pki_cert *self, *other_ca, *other, *other_old;

    begin();
    self = pki_make(&(struct pki_wish){.name = "self"});
    other_ca = pki_make(&(struct pki_wish){.name = "other CA", .ca = true});
    other = pki_make(&(struct pki_wish){.name = "other", .issuer = other_ca});
    other_old = pki_make(&(struct pki_wish){"old", other_ca, false, -7200, -3600, NULL, false});
    CU_ASSERT_EQUAL(status_of(ask_tls(self, TLS1_3_VERSION)), 200);
    CU_ASSERT_FALSE(service_record().last_peer.chain_valid);
    CU_ASSERT_EQUAL(status_of(ask_tls(other, TLS1_2_VERSION)), 200);
    CU_ASSERT_FALSE(service_record().last_peer.chain_valid);
    check_refused(other_old, "expired");
    service_suspend(true);
    check_refused(self, "no member");
    check_refused(client, "no member");
    end();
}

static void a_reload_brings_in_a_crl_and_cuts_who_is_on_it(void)
{
    struct net_tls_settings with_crl;
    struct client c, other;
    struct pki_cert *stays;
    struct errors err;
    bool clean;

    begin();
    errors_init(&err, &arena);
    stays = pki_make(&(struct pki_wish){.name = "stays", .issuer = ca});
    CU_ASSERT(client_connect(&c, tls, true, client, 0));
    CU_ASSERT(client_connect(&other, tls, true, stays, 0));
    client_send(&c, STR("GET /none HTTP/1.1\r\n" HOST "\r\n"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&c, &arena)), 404);
    with_crl = tls_settings;
    with_crl.crl_file = pki_crl_file("revoked", ca, client);
    CU_ASSERT_EQUAL(net_tls_reload(server, &with_crl, &err), OK);
    CHECK_STR(client_read_all(&c, &arena, &clean), STR(""));
    check_refused(client, "revoked");
    client_send(&other, STR("GET /none HTTP/1.1\r\n" HOST "\r\n"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&other, &arena)), 404);
    client_close(&c);
    client_close(&other);

    with_crl.key_file = tls_settings.ca_file;
    CU_ASSERT_NOT_EQUAL(net_tls_reload(server, &with_crl, &err), OK);
    CU_ASSERT_EQUAL(status_of(ask_tls(stays, 0)), 200);
    end();
}

static void only_tls_1_2_and_1_3_and_the_suites_of_rfc_9325_are_spoken(void)
{
    static const struct {
        const char *suites;
        int version;
        bool works;
    } cases[] = {
        {"DEFAULT@SECLEVEL=0", TLS1_1_VERSION, false},
        {"ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION, true},
        {"ECDHE-ECDSA-AES256-GCM-SHA384", TLS1_2_VERSION, true},
        {"ECDHE-ECDSA-AES128-SHA", TLS1_2_VERSION, false},
        {"AES128-GCM-SHA256", TLS1_2_VERSION, false},
    };

    begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client c;

        client_offer(cases[i].suites, NULL);
        CU_ASSERT_EQUAL(client_connect(&c, tls, true, client, cases[i].version), cases[i].works);
        client_close(&c);
    }
    client_offer(NULL, NULL);
    end();
}

static void dhe_rsa_is_spoken_only_where_it_is_asked_for(void)
{
    static const char *const suites[] = {"DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"};
    struct net_tls_settings rsa;
    struct pki_cert *own;
    struct errors err;

    begin();
    errors_init(&err, &arena);
    own = pki_make(&(struct pki_wish){.name = "hub", .issuer = ca, .rsa = true});
    rsa = tls_settings;
    rsa.certificate_file = pki_cert_file("rsa", own);
    rsa.key_file = pki_key_file("rsa", own);
    for (int i = 0; i < 4; i++) {
        struct client c;

        rsa.dhe = i % 2 == 1;
        CU_ASSERT_EQUAL(net_tls_reload(server, &rsa, &err), OK);
        client_offer(suites[i / 2], NULL);
        CU_ASSERT_EQUAL(client_connect(&c, tls, true, client, TLS1_2_VERSION), rsa.dhe);
        client_close(&c);
    }
    client_offer(NULL, NULL);
    end();
}

static void alpn_agrees_on_http_1_1_or_refuses(void)
{
    static const struct {
        const char *offer; /* as on the wire */
        bool works;
    } cases[] = {{"\x02h2\x08http/1.1", true}, {"\x02h2", false}};

    begin();
    for (size_t i = 0; i < 2; i++) {
        struct client c;

        client_offer(NULL, cases[i].offer);
        CU_ASSERT_EQUAL(client_connect(&c, tls, true, client, 0), cases[i].works);
        client_close(&c);
    }
    client_offer(NULL, NULL);
    end();
}

static void no_session_can_be_resumed(void)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    begin();
    for (size_t i = 0; i < 2; i++) {
        struct client c;

        CU_ASSERT(client_connect(&c, tls, true, client, versions[i]));
        client_send(&c, STR("GET /none HTTP/1.1\r\n" HOST "\r\n"));
        client_read_response(&c, &arena);
        CU_ASSERT_FALSE(SSL_SESSION_is_resumable(SSL_get0_session(c.session)));
        client_close(&c);
    }
    end();
}

static void a_client_cannot_renegotiate(void)
{
    struct client c;

    begin();
    CU_ASSERT(client_connect(&c, tls, true, client, TLS1_2_VERSION));
    SSL_renegotiate(c.session);
    CU_ASSERT_NOT_EQUAL(SSL_do_handshake(c.session), 1);
    client_close(&c);
    end();
}

static bool is_member(void *context, const struct peer *p)
{
    return p->member_id == *(int64_t *)context;
}

static void a_suspended_members_connections_are_closed_at_once(void)
{
    int64_t other = 8, member = 7;
    struct client idle, busy;
    bool clean;

    begin();
    CU_ASSERT(client_connect(&idle, tls, true, client, 0));
    CU_ASSERT(client_connect(&busy, tls, true, client, 0));
    client_send(&busy, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"));
    await_requests(1);
    net_close_peers(server, is_member, &other);
    usleep(20000);
    await_open(2);
    service_suspend(true);
    net_close_peers(server, is_member, &member);
    CHECK_STR(client_read_all(&idle, &arena, &clean), STR(""));
    CHECK_STR(client_read_all(&busy, &arena, &clean), STR(""));
    CU_ASSERT(service_await(1).cancelled == 1 && service_await(1).gone == 1);
    client_close(&idle);
    client_close(&busy);
    end();
}

static void garbage_on_a_tls_port_is_refused(void)
{
    struct client c;
    bool clean;

    begin();
    client_connect(&c, tls, false, NULL, 0);
    client_send(&c, STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
    CU_ASSERT_FALSE(contains(client_read_all(&c, &arena, &clean), "HTTP"));
    client_close(&c);
    CU_ASSERT_EQUAL(net_figures(server).handshake_failures, 1);
    CU_ASSERT_EQUAL(service_record().refused, 1);
    end();
}

/* ---- MLLP ---- */

static void mllp_messages_are_answered_one_by_one(void)
{
    struct client c;

    begin();
    for (int with_tls = 0; with_tls < 2; with_tls++) {
        CU_ASSERT(client_connect(&c, with_tls ? mllp_tls : mllp, with_tls, client, 0));
        client_send(&c, STR("\x0bone\x1c\r\x0btwo\x1c\x0bth"));
        CHECK_STR(client_read_until(&c, &arena, STR("\x1c\r")), STR("\x0b"
                                                                    "ACK one\x1c\r"));
        CHECK_STR(client_read_until(&c, &arena, STR("\x1c\r")), STR("\x0b"
                                                                    "ACK two\x1c\r"));
        client_send(&c, STR("ree\x1c\r"));
        CHECK_STR(client_read_until(&c, &arena, STR("\x1c\r")), STR("\x0b"
                                                                    "ACK three\x1c\r"));
        client_close(&c);
    }
    end();
}

static void an_mllp_message_above_the_cap_closes_the_connection(void)
{
    struct client c;
    struct strbuf b;
    bool clean;

    begin();
    b = strbuf_on(&arena, 1100);
    strbuf_addc(&b, 0x0b);
    for (int i = 0; i < 1001; i++)
        strbuf_addc(&b, 'x');
    client_connect(&c, mllp, false, NULL, 0);
    client_send(&c, strbuf_str(&b));
    CHECK_STR(client_read_all(&c, &arena, &clean), STR(""));
    client_close(&c);
    CU_ASSERT_EQUAL(service_await(1).last_status, 0);
    end();
}

/* The first case sets what the others start from. */
static void a_wrong_address_is_refused_with_the_reason(void)
{
    struct net_service service = service_begin();
    struct errors err;

    default_settings();
    arena_init(&arena);
    errors_init(&err, &arena);
    server = net_server_new(&settings, &service);
    CU_ASSERT_EQUAL(net_listen(server, "127.0.0.1", WIRE_HTTP, false, &err), -1);
    CU_ASSERT_EQUAL(net_listen(server, "::1:80", WIRE_HTTP, false, &err), -1);
    CU_ASSERT_EQUAL(net_listen(server, "127.0.0.1:0", WIRE_HTTP, true, &err), -1);
    CU_ASSERT_EQUAL(err.count, 3);
    CU_ASSERT(net_listen(server, "[::1]:0", WIRE_HTTP, false, &err) == 0 || err.count == 4);
    service_end();
    net_server_free(server);
    arena_dispose(&arena);
}

SUITE(test_server, CASE(a_wrong_address_is_refused_with_the_reason),
      CASE(a_connection_serves_pipelined_requests_in_order),
      CASE(bad_requests_get_their_status_and_the_rule),
      CASE(a_large_head_is_431_and_a_large_chunked_body_413),
      CASE(expect_is_answered_when_the_head_is_accepted), CASE(parts_are_taken_apart),
      CASE(answers_of_every_kind_arrive_whole),
      CASE(an_http_1_0_client_gets_an_unknown_length_until_the_close),
      CASE(a_broken_source_closes_without_the_end),
      CASE(a_slow_head_is_408_and_a_silent_connection_is_closed),
      CASE(a_client_that_leaves_cancels_its_request),
      CASE(connections_have_a_cap_in_all_and_for_each_peer),
      CASE(a_body_that_trickles_is_408_and_a_frame_that_does_is_dropped),
      CASE(draining_answers_what_is_under_way_and_closes_the_rest),
      CASE(a_drain_that_runs_out_of_time_cuts_and_cancels),
      CASE(a_members_certificate_is_let_in_by_tls_1_2_and_1_3),
      CASE(a_faulty_certificate_gets_no_byte_of_http),
      CASE(a_certificate_without_a_path_is_left_to_admit),
      CASE(a_reload_brings_in_a_crl_and_cuts_who_is_on_it),
      CASE(a_suspended_members_connections_are_closed_at_once),
      CASE(only_tls_1_2_and_1_3_and_the_suites_of_rfc_9325_are_spoken),
      CASE(dhe_rsa_is_spoken_only_where_it_is_asked_for), CASE(alpn_agrees_on_http_1_1_or_refuses),
      CASE(no_session_can_be_resumed), CASE(a_client_cannot_renegotiate),
      CASE(garbage_on_a_tls_port_is_refused), CASE(mllp_messages_are_answered_one_by_one),
      CASE(an_mllp_message_above_the_cap_closes_the_connection));
