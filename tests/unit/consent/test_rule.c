#include "consent/rule.h"

#include "tests/support/suite.h"

static struct arena a;
static struct errors err;

static void begin(void)
{
    arena_init(&a);
    errors_init(&err, &a);
}

static const char *const good[] = {
    "{\"effect\":\"deny\"}",
    "{\"effect\":\"permit\",\"when\":[{\"is\":\"purpose\",\"any\":[[\"TREAT\",\"2.16.840.1.113883."
    "5.8\"]]}"
    ",{\"is\":\"label\",\"none\":[[\"SUD\",\"\"],[\"a\\\"b\",\"\"]]}]}",
    "{\"effect\":\"permit\",\"when\":[{\"is\":\"service\",\"from\":\"2026-01-01T00:00:00.000000Z\","
    "\"until\":\"2027-01-01T00:00:00.000000Z\"},{\"is\":\"instant\",\"outside\":true}]}",
    "{\"effect\":\"deny\",\"overridable\":true,\"except\":[{\"effect\":\"permit\",\"obligations\":"
    "[\"no-redisclosure\",\"no-onward\"],\"except\":[{\"effect\":\"deny\"}]}]}",
};

static void rules_are_read_back_as_they_were_written(void)
{
    begin();
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct consent_rule rule;

        CU_ASSERT_EQUAL(consent_rule_read(&a, str_from(good[i]), &rule, &err), OK);
        CHECK_STR(consent_rule_write(&a, &rule), str_from(good[i]));
    }
    arena_dispose(&a);
}

static void what_is_not_understood_is_no_rule(void)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"effect\":\"allow\"}",
        "{\"effect\":\"deny\",\"unknown\":1}",
        "{\"effect\":\"deny\",\"effect\":\"permit\"}",
        "{\"effect\":\"permit\",\"when\":{}}",
        "{\"effect\":\"permit\",\"when\":[{\"is\":\"weather\",\"any\":[[\"a\",\"\"]]}]}",
        "{\"effect\":\"permit\",\"when\":[{\"is\":\"label\"}]}",
        "{\"effect\":\"permit\",\"when\":[{\"is\":\"label\",\"any\":[]}]}",
        ("{\"effect\":\"permit\",\"when\":[{\"is\":\"label\",\"any\":[[\"a\",\"\"]],\"none\":[["
         "\"b\",\"\"]]}]}"),
        "{\"effect\":\"permit\",\"when\":[{\"is\":\"label\",\"any\":[[\"a\"]]}]}",
        "{\"effect\":\"permit\",\"when\":[{\"is\":\"service\",\"any\":[[\"a\",\"\"]]}]}",
        "{\"effect\":\"permit\",\"when\":[{\"is\":\"service\",\"from\":\"soon\"}]}",
        "{\"effect\":\"permit\",\"obligations\":[\"be-nice\"]}",
        "{\"effect\":\"deny\",\"except\":{}}",
    };

    begin();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct consent_rule rule;

        CU_ASSERT_EQUAL(consent_rule_read(&a, str_from(bad[i]), &rule, &err), INVALID);
    }
    arena_dispose(&a);
}

/* {"effect":"deny","except":[ n times: more than eight levels are refused, and many more are
 * refused before a parser recurses into them. */
static void rules_nest_only_so_deep(void)
{
    static const int depths[] = {8, 9, 1000};

    begin();
    for (size_t i = 0; i < 3; i++) {
        struct strbuf b = strbuf_on(&a, 1024);
        struct consent_rule rule;

        for (int d = 0; d < depths[i]; d++)
            strbuf_lit(&b, "{\"effect\":\"deny\",\"except\":[");
        strbuf_lit(&b, "{\"effect\":\"deny\"}");
        for (int d = 0; d < depths[i]; d++)
            strbuf_lit(&b, "]}");
        CU_ASSERT_EQUAL(consent_rule_read(&a, strbuf_str(&b), &rule, &err), i == 0 ? OK : INVALID);
    }
    arena_dispose(&a);
}

SUITE(test_rule, CASE(rules_are_read_back_as_they_were_written),
      CASE(what_is_not_understood_is_no_rule), CASE(rules_nest_only_so_deep));
