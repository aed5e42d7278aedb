/* What provisions of FHIR Consents mean to the engine: the rules, as they are stored. */
#include "consent/meaning.h"
#include "tests/support/suite.h"

#define REASON     "http://terminology.hl7.org/CodeSystem/v3-ActReason"
#define CONF       "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
#define TREAT      "[{\"system\":\"" REASON "\",\"code\":\"TREAT\"}]"
#define BTG        "[{\"system\":\"" REASON "\",\"code\":\"BTG\"}]"
#define NORMAL     "[{\"system\":\"" CONF "\",\"code\":\"N\"}]"
#define RESTRICTED "[{\"system\":\"" CONF "\",\"code\":\"R\"}]"
#define ACTOR(who) "[{\"role\":{\"coding\":[{\"code\":\"IRCP\"}]},\"reference\":{" who "}}]"

#define WHEN_TREAT  "{\"is\":\"purpose\",\"any\":[[\"TREAT\",\"2.16.840.1.113883.5.8\"]]}"
#define WHEN_BTG    "{\"is\":\"purpose\",\"any\":[[\"BTG\",\"2.16.840.1.113883.5.8\"]]}"
#define NOT_ABOVE_N "[[\"U\",\"\"],[\"L\",\"\"],[\"M\",\"\"],[\"N\",\"\"]]"
#define UP_TO_N     "{\"is\":\"label\",\"any\":" NOT_ABOVE_N "}"
#define FROM_R      "{\"is\":\"label\",\"any\":[[\"R\",\"\"],[\"V\",\"\"]]}"

static struct arena arena;

static struct str member_named(void *context, struct str name)
{
    (void)context;
    return str_eq(name, STR("1.2.3")) || str_eq(name, STR("harbour")) ? STR("harbour") : STR_NONE;
}

static struct consent_meaning meaning_of(const char *json)
{
    static const struct consent_actors actors = {member_named, NULL};
    struct fhir_provision p;
    struct errors err;
    struct str *strange;
    size_t n;

    arena_reset(&arena);
    errors_init(&err, &arena);
    CU_ASSERT_EQUAL_FATAL(fhir_provision_read(&arena, str_from(json), &p, &strange, &n, &err), OK);
    CU_ASSERT_EQUAL_FATAL(n, 0);
    return consent_meaning_of(&arena, &p, &actors);
}

