/* gateway/hl7: separators, segments, escapes, character sets. */
#include "gateway/hl7.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "gateway/hl7_charset.h"
#include "tests/support/suite.h"

struct bench {
    struct arena arena;
    struct errors err;
    struct hl7_message m;
};

static enum status parse(struct bench *t, const char *text)
{
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    return hl7_parse(&t->arena, str_from(text), STR_NONE, &t->m, &t->err);
}

static void separators_come_from_the_bytes(void)
{
    struct bench t;
    const struct hl7_segment *pid;
    struct str rest;

    CU_ASSERT_EQUAL_FATAL(parse(&t, "MSH#*!?%#APP#FAC#####ADT*A08#77#P#2.4\r"
                                    "PID###1***NS%1.2.3%ISO!2***NS%1.2.3%ISO"),
                          OK);
    pid = hl7_segment(&t.m, "PID", 0);
    rest = hl7_field(&t.m, pid, 3);
    hl7_repetition(&t.m, &rest);
    CHECK_STR(t.m.application, STR("APP"));
    CHECK_STR(t.m.control_id, STR("77"));
    CHECK_STR(t.m.event, STR("A08"));
    CHECK_STR(hl7_component(&t.m, rest, 1), STR("2"));
    CHECK_STR(hl7_subcomponent(&t.m, hl7_component(&t.m, rest, 4), 2), STR("1.2.3"));
    CU_ASSERT_PTR_NULL(hl7_field(&t.m, pid, 4).p);
    CU_ASSERT_PTR_NULL(hl7_segment(&t.m, "PID", 1));
    arena_dispose(&t.arena);
}

static void lines_may_end_in_lf_or_crlf_and_are_counted(void)
{
    struct bench t;

    CU_ASSERT_EQUAL_FATAL(
        parse(&t, "\xEF\xBB\xBF\nMSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3\nEVN|A01\r\n\r\nPID|1\r"), OK);
    CU_ASSERT_EQUAL(t.m.segment_count, 3);
    CU_ASSERT_EQUAL(t.m.odd_ends, 3);
    arena_dispose(&t.arena);
}

static void escapes_are_resolved_and_written_again(void)
{
    static const struct {
        const char *raw, *text;
    } CASES[] = {
        {"\\X2222\\", "\"\""},       {"a\\F\\b", "a|b"},         {"\\S\\\\T\\\\R\\\\E\\", "^&~\\"},
        {"x\\X41\\y", "xAy"},        {"\\X4142\\", "AB"},        {"\\H\\bold\\N\\", "bold"},
        {"one\\.br\\two", "onetwo"}, {"lone\\", "lone\\"},       {"\\X00\\z", "z"},
        {"  blanks ", "blanks"},     {"\\H\\ too \\N\\", "too"},
    };
    struct bench t;

    CU_ASSERT_EQUAL_FATAL(parse(&t, "MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3"), OK);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        CHECK_STR(hl7_text(&t.arena, &t.m, str_from(CASES[i].raw)), str_from(CASES[i].text));
    for (size_t i = 0; i < 4; i++) {
        struct strbuf b = strbuf_on(&t.arena, 64);

        hl7_escape(&b, &t.m.separators, str_from(CASES[i].text));
        CHECK_STR(hl7_text(&t.arena, &t.m, strbuf_str(&b)), str_from(CASES[i].text));
    }
    CU_ASSERT_PTR_NULL(hl7_text(&t.arena, &t.m, STR("")).p);
    CU_ASSERT_PTR_NOT_NULL(hl7_text(&t.arena, &t.m, STR("\"\"")).p);
    CU_ASSERT_EQUAL(hl7_text(&t.arena, &t.m, STR("\"\"")).n, 0);
    CU_ASSERT_PTR_NULL(hl7_text(&t.arena, &t.m, STR("\\XFF\\")).p);
    CU_ASSERT_PTR_NULL(hl7_text(&t.arena, &t.m, STR("\\H\\")).p);
    CU_ASSERT_PTR_NULL(hl7_text(&t.arena, &t.m, STR("\\H\\ \\N\\")).p);
    arena_dispose(&t.arena);
}

