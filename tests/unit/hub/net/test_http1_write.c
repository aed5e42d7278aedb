#include "hub/net/http1_write.h"

#include "hub/base/clock.h"
#include "tests/support/suite.h"

static struct arena arena;
static struct reply reply;

static void begin(void)
{
    arena_init(&arena);
    reply_init(&reply, &arena);
    clock_set_for_tests(INT64_C(784111777000000)); /* the date of RFC 9110 section 5.6.7 */
}

static void end(void)
{
    clock_set_for_tests(0);
    arena_dispose(&arena);
}

static struct str head(int minor_version, bool close)
{
    struct strbuf b = strbuf_on(&arena, 64);

    http1_write_head(&b, &reply, http1_framing_of(&reply, minor_version), close);
    return strbuf_str(&b);
}

static void a_head_has_status_date_and_length(void)
{
    begin();
    reply_add(&reply, STR("hello"));
    reply_field(&reply, STR("Content-Type"), STR("text/plain"));
    CHECK_STR(head(1, false), STR("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                  "Content-Length: 5\r\nContent-Type: text/plain\r\n\r\n"));
    CU_ASSERT(str_find_str(head(1, true), STR("\r\nConnection: close\r\n")) > 0);
    end();
}

static void an_unknown_length_is_chunked_or_ends_with_the_connection(void)
{
    struct byte_source source = {.length = LENGTH_UNKNOWN};

    begin();
    reply_add(&reply, STR("before"));
    reply_add_source(&reply, &source);
    reply_add(&reply, STR("behind"));
    CU_ASSERT_EQUAL(http1_framing_of(&reply, 1), HTTP1_CHUNKED);
    CU_ASSERT_EQUAL(http1_framing_of(&reply, 0), HTTP1_TO_CLOSE);
    CU_ASSERT(str_find_str(head(1, false), STR("Transfer-Encoding: chunked")) > 0);
    CU_ASSERT(str_find_str(head(1, false), STR("Content-Length")) < 0);
    CU_ASSERT(str_find_str(head(0, false), STR("chunked")) < 0);
    end();
}

static void a_status_without_a_body_has_no_length(void)
{
    begin();
    reply.http_status = 204;
    CU_ASSERT(str_find_str(head(1, false), STR("Content-Length")) < 0);
    end();
}

static void no_value_can_add_a_line(void)
{
    begin();
    reply_field(&reply, STR("X"), STR("a\r\nSet-Cookie: b"));
    CU_ASSERT(str_find_str(head(1, false), STR("X: a  Set-Cookie: b\r\n")) > 0);
    end();
}

static void a_reset_forgets_what_was_begun(void)
{
    begin();
    reply.http_status = 500;
    reply_field(&reply, STR("X"), STR("y"));
    reply_add(&reply, STR("half"));
    reply_reset(&reply);
    CU_ASSERT(reply.http_status == 200 && reply.field_count == 0 && reply.length == 0 &&
              reply.first == NULL && reply.arena == &arena);
    end();
}

SUITE(test_http1_write, CASE(a_head_has_status_date_and_length),
      CASE(an_unknown_length_is_chunked_or_ends_with_the_connection),
      CASE(a_status_without_a_body_has_no_length), CASE(no_value_can_add_a_line),
      CASE(a_reset_forgets_what_was_begun));