static void a_provision_becomes_the_rules_that_it_means(void)
{
    static const struct {
        const char *provision;
        struct str rules[2];
    } table[] = {
        {"{\"type\":\"deny\"}", {STR("{\"effect\":\"deny\"}"), STR_NONE}},
        {"{\"type\":\"permit\",\"purpose\":" TREAT "}",
         {STR("{\"effect\":\"permit\",\"when\":[" WHEN_TREAT "]}"), STR_NONE}},
        {"{\"type\":\"deny\",\"actor\":" ACTOR("\"reference\":\"Organization/harbour\"") "}",
         {STR("{\"effect\":\"deny\",\"when\":[{\"is\":\"member\",\"any\":[[\"harbour\",\"\"]]}]}"),
          STR_NONE}},
        {"{\"type\":\"deny\",\"actor\":" ACTOR(
             "\"identifier\":{\"system\":\"urn:ietf:rfc:3986\",\"value\":\"urn:oid:1.2.3\"}") "}",
         {STR("{\"effect\":\"deny\",\"when\":[{\"is\":\"member\",\"any\":[[\"harbour\",\"\"]]}]}"),
          STR_NONE}},
        /* nothing but what is normal, in its scope */
        {"{\"type\":\"permit\",\"purpose\":" TREAT ",\"securityLabel\":" NORMAL "}",
         {STR("{\"effect\":\"permit\",\"when\":[" WHEN_TREAT "],\"except\":[{\"effect\":\"deny\","
              "\"except\":[{\"effect\":\"permit\",\"when\":[" UP_TO_N "]}]}]}"),
          STR_NONE}},
        /* a nested denial narrows */
        {"{\"type\":\"permit\",\"provision\":[{\"type\":\"deny\",\"securityLabel\":" RESTRICTED
         "}]}",
         {STR("{\"effect\":\"permit\",\"except\":[{\"effect\":\"deny\",\"when\":[" FROM_R "]}]}"),
          STR_NONE}},
        /* a nested permit of a denial opens */
        {"{\"type\":\"deny\",\"provision\":[{\"type\":\"permit\",\"purpose\":" BTG "}]}",
         {STR("{\"effect\":\"deny\",\"except\":[{\"effect\":\"permit\",\"when\":[" WHEN_BTG "]}]}"),
          STR_NONE}},
        /* a purpose that the root does not name has a rule of its own */
        {"{\"type\":\"permit\",\"purpose\":" TREAT ",\"provision\":[{\"type\":\"permit\","
         "\"purpose\":" BTG "}]}",
         {STR("{\"effect\":\"permit\",\"when\":[" WHEN_TREAT "]}"),
          STR("{\"effect\":\"permit\",\"when\":[" WHEN_BTG "]}")}},
        /* actors of two kinds are two alternatives */
        {"{\"type\":\"deny\",\"actor\":[{\"role\":{\"coding\":[{\"code\":\"IRCP\"}]},\"reference\":"
         "{\"reference\":\"Organization/harbour\"}},{\"role\":{\"coding\":[{\"code\":\"IRCP\"}]},"
         "\"reference\":{\"identifier\":{\"system\":\"s\",\"value\":\"ada@lakeside\"}}}]}",
         {STR("{\"effect\":\"deny\",\"when\":[{\"is\":\"member\",\"any\":[[\"harbour\",\"\"]]}]}"),
          STR("{\"effect\":\"deny\",\"when\":[{\"is\":\"user\",\"any\":[[\"ada@lakeside\",\"\"]]}]"
              "}")}},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct consent_meaning m = meaning_of(table[i].provision);

        CU_ASSERT_EQUAL(m.strange_count, 0);
        CU_ASSERT_EQUAL_FATAL(m.count, table[i].rules[1].p ? 2 : 1);
        for (size_t j = 0; j < m.count; j++)
            CHECK_STR(consent_rule_write(&arena, &m.rules[j]), table[i].rules[j]);
    }
}

static void what_the_engine_cannot_be_held_to_is_named(void)
{
    static const struct {
        const char *provision;
        struct str path;
    } table[] = {
        {"{\"type\":\"permit\",\"class\":[{\"system\":\"s\",\"code\":\"c\"}]}",
         STR("Consent.provision.class[0]")},
        {"{\"type\":\"permit\",\"action\":[{\"coding\":[{\"code\":\"collect\"}]}]}",
         STR("Consent.provision.action[0]")},
        {"{\"type\":\"permit\",\"actor\":" ACTOR("\"reference\":\"Group/g\"") "}",
         STR("Consent.provision.actor[0]")},
        {"{\"type\":\"permit\",\"data\":[{\"meaning\":\"related\",\"reference\":{\"reference\":"
         "\"Encounter/e\"}}]}",
         STR("Consent.provision.data[0]")},
        {"{\"type\":\"permit\",\"provision\":[{\"type\":\"deny\",\"data\":[{\"meaning\":"
         "\"instance\","
         "\"reference\":{\"reference\":\"Observation/o\"}}]}]}",
         STR("Consent.provision.provision[0].data[0]")},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct consent_meaning m = meaning_of(table[i].provision);

        CU_ASSERT_EQUAL_FATAL(m.strange_count, 1);
        CHECK_STR(m.strange[0], table[i].path);
    }
}

static void deeper_than_the_engine_takes_is_not_understood(void)
{
    struct strbuf b;
    struct arena text;

    arena_init(&text);
    b = strbuf_on(&text, 1024);
    for (int i = 0; i < 12; i++)
        strbuf_addf(&b, "{\"type\":\"%s\",\"provision\":[", i % 2 ? "permit" : "deny");
    strbuf_lit(&b, "{\"type\":\"deny\"}");
    for (int i = 0; i < 12; i++)
        strbuf_lit(&b, "]}");
    CU_ASSERT_EQUAL(meaning_of(str_c(&text, strbuf_str(&b))).strange_count, 1);
    arena_dispose(&text);
}

SUITE(test_meaning, CASE(a_provision_becomes_the_rules_that_it_means),
      CASE(what_the_engine_cannot_be_held_to_is_named),
      CASE(deeper_than_the_engine_takes_is_not_understood));
