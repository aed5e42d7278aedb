#include "hub/net/multipart.h"

#include <string.h>

#include "tests/support/suite.h"

#define TYPE "multipart/related; boundary=xx; type=\"application/xop+xml\""
#define ROOT "Content-Type: application/xop+xml\r\nContent-ID: <root>\r\n\r\n<Envelope/>"

static struct arena arena;

/* A sink that notes what it is given: begin as '[', the bytes, end as ']'. */
static struct strbuf sunk;
static enum status sink_answer;
static size_t largest_write;

static void *sink_begin(void *context, struct arena *a)
{
    (void)context, (void)a;
    strbuf_addc(&sunk, '[');
    return &sunk;
}

static enum status sink_write(void *stored, struct str bytes)
{
    if (bytes.n > largest_write)
        largest_write = bytes.n;
    strbuf_add(stored, bytes);
    return sink_answer;
}

static enum status sink_end(void *stored)
{
    strbuf_addc(stored, ']');
    return OK;
}

static const struct part_sink sink = {NULL, sink_begin, sink_write, sink_end};

static struct multipart *parse(struct str type, struct str body, size_t step, bool with_sink)
{
    static const struct multipart_limits limits = {.max_parts = 4, .max_memory = 1000};
    struct multipart *m = multipart_new(&arena, type, with_sink ? &sink : NULL, &limits);

    sunk = strbuf_on(&arena, 64);
    while (body.n > 0) {
        if (!multipart_feed(m, str_slice(body, 0, step)))
            return m;
        body = str_slice(body, step, body.n);
    }
    (void)!multipart_end(m);
    return m;
}

static void check_fault(struct str type, struct str body, int status, const char *words)
{
    arena_init(&arena);
    for (size_t step = 1; step <= body.n; step++) {
        struct multipart *m = parse(type, body, step, true);
        bool same =
            multipart_status(m) == status && str_find_str(multipart_fault(m), str_from(words)) >= 0;

        if (!same)
            fprintf(stderr, "step %zu: %d %.*s, not %s\n", step, multipart_status(m),
                    STR_ARG(multipart_fault(m)), words);
        CU_ASSERT(same);
        arena_reset(&arena);
    }
    arena_dispose(&arena);
}

/* The root's bytes and what went to the sink. */
static void check_parts(struct str type, struct str body, struct str root, struct str stored)
{
    arena_init(&arena);
    sink_answer = OK;
    for (size_t step = 1; step <= body.n; step++) {
        struct multipart *m = parse(type, body, step, true);

        CU_ASSERT_EQUAL(multipart_status(m), 0);
        if (multipart_root(m) != NULL)
            CHECK_STR(multipart_root(m)->bytes, root);
        CHECK_STR(strbuf_str(&sunk), stored);
        arena_reset(&arena);
    }
    arena_dispose(&arena);
}

static void the_root_stays_and_the_others_stream_byte_for_byte(void)
{
    check_parts(STR(TYPE),
                STR("preamble\r\n--xx\r\n" ROOT "\r\n--xx\r\nContent-ID: <a@b>\r\n\r\n"
                    "\r\n-\r\r\n--x\r\n--xy\0z\r\r\n\r\n--xx  \r\n\r\nplain\r\n--xx--\r\nepilogue"),
                STR("<Envelope/>"), STR("[\r\n-\r\r\n--x\r\n--xy\0z\r\r\n][plain]"));
}

static void the_root_is_the_part_that_start_names(void)
{
    check_parts(STR(TYPE "; start=\"<root>\""),
                STR("--xx\r\nContent-ID: <a>\r\n\r\nfirst\r\n--xx\r\n" ROOT "\r\n--xx--"),
                STR("<Envelope/>"), STR("[first]"));
}

static void parts_may_be_empty(void)
{
    check_parts(STR(TYPE),
                STR("--xx\r\n" ROOT "\r\n--xx\r\nA: b\r\n\r\n--xx\r\n\r\n\r\n--xx--\r\n"),
                STR("<Envelope/>"), STR("[][]"));
}

static void a_bodys_start_may_look_like_a_delimiter(void)
{
    check_parts(STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xx\r\n\r\n--x\r\n--xx--"), STR("<Envelope/>"),
                STR("[--x]"));
}

