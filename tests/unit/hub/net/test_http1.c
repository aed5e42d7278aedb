#include "hub/net/http1.h"

#include <string.h>

#include "tests/support/suite.h"

#define HOST     "Host: h\r\n"
#define GET(...) "GET / HTTP/1.1\r\n" HOST __VA_ARGS__ "\r\n"

/* What the parser makes of the bytes, fed `step` at a time. */
struct outcome {
    int status; /* 0: no fault */
    struct str fault;
    int heads, ends;
    struct strbuf body;
    struct http1 last;
};

static struct outcome run(struct arena *a, struct str bytes, size_t step)
{
    struct outcome o = {.body = strbuf_on(a, 64)};
    struct http1 p;

    http1_init(&p, a, 4096, 20);
    while (bytes.n > 0) {
        struct str in = str_slice(bytes, 0, step), data;
        enum http1_event event;

        bytes = str_slice(bytes, in.n, bytes.n);
        while ((event = http1_feed(&p, &in, &data)) != HTTP1_MORE && event != HTTP1_FAULT) {
            o.heads += event == HTTP1_HEAD;
            o.ends += event == HTTP1_END;
            if (event == HTTP1_DATA)
                strbuf_add(&o.body, data);
            o.last = p;
            if (event == HTTP1_END)
                http1_init(&p, a, 4096, 20);
        }
        if (event == HTTP1_FAULT)
            break;
    }
    if (o.ends == 0)
        o.last = p;
    o.status = p.status;
    o.fault = p.fault;
    return o;
}

struct expectation {
    struct str bytes;
    int status;
    const char *words; /* in the fault */
};

/* Every case gives the same outcome however the bytes are cut. */
static void check_all(const struct expectation *e, size_t count)
{
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < count; i++)
        for (size_t step = 1; step < 4096; step = step * 3 + 1) {
            struct outcome o = run(&a, e[i].bytes, step);
            bool same = o.status == e[i].status &&
                        (e[i].words == NULL || str_find_str(o.fault, str_from(e[i].words)) >= 0);

            if (!same)
                fprintf(stderr, "case %zu, step %zu: %d %.*s\n", i, step, o.status,
                        STR_ARG(o.fault));
            CU_ASSERT(same);
            arena_reset(&a);
        }
    arena_dispose(&a);
}

#define CHECK_ALL(table) check_all((table), sizeof(table) / sizeof((table)[0]))

