/* FHIR Consent: what is read, what is named as not understood, and that writing it loses nothing.
 */
#include "consent/code_system.h"
#include "consent/fhir_consent.h"
#include "consent/residual.h"
#include "hub/base/clock.h"
#include "tests/support/suite.h"

#define SCOPE                                                                                      \
    "\"scope\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/consentscope\","   \
    "\"code\":\"patient-privacy\"}]}"
#define HEAD                                                                                       \
    "\"resourceType\":\"Consent\",\"status\":\"active\"," SCOPE                                    \
    ",\"patient\":{\"reference\":\"Patient/p\"}"
#define CONSENT(provision) "{" HEAD ",\"provision\":{" provision "}}"
#define PURPOSE(code)                                                                              \
    "{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ActReason\",\"code\":\"" code "\"}"
#define ACTOR(who)                                                                                 \
    "{\"role\":{\"coding\":[{\"code\":\"IRCP\"}]},\"reference\":{\"reference\":\"" who "\"}}"

static struct arena arena;
static struct errors err;

static struct fhir_consent read_consent(const char *json)
{
    struct fhir_consent c;

    arena_reset(&arena);
    errors_init(&err, &arena);
    CU_ASSERT_EQUAL_FATAL(fhir_consent_read(&arena, str_from(json), &c, &err), OK);
    return c;
}

static void a_consent_is_read_to_its_last_element(void)
{
    struct fhir_consent c = read_consent(
        CONSENT("\"type\":\"permit\",\"period\":{\"end\":\"2022-12-31\"},\"purpose\":[" PURPOSE(
            "TREAT") "],"
                     "\"actor\":[" ACTOR(
                         "Organization/o") "],\"action\":[{\"coding\":[{\"code\":\"access\"}]}],"
                                           "\"class\":[{\"system\":\"s\",\"code\":\"c\"}],\"code\":"
                                           "[{\"coding\":[{\"system\":"
                                           "\"http://"
                                           "loinc.org\",\"code\":\"1-8\"}]}],\"data\":[{"
                                           "\"meaning\":\"instance\","
                                           "\"reference\":{\"identifier\":{\"system\":\"urn:ietf:"
                                           "rfc:3986\",\"value\":\"urn:oid:1.2\"}}"
                                           "}],\"provision\":[{\"type\":\"deny\",\"dataPeriod\":{"
                                           "\"start\":\"2022\"},\"provision\":["
                                           "{\"type\":\"permit\",\"securityLabel\":[{\"code\":"
                                           "\"R\"}]}]}]"));
    const struct fhir_provision *p = &c.provision;
    int64_t at;

    CU_ASSERT_EQUAL(c.strange_count, 0);
    CHECK_STR(p->type, STR("permit"));
    CHECK_STR(p->purposes[0].system, STR(SYSTEM_PURPOSE));
    CHECK_STR(p->actors[0].who.reference, STR("Organization/o"));
    CHECK_STR(p->codes[0].system, STR("2.16.840.1.113883.6.1"));
    CHECK_STR(p->data[0].what.value, STR("urn:oid:1.2"));
    CHECK_STR(p->provisions[0].provisions[0].labels[0].code, STR("R"));
    CU_ASSERT_TRUE(clock_parse_iso(STR("2023-01-01"), &at));
    CU_ASSERT_EQUAL(p->period.until_us, at); /* the last day is part of it */
    CU_ASSERT_EQUAL(p->period.from_us, INT64_MIN);
    CU_ASSERT_TRUE(clock_parse_iso(STR("2022-01-01"), &at));
    CU_ASSERT_EQUAL(p->provisions[0].data_period.from_us, at);
}

static void what_is_not_understood_is_named_by_its_path(void)
{
    static const struct {
        const char *json;
        struct str path;
    } table[] = {
        {CONSENT("\"type\":\"permit\",\"colour\":1"), STR("Consent.provision.colour")},
        {CONSENT("\"type\":\"permit\",\"modifierExtension\":[]"),
         STR("Consent.provision.modifierExtension")},
        {CONSENT("\"type\":\"permit\",\"extension\":[]"), STR("Consent.provision.extension")},
        {CONSENT("\"type\":\"permit\",\"provision\":[{\"type\":\"deny\",\"x\":1}]"),
         STR("Consent.provision.provision[0].x")},
        {CONSENT("\"type\":\"maybe\""), STR("Consent.provision.type")},
        {CONSENT(""), STR("Consent.provision.type")},
        {CONSENT("\"type\":\"permit\",\"purpose\":[]"), STR("Consent.provision.purpose")},
        {CONSENT("\"type\":\"permit\",\"purpose\":{}"), STR("Consent.provision.purpose")},
        {CONSENT("\"type\":\"permit\",\"purpose\":[{\"system\":\"s\"}]"),
         STR("Consent.provision.purpose[0]")},
        {CONSENT("\"type\":\"permit\",\"period\":{}"), STR("Consent.provision.period")},
        {CONSENT("\"type\":\"permit\",\"period\":{\"end\":\"soon\"}"),
         STR("Consent.provision.period")},
        {CONSENT("\"type\":\"permit\",\"actor\":[{\"role\":{\"coding\":[{\"code\":\"AUT\"}]},"
                 "\"reference\":{\"reference\":\"x\"}}]"),
         STR("Consent.provision.actor[0].role")},
        {CONSENT("\"type\":\"permit\",\"actor\":[{\"role\":{\"coding\":[{\"code\":\"IRCP\"}]}}]"),
         STR("Consent.provision.actor[0].reference")},
        {CONSENT("\"type\":\"permit\",\"code\":[{\"text\":\"all of it\"}]"),
         STR("Consent.provision.code[0]")},
        {CONSENT("\"type\":\"permit\",\"data\":[{\"meaning\":\"like\",\"reference\":{\"reference\":"
                 "\"x\"}}]"),
         STR("Consent.provision.data[0].meaning")},
        {"{" HEAD "}", STR("Consent.provision")},
        {"{" HEAD ",\"contained\":[],\"provision\":{\"type\":\"deny\"}}", STR("Consent.contained")},
        {"{" HEAD ",\"modifierExtension\":[{\"url\":\"x\"}],\"provision\":{\"type\":\"deny\"}}",
         STR("Consent.modifierExtension")},
        {"{" HEAD ",\"verification\":[{\"verified\":false}],\"provision\":{\"type\":\"deny\"}}",
         STR("Consent.verification")},
        {"{\"resourceType\":\"Consent\",\"status\":\"active\",\"scope\":{\"coding\":[{\"code\":"
         "\"research\"}]},\"patient\":{\"reference\":\"p\"},\"provision\":{\"type\":\"permit\"}}",
         STR("Consent.scope")},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct fhir_consent c = read_consent(table[i].json);

        CU_ASSERT_EQUAL_FATAL(c.strange_count, 1);
        CHECK_STR(c.strange[0], table[i].path);
    }
}