static void what_is_no_message_is_refused_with_its_reason(void)
{
    static const struct {
        const char *raw, *code;
    } CASES[] = {
        {"", "100"},
        {"PID|1", "100"},
        {"MSH|", "100"},
        {"MSH|^^^^|A|B", "102"},
        {"MSH|^a\\&|A|B|C", "102"},
        {"MSH|^|A|B|C|D", "102"},
        {"FHS|^~\\&|A\rBHS|^~\\&\rMSH|^~\\&|A", "200"},
        {"MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3\rnot a segment", "100"},
        {"MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3||||||KLINGON\rPID|1", "103"},
        {"MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3\rPID|J\xf6rg", "102"},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct bench t;

        CU_ASSERT_EQUAL(parse(&t, CASES[i].raw), INVALID);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t.err.first);
        CU_ASSERT_STRING_EQUAL(t.err.first->code, CASES[i].code);
        arena_dispose(&t.arena);
    }
}

static void character_sets_of_table_0211_are_known_and_convert(void)
{
    static const char *const NAMES[] = {"ASCII",         "8859/1",    "8859/2",         "8859/15",
                                        "UNICODE UTF-8", "ISO IR14",  "ISO IR87",       "ISO IR159",
                                        "GB 18030-2000", "KS X 1001", "CNS 11643-1992", "BIG-5"};
    struct arena a;
    struct str out;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        CU_ASSERT_TRUE(hl7_decode(&a, STR("MSH|A"), str_from(NAMES[i]), &out));
    CU_ASSERT_TRUE(hl7_decode(&a, STR("J\xf6rg"), STR("8859/1"), &out));
    CHECK_STR(out, STR("J\xc3\xb6rg"));
    CHECK_STR(hl7_encode(&a, out, STR("8859/1")), STR("J\xf6rg"));
    CHECK_STR(hl7_encode(&a, out, STR("ASCII")), STR("J?rg"));
    CHECK_STR(hl7_encode(&a, STR("\xE2\x82\xAC"), STR("8859/1")), STR("?"));
    CU_ASSERT_TRUE(hl7_decode(&a, STR("\xa4"), STR("8859/15"), &out));
    CHECK_STR(out, STR("\xE2\x82\xAC"));
    CU_ASSERT_FALSE(hl7_decode(&a, STR("a\0b"), STR("8859/1"), &out));
    CU_ASSERT_FALSE(hl7_decode(&a, STR("a"), STR("EBCDIC"), &out));
    arena_dispose(&a);
}

static void too_many_segments_and_fields_are_refused(void)
{
    static char segments[2 * HL7_SEGMENTS_MAX * 4 + 64], fields[HL7_FIELDS_MAX + 128];
    struct bench t;

    strcpy(segments, "MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3");
    for (int i = 0; i <= HL7_SEGMENTS_MAX; i++)
        strcat(segments + i * 4, "\rZZZ");
    CU_ASSERT_EQUAL(parse(&t, segments), INVALID);
    arena_dispose(&t.arena);
    strcpy(fields, "MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3\rZZZ");
    memset(fields + strlen(fields), '|', HL7_FIELDS_MAX + 1);
    CU_ASSERT_EQUAL(parse(&t, fields), INVALID);
    arena_dispose(&t.arena);
}

/* Every message of the sample data is read, with its type and at least one segment more. */
static void real_messages_are_read(void)
{
    const char *folder = test_data("hl7v2/fhir-converter-hl7v2/data/SampleData/Hl7v2");
    DIR *d = folder ? opendir(folder) : NULL;
    struct dirent *e;
    size_t read = 0;

    while (d != NULL && (e = readdir(d)) != NULL) {
        static char bytes[1 << 18];
        char path[1024];
        struct bench t;
        FILE *f;

        if (strstr(e->d_name, ".hl7") == NULL)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        f = fopen(path, "rb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        arena_init(&t.arena);
        errors_init(&t.err, &t.arena);
        CU_ASSERT_EQUAL(hl7_parse(&t.arena, str_of(bytes, fread(bytes, 1, sizeof(bytes), f)),
                                  STR("8859/1"), &t.m, &t.err),
                        OK);
        CU_ASSERT_EQUAL(t.m.code.n, 3);
        CU_ASSERT_TRUE(t.m.segment_count > 1);
        read++;
        fclose(f);
        arena_dispose(&t.arena);
    }
    if (d != NULL) {
        CU_ASSERT_TRUE(read >= 100);
        closedir(d);
    }
}

SUITE(test_hl7, CASE(separators_come_from_the_bytes),
      CASE(lines_may_end_in_lf_or_crlf_and_are_counted),
      CASE(escapes_are_resolved_and_written_again),
      CASE(what_is_no_message_is_refused_with_its_reason),
      CASE(character_sets_of_table_0211_are_known_and_convert),
      CASE(too_many_segments_and_fields_are_refused), CASE(real_messages_are_read));
