#include "hub/net/mllp.h"

#include "tests/support/suite.h"

static struct arena arena;
static struct mllp parser;

/* All messages, each followed by '|'; "!" where one was too large. */
static struct str messages(struct str bytes, size_t step)
{
    struct strbuf out = strbuf_on(&arena, 64);

    mllp_init(&parser, 8);
    while (bytes.n > 0) {
        struct str in = str_slice(bytes, 0, step);
        enum mllp_event event;

        bytes = str_slice(bytes, in.n, bytes.n);
        while ((event = mllp_feed(&parser, &in)) != MLLP_MORE) {
            if (event == MLLP_TOO_LARGE) {
                strbuf_addc(&out, '!');
                return strbuf_str(&out);
            }
            if (event == MLLP_BEGIN) {
                mllp_begin(&parser, &arena);
                continue;
            }
            strbuf_add(&out, mllp_message(&parser));
            strbuf_addc(&out, '|');
        }
    }
    return strbuf_str(&out);
}

static void check(struct str bytes, struct str wanted)
{
    arena_init(&arena);
    for (size_t step = 1; step <= bytes.n; step++)
        CHECK_STR(messages(bytes, step), wanted);
    arena_dispose(&arena);
}

static void frames_are_found_however_the_bytes_are_cut(void)
{
    check(STR("\x0bMSH\r\x1c\r\x0bPID\r\x1c\r"), STR("MSH\r|PID\r|"));
}

static void the_last_cr_may_be_missing(void)
{
    check(STR("\x0bMSH\x1c\x0bPID\x1c"), STR("MSH|PID|"));
}

static void bytes_between_frames_are_skipped_and_counted(void)
{
    check(STR("xx\x0bMSH\x1c\r\nyy\x0bPID\x1c\r"), STR("MSH|PID|"));
    CU_ASSERT_EQUAL(parser.skipped, 4);
}

static void a_second_start_begins_anew(void)
{
    check(STR("\x0bMS\x0b\x0bPID\x1c\r"), STR("PID|"));
    CU_ASSERT_EQUAL(parser.restarts, 2);
}

static void a_frame_without_end_gives_nothing(void)
{
    check(STR("\x0bMSH"), STR(""));
}

static void messages_have_a_cap(void)
{
    check(STR("\x0b"
              "12345678\x1c\r"),
          STR("12345678|"));
    check(STR("\x0b"
              "123456789\x1c\r"),
          STR("!"));
}

SUITE(test_mllp, CASE(frames_are_found_however_the_bytes_are_cut), CASE(the_last_cr_may_be_missing),
      CASE(bytes_between_frames_are_skipped_and_counted), CASE(a_second_start_begins_anew),
      CASE(a_frame_without_end_gives_nothing), CASE(messages_have_a_cap));