static void what_is_no_consent_is_refused(void)
{
    static const char *const table[] = {"", "[]", "{}", "{\"resourceType\":\"Patient\"}",
                                        "{\"resourceType\":\"Consent\",\"id\":\"a\",\"id\":\"b\"}"};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct fhir_consent c;

        arena_reset(&arena);
        errors_init(&err, &arena);
        CU_ASSERT_EQUAL(fhir_consent_read(&arena, str_from(table[i]), &c, &err), INVALID);
    }
}

static void depth_is_capped_before_the_parser_sees_it(void)
{
    struct strbuf b;
    struct fhir_consent c;

    arena_reset(&arena);
    errors_init(&err, &arena);
    b = strbuf_on(&arena, 1 << 16);
    for (int i = 0; i < 20000; i++)
        strbuf_lit(&b, "[");
    CU_ASSERT_EQUAL(fhir_consent_read(&arena, strbuf_str(&b), &c, &err), INVALID);
    CU_ASSERT_TRUE(str_find_str(err.first->text, STR("nested")) > 0);
}

static void what_is_written_reads_the_same_again(void)
{
    static const char *const table[] = {
        CONSENT("\"type\":\"permit\""),
        CONSENT("\"type\":\"deny\",\"period\":{\"start\":\"2022-01-01\",\"end\":\"2023\"},"
                "\"actor\":[" ACTOR("Practitioner/x") "],\"purpose\":[" PURPOSE(
                    "BTG") "],"
                           "\"provision\":[{\"type\":\"permit\",\"data\":[{\"meaning\":\"related\","
                           "\"reference\":{\"reference\":\"Encounter/"
                           "e\"}}],\"provision\":[{\"type\":\"deny\","
                           "\"securityLabel\":[{\"code\":\"\\\"quoted\\\"\"}]}]}]"),
        "{" HEAD
        ",\"id\":\"c1\",\"identifier\":[{\"system\":\"s\",\"value\":\"v\"}],\"category\":[{"
        "\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"59284-0\"}]}],\"dateTime\":"
        "\"2022-06-13\",\"performer\":[{\"reference\":\"Patient/p\"}],\"organization\":[{"
        "\"reference\":\"Organization/o\"}],\"sourceAttachment\":{\"title\":\"ink\"},\"policy\":[{"
        "\"uri\":\"urn:oid:1.2.3\"}],\"provision\":{\"type\":\"deny\"}}",
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct fhir_consent c = read_consent(table[i]), again;
        struct str once = fhir_consent_write(&arena, &c), twice;

        CU_ASSERT_EQUAL(c.strange_count, 0);
        CU_ASSERT_EQUAL_FATAL(fhir_consent_read(&arena, once, &again, &err), OK);
        CU_ASSERT_EQUAL(again.strange_count, 0);
        twice = fhir_consent_write(&arena, &again);
        CHECK_STR(twice, once);
        CU_ASSERT_EQUAL(again.provision.actor_count, c.provision.actor_count);
        CU_ASSERT_EQUAL(again.provision.provision_count, c.provision.provision_count);
        CU_ASSERT_EQUAL(again.provision.period.until_us, c.provision.period.until_us);
    }
}

static void what_is_not_understood_or_not_in_force_leaves_nothing(void)
{
    static const char *const table[] = {
        CONSENT("\"type\":\"permit\",\"colour\":1"),
        "{\"resourceType\":\"Consent\",\"status\":\"inactive\"," SCOPE
        ",\"patient\":{\"reference\":\"p\"},\"provision\":{\"type\":\"permit\"}}",
        CONSENT("\"type\":\"permit\",\"period\":{\"end\":\"1999\"}"),
        CONSENT("\"type\":\"permit\",\"provision\":[{\"type\":\"deny\",\"provision\":[{\"type\":"
                "\"permit\"}]}]"),
    };
    struct residual_request request = {.purpose = {STR(SYSTEM_PURPOSE), STR("TREAT")}};

    CU_ASSERT_TRUE(clock_parse_iso(STR("2022-01-01"), &request.at_us));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct fhir_consent c = read_consent(table[i]);

        CU_ASSERT_FALSE(consent_residual(&arena, &c, &request).token);
    }
}

SUITE(test_fhir_consent, CASE(a_consent_is_read_to_its_last_element),
      CASE(what_is_not_understood_is_named_by_its_path), CASE(what_is_no_consent_is_refused),
      CASE(depth_is_capped_before_the_parser_sees_it), CASE(what_is_written_reads_the_same_again),
      CASE(what_is_not_understood_or_not_in_force_leaves_nothing));