static void boundaries_may_be_quoted_and_awkward(void)
{
    check_parts(STR("Multipart/Related; Boundary=\"a b:'()+_,-./=?c\"; type=x"),
                STR("--a b:'()+_,-./=?c\r\n" ROOT "\r\n--a b:'()+_,-./=?c--"), STR("<Envelope/>"),
                STR(""));
    check_parts(STR("multipart/related; boundary=----=_Part_1; type=x;"),
                STR("------=_Part_1\r\n" ROOT "\r\n------=_Part_1--"), STR("<Envelope/>"), STR(""));
}

static void base64_parts_are_decoded(void)
{
    check_parts(STR(TYPE),
                STR("--xx\r\n" ROOT "\r\n--xx\r\nContent-Transfer-Encoding: Base64\r\n\r\n"
                    "aGVs\r\nbG8g\r\nd29ybGQ=\r\n\r\n--xx--"),
                STR("<Envelope/>"), STR("[hello world]"));
}

static void heads_may_be_folded(void)
{
    check_parts(STR(TYPE "; start=\"<root>\""),
                STR("--xx\r\n\r\nfirst\r\n--xx\r\nContent-ID:\r\n <root>\r\n\r\nr\r\n--xx--"),
                STR("r"), STR("[first]"));
}

static void what_is_malformed_is_refused_with_its_reason(void)
{
    static const struct {
        struct str type, body;
        int status;
        const char *words;
    } cases[] = {
        {STR("multipart/related"), STR("--xx\r\n"), 400, "boundary is missing"},
        {STR("multipart/related; boundary=\"x"), STR("--x\r\n"), 400, "malformed"},
        {STR("multipart/related; boundary=x; boundary=y"), STR("--x\r\n"), 400, "twice"},
        {STR("multipart/related; boundary=\"x \""), STR("--x\r\n"), 400, "boundary"},
        {STR("multipart/related; boundary=x\xff"), STR("--x\r\n"), 400, "boundary"},
        {STR(TYPE), STR("nothing here"), 400, "never comes"},
        {STR(TYPE), STR("--xx\n" ROOT "\n--xx--\n"), 400, "behind a boundary"},
        {STR(TYPE), STR("--xx\r\n" ROOT), 400, "closing boundary"},
        {STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xx"), 400, "closing boundary"},
        {STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xx-"), 400, "closing boundary"},
        {STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xx\r\n"), 400, "closing boundary"},
        {STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xxy\r\n"), 400, "behind a boundary"},
        {STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xx -- \r\n"), 400, "behind a boundary"},
        {STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xx--y\r\n"), 400, "behind a boundary"},
        {STR(TYPE), STR("--xx--"), 400, "without parts"},
        {STR(TYPE), STR("--xx\r\nno colon\r\n\r\n\r\n--xx--"), 400, "name: value"},
        {STR(TYPE), STR("--xx\r\nA : b\r\n\r\n\r\n--xx--"), 400, "name: value"},
        {STR(TYPE), STR("--xx\r\n folded: first\r\n\r\n\r\n--xx--"), 400, "name: value"},
        {STR(TYPE), STR("--xx\r\n--xx--\r\n\r\n"), 400, "name: value"},
        {STR(TYPE), STR("--xx\r\nA: b\nC: d\r\n\r\n\r\n--xx--"), 400, "alone"},
        {STR(TYPE), STR("--xx\r\nA: b\0\r\n\r\n\r\n--xx--"), 400, "NUL"},
        {STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xx\r\n" ROOT "\r\n--xx--"), 400, "one Content-ID"},
        {STR(TYPE), STR("--xx\r\nContent-ID: <a>\r\nContent-ID: <b>\r\n\r\n\r\n--xx--"), 400,
         "twice"},
        {STR(TYPE), STR("--xx\r\nContent-Type: Multipart/Mixed\r\n\r\n\r\n--xx--"), 400,
         "itself a multipart"},
        {STR(TYPE "; start=\"<b>\""), STR("--xx\r\n" ROOT "\r\n--xx--"), 400, "start names"},
        {STR(TYPE), STR("--xx\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\r\n--xx--"),
         400, "Transfer-Encoding"},
        {STR(TYPE), STR("--xx\r\nContent-Transfer-Encoding: base64\r\n\r\na*==\r\n--xx--"), 400,
         "base64 is malformed"},
        {STR(TYPE), STR("--xx\r\nContent-Transfer-Encoding: base64\r\n\r\naGV\r\n--xx--"), 400,
         "base64 ends early"},
        {STR(TYPE), STR("--xx\r\nContent-Transfer-Encoding: base64\r\n\r\naA==aA==\r\n--xx--"), 400,
         "base64 is malformed"},
        {STR(TYPE), STR("--xx\r\nContent-Transfer-Encoding: base64\r\n\r\naB==\r\n--xx--"), 400,
         "base64 is malformed"},
        {STR(TYPE),
         STR("--xx\r\n\r\n1\r\n--xx\r\n\r\n2\r\n--xx\r\n\r\n3\r\n--xx\r\n\r\n4\r\n--xx\r\n\r\n5"
             "\r\n--xx--"),
         413, "too many parts"},
    };

    sink_answer = OK;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_fault(cases[i].type, cases[i].body, cases[i].status, cases[i].words);
}

static void memory_and_heads_are_capped(void)
{
    struct strbuf b;

    arena_init(&arena);
    b = strbuf_on(&arena, 2000);
    strbuf_lit(&b, "--xx\r\n\r\n");
    for (int i = 0; i < 1001; i++)
        strbuf_addc(&b, 'x');
    CU_ASSERT_EQUAL(multipart_status(parse(STR(TYPE), strbuf_str(&b), 100, true)), 413);

    b.n = 0;
    strbuf_lit(&b, "--xx\r\nA: ");
    for (int i = 0; i < MULTIPART_HEAD_MAX; i++)
        strbuf_addc(&b, 'x');
    CU_ASSERT_EQUAL(multipart_status(parse(STR(TYPE), strbuf_str(&b), 100, true)), 400);
    arena_dispose(&arena);
}

static void without_a_sink_every_part_stays_in_memory(void)
{
    struct multipart *m;

    arena_init(&arena);
    m = parse(STR(TYPE), STR("--xx\r\n" ROOT "\r\n--xx\r\nContent-ID: <a>\r\n\r\nA\r\n--xx--"), 3,
              false);
    CU_ASSERT_EQUAL(multipart_status(m), 0);
    CHECK_STR(multipart_parts(m)->next->bytes, STR("A"));
    CHECK_STR(multipart_parts(m)->next->content_id, STR("a"));
    CU_ASSERT_EQUAL(multipart_parts(m)->next->size, 1);
    arena_dispose(&arena);
}

static void a_sink_that_cannot_store_makes_it_503(void)
{
    arena_init(&arena);
    sink_answer = UPSTREAM;
    CU_ASSERT_EQUAL(multipart_status(parse(STR(TYPE),
                                           STR("--xx\r\n" ROOT "\r\n--xx\r\n\r\nA\r\n--xx--"), 9,
                                           true)),
                    503);
    sink_answer = OK;
    arena_dispose(&arena);
}

static void a_large_part_is_handed_on_in_the_pieces_that_came(void)
{
    struct strbuf b;

    arena_init(&arena);
    largest_write = 0;
    b = strbuf_on(&arena, 100000);
    strbuf_lit(&b, "--xx\r\n" ROOT "\r\n--xx\r\n\r\n");
    for (int i = 0; i < 100000; i++)
        strbuf_addc(&b, 'x');
    strbuf_lit(&b, "\r\n--xx--");
    CU_ASSERT_EQUAL(multipart_status(parse(STR(TYPE), strbuf_str(&b), 4096, true)), 0);
    CU_ASSERT_EQUAL(sunk.n, 100002);
    CU_ASSERT(largest_write <= 4096 && largest_write > 1000);
    arena_dispose(&arena);
}

SUITE(test_multipart, CASE(the_root_stays_and_the_others_stream_byte_for_byte),
      CASE(the_root_is_the_part_that_start_names), CASE(parts_may_be_empty),
      CASE(a_bodys_start_may_look_like_a_delimiter), CASE(boundaries_may_be_quoted_and_awkward),
      CASE(base64_parts_are_decoded), CASE(heads_may_be_folded),
      CASE(what_is_malformed_is_refused_with_its_reason), CASE(memory_and_heads_are_capped),
      CASE(without_a_sink_every_part_stays_in_memory), CASE(a_sink_that_cannot_store_makes_it_503),
      CASE(a_large_part_is_handed_on_in_the_pieces_that_came));