static void request_lines_are_strict(void)
{
    static const struct expectation cases[] = {
        {STR("GET / HTTP/1.1\n" HOST "\r\n"), 400, "LF without CR"},
        {STR("GET / HTTP/1.1\rX: y\r\n" HOST "\r\n"), 400, "CR without LF"},
        {STR("GET /\r\n\r\n"), 400, "HTTP/0.9"},
        {STR("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400, NULL},
        {STR("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400, "no HTTP version"},
        {STR("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400, "token"},
        {STR("G(T / HTTP/1.1\r\n" HOST "\r\n"), 400, "token"},
        {STR(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400, "token"},
        {STR("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400, "NUL"},
        {STR("GET /#x HTTP/1.1\r\n" HOST "\r\n"), 400, "URI"},
        {STR("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400, "URI"},
        {STR("GET /%4 HTTP/1.1\r\n" HOST "\r\n"), 400, "percent"},
        {STR("GET /%zz HTTP/1.1\r\n" HOST "\r\n"), 400, "percent"},
        {STR("GET path HTTP/1.1\r\n" HOST "\r\n"), 400, "four forms"},
        {STR("GET * HTTP/1.1\r\n" HOST "\r\n"), 400, "four forms"},
        {STR("CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n"), 501, "proxy"},
        {STR("GET / HTTP/2.0\r\n" HOST "\r\n"), 505, NULL},
        {STR("GET / HTTP/1.2\r\n" HOST "\r\n"), 505, NULL},
        {STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400, NULL},
        {STR("GET / http/1.1\r\n" HOST "\r\n"), 400, "no HTTP version"},
        {STR("GET / HTTP/1.1x\r\n" HOST "\r\n"), 400, "no HTTP version"},
        {STR("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 0, NULL},
        {STR("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 0, NULL},
        {STR("GET /a?identifier=urn:oid:1.2|3 HTTP/1.1\r\n" HOST "\r\n"), 0, NULL},
        {STR("GET / HTTP/1.0\r\n\r\n"), 0, NULL},
    };

    CHECK_ALL(cases);
}

static void fields_are_strict(void)
{
    static const struct expectation cases[] = {
        {STR(GET("A : b\r\n")), 400, "before a field's colon"},
        {STR(GET("A: b\r\n c\r\n")), 400, "obs-fold"},
        {STR("GET / HTTP/1.1\r\n X: y\r\n" HOST "\r\n"), 400, "obs-fold"},
        {STR(GET("no colon\r\n")), 400, "colon"},
        {STR(GET(": b\r\n")), 400, "token"},
        {STR(GET("A(: b\r\n")), 400, "token"},
        {STR(GET("A: b\x01\r\n")), 400, "control"},
        {STR(GET("A: b\x7f\r\n")), 400, "control"},
        {STR(GET("A: b\0c\r\n")), 400, "NUL"},
        {STR(GET("A: b\rc\r\n")), 400, "CR without LF"},
        {STR(GET("A: b\nc: d\r\n")), 400, "LF without CR"},
        {STR(GET("A:b\tc \xe9\r\n")), 0, NULL},
        {STR(GET("Expect: tea\r\n")), 417, NULL},
        {STR(GET("Content-Encoding: gzip\r\n")), 415, NULL},
        {STR(GET("Content-Encoding: identity\r\n")), 0, NULL},
    };

    CHECK_ALL(cases);
}

static void a_request_has_one_host_and_it_is_the_targets(void)
{
    static const struct expectation cases[] = {
        {STR("GET / HTTP/1.1\r\n\r\n"), 400, "no Host"},
        {STR(GET("host: h\r\n")), 400, "more than one Host"},
        {STR("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, "host[:port]"},
        {STR("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400, "host[:port]"},
        {STR("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, "host[:port]"},
        {STR("GET http://other/ HTTP/1.1\r\n" HOST "\r\n"), 400, "differs"},
        {STR("GET https://u@h/ HTTP/1.1\r\n" HOST "\r\n"), 400, "user information"},
        {STR("GET https:///x HTTP/1.1\r\n" HOST "\r\n"), 400, "without a host"},
        {STR("GET HTTPS://H/x?y HTTP/1.1\r\n" HOST "\r\n"), 0, NULL},
    };

    CHECK_ALL(cases);
}

static void framing_that_two_parsers_could_read_in_two_ways_is_refused(void)
{
    static const struct expectation cases[] = {
        {STR(GET("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")), 400, "beside"},
        {STR(GET("Content-Length: 3\r\nContent-Length: 3\r\n")), 400, "more than one"},
        {STR(GET("Content-Length: 3, 3\r\n")), 400, "digits"},
        {STR(GET("Content-Length: +3\r\n")), 400, "digits"},
        {STR(GET("Content-Length: 0x3\r\n")), 400, "digits"},
        {STR(GET("Content-Length:\r\n")), 400, "empty"},
        {STR(GET("Content-Length: 99999999999999999999\r\n")), 413, "64 bits"},
        {STR(GET("Transfer-Encoding: gzip\r\n")), 400, "last"},
        {STR(GET("Transfer-Encoding: gzip, chunked\r\n")), 501, "other than chunked"},
        {STR(GET("Transfer-Encoding: chunked, chunked\r\n")), 501, NULL},
        {STR(GET("Transfer-Encoding: chunked, identity\r\n")), 400, "last"},
        {STR(GET("Transfer-Encoding: chunked;q=1\r\n")), 400, NULL},
        {STR(GET("Transfer-Encoding: xchunked\r\n")), 400, NULL},
        {STR(GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400, "more"},
        {STR(GET("Transfer-Encoding:\r\n")), 400, NULL},
        {STR("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, "HTTP/1.0"},
    };

    CHECK_ALL(cases);
}

#define CHUNKED GET("Transfer-Encoding: Chunked\r\n")

static void chunks_are_strict(void)
{
    static const struct expectation cases[] = {
        {STR(CHUNKED "+3\r\nabc\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR(CHUNKED "-3\r\nabc\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"), 400, "malformed"},
        {STR(CHUNKED " 3\r\nabc\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR(CHUNKED "3 \r\nabc\r\n0\r\n\r\n"), 400, "malformed"},
        {STR(CHUNKED "\r\nabc\r\n0\r\n\r\n"), 400, "hexadecimal"},
        {STR(CHUNKED "00000000000000003\r\nabc\r\n0\r\n\r\n"), 400, "16 digits"},
        {STR(CHUNKED "3\nabc\r\n0\r\n\r\n"), 400, "LF without CR"},
        {STR(CHUNKED "3\r\nabcd\r\n0\r\n\r\n"), 400, "longer than its size"},
        {STR(CHUNKED "3\r\nabc\n0\r\n\r\n"), 400, "longer than its size"},
        {STR(CHUNKED "3\r\nabc\rx0\r\n\r\n"), 400, "longer than its size"},
        {STR(CHUNKED "3;a\x01\r\nabc\r\n0\r\n\r\n"), 400, "malformed"},
        {STR(CHUNKED "3;a=\"x\r\nabc\r\n0\r\n\r\n"), 400, "malformed"},
        {STR(CHUNKED "3;\r\nabc\r\n0\r\n\r\n"), 400, "malformed"},
        {STR(CHUNKED "0\r\n bad: trailer\r\n\r\n"), 400, "obs-fold"},
        {STR(CHUNKED "0\r\nbad\r\n\r\n"), 400, "colon"},
        {STR(CHUNKED "3;a=b ; c=\"d\\\"\"\r\nabc\r\n0\r\nHost: again\r\n\r\n"), 0, NULL},
    };

    CHECK_ALL(cases);
}

static void sizes_have_their_own_statuses(void)
{
    struct arena a;
    struct strbuf b;

    arena_init(&a);
    b = strbuf_on(&a, 10000);
    strbuf_lit(&b, "GET /");
    for (int i = 0; i < 5000; i++)
        strbuf_addc(&b, 'a');
    CU_ASSERT_EQUAL(run(&a, strbuf_str(&b), 100).status, 414);

    b.n = 0;
    strbuf_lit(&b, "GET / HTTP/1.1\r\n" HOST "A: ");
    for (int i = 0; i < 5000; i++)
        strbuf_addc(&b, 'a');
    CU_ASSERT_EQUAL(run(&a, strbuf_str(&b), 100).status, 431);

    b.n = 0;
    strbuf_lit(&b, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 20; i++)
        strbuf_lit(&b, "A: b\r\n");
    CU_ASSERT_EQUAL(run(&a, strbuf_str(&b), 100).status, 431);

    b.n = 0;
    strbuf_lit(&b, CHUNKED "0\r\n");
    for (int i = 0; i < 20; i++)
        strbuf_lit(&b, "A: b\r\n");
    CU_ASSERT_EQUAL(run(&a, strbuf_str(&b), 100).status, 431);

    b.n = 0;
    strbuf_lit(&b, CHUNKED "3;a=");
    for (int i = 0; i < 300; i++)
        strbuf_addc(&b, 'a');
    CU_ASSERT_EQUAL(run(&a, strbuf_str(&b), 100).status, 400);

    b.n = 0;
    strbuf_lit(&b, CHUNKED);
    for (int i = 0; i < 1000; i++)
        strbuf_lit(&b, "1;abcdefghijklmnopqrstuvwxyz\r\nx\r\n");
    CU_ASSERT_EQUAL(run(&a, strbuf_str(&b), 100).status, 400);
    arena_dispose(&a);
}

static void a_head_is_read_as_it_came(void)
{
    struct arena a;
    struct outcome o;

    arena_init(&a);
    o = run(&a,
            STR("POST /xds/registry?a=%20b HTTP/1.1\r\n" HOST
                "Content-Type:  text/xml \r\nContent-Length: 5\r\n\r\nhello"),
            7);
    CHECK_STR(o.last.head.method, STR("POST"));
    CHECK_STR(o.last.head.path, STR("/xds/registry"));
    CHECK_STR(o.last.head.query, STR("a=%20b"));
    CHECK_STR(http_field_value(&o.last.head, STR("content-type")), STR("text/xml"));
    CHECK_STR(strbuf_str(&o.body), STR("hello"));
    CU_ASSERT(o.heads == 1 && o.ends == 1);

    o = run(&a, STR("GET https://h?q HTTP/1.1\r\n" HOST "\r\n"), 100);
    CHECK_STR(o.last.head.path, STR("/"));
    CHECK_STR(o.last.head.query, STR("q"));
    arena_dispose(&a);
}

static void chunked_bodies_lose_their_coding_and_their_trailers(void)
{
    struct arena a;

    arena_init(&a);
    for (size_t step = 1; step < 200; step++) {
        struct outcome o = run(&a,
                               STR(CHUNKED "5\r\nhello\r\n00A;x\r\n, chunky w\r\n"
                                           "4\r\norld\r\n000\r\nX-Late: 1\r\n\r\n"),
                               step);

        CHECK_STR(strbuf_str(&o.body), STR("hello, chunky world"));
        CU_ASSERT(o.ends == 1 && http_field_value(&o.last.head, STR("X-Late")).p == NULL);
    }
    arena_dispose(&a);
}

static void pipelined_requests_come_one_by_one(void)
{
    struct arena a;

    arena_init(&a);
    for (size_t step = 1; step < 200; step++) {
        struct outcome o = run(&a,
                               STR(GET("") CHUNKED
                                   "1\r\nx\r\n0\r\n\r\n" GET("Content-Length: 2\r\n") "yz" GET("")),
                               step);

        CU_ASSERT(o.heads == 4 && o.ends == 4 && o.status == 0);
        CHECK_STR(strbuf_str(&o.body), STR("xyz"));
    }
    arena_dispose(&a);
}

static void the_connection_stays_as_the_client_asks(void)
{
    static const struct {
        struct str bytes;
        bool stays;
    } cases[] = {
        {STR(GET("")), true},
        {STR(GET("Connection: Close\r\n")), false},
        {STR(GET("Connection: x, close\r\n")), false},
        {STR(GET("Connection: keep-alive\r\n")), true},
        {STR("GET / HTTP/1.0\r\n\r\n"), false},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CU_ASSERT_EQUAL(run(&a, cases[i].bytes, 1000).last.keep_alive, cases[i].stays);
    arena_dispose(&a);
}

static void expect_counts_only_with_a_body_to_come(void)
{
    struct arena a;

    arena_init(&a);
    CU_ASSERT(run(&a, STR(GET("Expect: 100-Continue\r\nContent-Length: 9\r\n")), 50)
                  .last.expect_continue);
    CU_ASSERT_FALSE(run(&a, STR(GET("Expect: 100-continue\r\n")), 50).last.expect_continue);
    arena_dispose(&a);
}

SUITE(test_http1, CASE(request_lines_are_strict), CASE(fields_are_strict),
      CASE(a_request_has_one_host_and_it_is_the_targets),
      CASE(framing_that_two_parsers_could_read_in_two_ways_is_refused), CASE(chunks_are_strict),
      CASE(sizes_have_their_own_statuses), CASE(a_head_is_read_as_it_came),
      CASE(chunked_bodies_lose_their_coding_and_their_trailers),
      CASE(pipelined_requests_come_one_by_one), CASE(the_connection_stays_as_the_client_asks),
      CASE(expect_counts_only_with_a_body_to_come));
