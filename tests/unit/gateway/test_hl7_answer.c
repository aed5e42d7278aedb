/* gateway/hl7_answer: acknowledgements in the shape of the message's own version. */
#include "gateway/hl7_answer.h"

#include "tests/unit/gateway/bench.h"

static struct str segment(struct str text, const char *name)
{
    struct str rest = text;

    while (rest.p != NULL) {
        struct str line = str_cut(&rest, '\r');

        if (str_starts(line, str_from(name)))
            return line;
    }
    return STR_NONE;
}

static void an_acknowledgement_turns_sender_and_receiver_round(void)
{
    struct bench t;
    struct str ack;

    bench_open(&t, "hub", "MSH|^~\\&|APP^1.2^ISO|NORTH|HUB|REGION|2026||ADT^A01|C-1|T|2.3.1");
    ack = hl7_acknowledgement(&t.rq, &t.m, HL7_AA);
    CU_ASSERT_TRUE(
        str_starts(ack,
                   STR("MSH|^~\\&|HUB|REGION|APP^1.2^ISO|NORTH|20260101120000+0000||ACK^A01|")));
    CHECK_STR(segment(ack, "MSA"), STR("MSA|AA|C-1"));
    CU_ASSERT_TRUE(str_ends(segment(ack, "MSH"), STR("|T|2.3.1")));
    CU_ASSERT_PTR_NULL(segment(ack, "ERR").p);
    bench_close(&t);
}

static void err_has_the_shape_of_the_version(void)
{
    struct bench t;
    struct str err;

    bench_open(&t, "hub", "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5");
    fail_at(&t.err, STR("PID^1^3"), INVALID, "204", "a|b");
    err = segment(hl7_acknowledgement(&t.rq, &t.m, HL7_AE), "ERR");
    CHECK_STR(err, STR("ERR||PID^1^3|204^Unknown key identifier^HL70357|E|||request "
                       "00000000-0000-0000-0000-000000000000|a\\F\\b"));
    bench_close(&t);

    bench_open(&t, "hub", "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.3.1");
    fail_at(&t.err, STR("PID^1^3"), INVALID, "204", "a|b");
    fail_at(&t.err, STR("PID^1^7"), INVALID, "102", "c");
    err = segment(hl7_acknowledgement(&t.rq, &t.m, HL7_AE), "ERR");
    CHECK_STR(err, STR("ERR|PID^1^3^204&Unknown key identifier&HL70357&&a\\F\\b (request "
                       "00000000-0000-0000-0000-000000000000)~PID^1^7^102&Data type "
                       "error&HL70357&&c (request 00000000-0000-0000-0000-000000000000)"));
    bench_close(&t);
}

static void what_may_be_sent_again_is_ar(void)
{
    static const struct {
        enum status status;
        const char *code;
        enum hl7_ack ack;
    } CASES[] = {
        {INVALID, "204", HL7_AE},
        {INVALID, "101", HL7_AE},
        {NOT_FOUND, "204", HL7_AE},
        {INVALID, "200", HL7_AR},
        {INVALID, "203", HL7_AR},
        {DENIED, "207", HL7_AR},
        {UPSTREAM, "db", HL7_AR},
        {CONFLICT, "moved", HL7_AR},
        {BUSY, "busy", HL7_AR},
        {INTERNAL, "207", HL7_AR},
        {INVALID, "RetiredIdentifier", HL7_AE},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct bench t;

        bench_open(&t, "hub", "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5");
        fail(&t.err, CASES[i].status, CASES[i].code, "x");
        CU_ASSERT_EQUAL(hl7_ack_of(CASES[i].status, &t.err), CASES[i].ack);
        bench_close(&t);
    }
}

static void the_answer_keeps_separators_and_character_set(void)
{
    struct bench t;
    struct str ack;

    bench_open(&t, "hub", "MSH#*!?%#A#B#C#D#2026##ADT*A01#J\xc3\xb6#P#2.5######UNICODE UTF-8");
    t.m.charset = STR("8859/1");
    ack = hl7_acknowledgement(&t.rq, &t.m, HL7_AA);
    CU_ASSERT_TRUE(str_starts(ack, STR("MSH#*!?%#C#D#A#B#")));
    CHECK_STR(segment(ack, "MSA"), STR("MSA#AA#J\xf6"));
    CU_ASSERT_TRUE(str_ends(segment(ack, "MSH"), STR("######8859/1")));
    bench_close(&t);
}

static void even_nothing_gets_an_answer(void)
{
    static const struct hl7_message NOTHING;
    struct bench t;
    struct str ack;

    bench_open(&t, "hub", "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5");
    fail_at(&t.err, STR("MSH^1"), INVALID, "100", "no MSH");
    ack = hl7_acknowledgement(&t.rq, &NOTHING, HL7_AE);
    CU_ASSERT_TRUE(str_starts(ack, STR("MSH|^~\\&|||||20260101120000+0000||ACK|")));
    CHECK_STR(segment(ack, "MSA"), STR("MSA|AE|"));
    CU_ASSERT_PTR_NOT_NULL(segment(ack, "ERR").p);
    bench_close(&t);
}

SUITE(test_hl7_answer, CASE(an_acknowledgement_turns_sender_and_receiver_round),
      CASE(err_has_the_shape_of_the_version), CASE(what_may_be_sent_again_is_ar),
      CASE(the_answer_keeps_separators_and_character_set), CASE(even_nothing_gets_an_answer));
