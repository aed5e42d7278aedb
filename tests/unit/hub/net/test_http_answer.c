#include "hub/net/http_answer.h"

#include "tests/support/suite.h"

enum { HEAD = 512, BODY = 64 };

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

/* Fed in pieces of `step` bytes, then ended. */
static enum http_answer_state read_in(struct arena *a, struct str in, size_t step,
                                      struct http_answer *h)
{
    enum http_answer_state s = HTTP_ANSWER_MORE;

    *h = http_answer_on(a, HEAD, BODY);
    for (; in.n > 0 && s == HTTP_ANSWER_MORE; in = str_slice(in, step, in.n))
        s = http_answer_feed(h, str_slice(in, 0, step));
    return s == HTTP_ANSWER_MORE ? http_answer_end(h) : s;
}

static void the_body_ends_as_its_framing_says(void)
{
    static const struct {
        const char *in, *body;
        int status;
    } cases[] = {
        {OK_HEAD "Content-Length: 3\r\n\r\nabcdef", "abc", 200},
        {OK_HEAD "content-length:0\r\n\r\n", "", 200},
        {OK_HEAD "\r\nuntil the end", "until the end", 200},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", "abc",
         200},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\nx", "x",
         202},
        {"HTTP/1.0 503\r\nContent-Length: 2\r\n\r\nno", "no", 503},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", 204},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t step = 1; step < 200; step = step * 3 + 1) {
            struct http_answer h;

            CU_ASSERT_EQUAL(read_in(&a, str_from(cases[i].in), step, &h), HTTP_ANSWER_WHOLE);
            CU_ASSERT_EQUAL(h.status, cases[i].status);
            CU_ASSERT(str_eq(h.body, str_from(cases[i].body)));
        }
    arena_dispose(&a);
}

/* A member chooses the address that answers, and the size of the pieces it answers in. */
static void chunks_that_come_byte_by_byte_take_no_more_memory(void)
{
    enum { LARGE = 4096, SMALL = 500 };
    struct http_answer h;
    struct strbuf in;
    struct arena a, b;

    arena_init(&a);
    arena_init(&b);
    in = strbuf_on(&b, LARGE);
    strbuf_lit(&in, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1000\r\n");
    for (int i = 0; i < LARGE; i++)
        strbuf_addc(&in, 'x');
    for (int i = 0; i < SMALL; i++)
        strbuf_lit(&in, "\r\n1\r\ny");
    strbuf_lit(&in, "\r\n0\r\n\r\n");
    h = http_answer_on(&a, HEAD, LARGE + SMALL);
    for (size_t i = 0; i < in.n; i++)
        if (http_answer_feed(&h, str_of(in.p + i, 1)) == HTTP_ANSWER_WHOLE)
            break;
    CU_ASSERT_EQUAL(h.body.n, LARGE + SMALL);
    CU_ASSERT(a.used < 16 * (LARGE + SMALL));
    arena_dispose(&b);
    arena_dispose(&a);
}

static void what_has_no_certain_end_is_broken(void)
{
    static const char *const cases[] = {
        "",
        "SSH-2.0\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1 999 No\r\n\r\n",
        OK_HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        OK_HEAD "Content-Length: -1\r\n\r\n",
        OK_HEAD "Content-Length: 3\r\n\r\nab",
        OK_HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nab\r\n0\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\na",
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_answer h;

        CU_ASSERT_EQUAL(read_in(&a, str_from(cases[i]), 7, &h), HTTP_ANSWER_BROKEN);
    }
    arena_dispose(&a);
}

static void heads_and_bodies_have_caps(void)
{
    struct arena a;
    struct str big;
    struct http_answer h;

    arena_init(&a);
    big = str_printf(&a, OK_HEAD "X: %*s\r\n\r\n", HEAD, "");
    CU_ASSERT_EQUAL(read_in(&a, big, 100, &h), HTTP_ANSWER_BROKEN);
    big = str_printf(&a, OK_HEAD "Content-Length: %d\r\n\r\n", BODY + 1);
    CU_ASSERT_EQUAL(read_in(&a, big, 100, &h), HTTP_ANSWER_BROKEN);
    big = str_printf(&a, OK_HEAD "\r\n%*s", BODY + 1, "");
    CU_ASSERT_EQUAL(read_in(&a, big, 100, &h), HTTP_ANSWER_BROKEN);
    big = str_printf(&a, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n%x\r\n", BODY + 1);
    CU_ASSERT_EQUAL(read_in(&a, big, 100, &h), HTTP_ANSWER_BROKEN);
    arena_dispose(&a);
}

SUITE(test_http_answer, CASE(the_body_ends_as_its_framing_says),
      CASE(chunks_that_come_byte_by_byte_take_no_more_memory),
      CASE(what_has_no_certain_end_is_broken), CASE(heads_and_bodies_have_caps));
