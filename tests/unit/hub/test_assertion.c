/* hub/wsse and hub/assertion: where an assertion stands, what it must say, and against what that is
 * held. Signatures are tests/unit/hub/data/test_dsig.c's. */
#include "hub/assertion.h"

#include <string.h>

#include "hub/base/clock.h"
#include "hub/soap.h"
#include "hub/wsse.h"
#include "tests/support/suite.h"

#define NOW     "2026-11-22T12:00:00Z"
#define METHODS "urn:oasis:names:tc:SAML:2.0:cm:"
#define XSPA    "urn:oasis:names:tc:xspa:1.0:subject:"

#define CONDITIONS                                                                                 \
    "<a:Conditions NotBefore=\"2026-11-22T11:59:00Z\" NotOnOrAfter=\"2026-11-22T12:05:00Z\">"      \
    "<a:AudienceRestriction><a:Audience>urn:oid:1.2.3</a:Audience></a:AudienceRestriction>"        \
    "</a:Conditions>"

#define ASSERTION                                                                                  \
    "<a:Assertion xmlns:a=\"" NS_SAML "\" ID=\"i1\" Version=\"2.0\""                               \
    " IssueInstant=\"2026-11-22T11:59:30Z\"><a:Issuer>urn:sts</a:Issuer>"                          \
    "<a:Subject><a:NameID SPProvidedID=\"doc\">anna</a:NameID>"                                    \
    "<a:SubjectConfirmation Method=\"" METHODS                                                     \
    "bearer\"></a:SubjectConfirmation></a:Subject>" CONDITIONS                                     \
    "<a:AuthnStatement AuthnInstant=\"2026-11-22T11:59:30Z\"><a:AuthnContext>"                     \
    "<a:AuthnContextClassRef>urn:x</a:AuthnContextClassRef></a:AuthnContext></a:AuthnStatement>"   \
    "<a:AttributeStatement>"                                                                       \
    "<a:Attribute Name=\"" XSPA "subject-id\"><a:AttributeValue>Anna</a:AttributeValue>"           \
    "</a:Attribute>"                                                                               \
    "<a:Attribute Name=\"" XSPA "organization-id\"><a:AttributeValue>urn:oid:1.2.9"                \
    "</a:AttributeValue><a:AttributeValue>1.2.8</a:AttributeValue></a:Attribute>"                  \
    "<a:Attribute Name=\"urn:oasis:names:tc:xacml:2.0:subject:role\"><a:AttributeValue>"           \
    "<h:Role xmlns:h=\"urn:hl7-org:v3\" code=\"HCP\" codeSystem=\"urn:oid:1.2.7\"></h:Role>"       \
    "</a:AttributeValue></a:Attribute>"                                                            \
    "<a:Attribute Name=\"" XSPA "purposeofuse\"><a:AttributeValue>"                                \
    "<h:PurposeOfUse xmlns:h=\"urn:hl7-org:v3\" code=\"NORM\" codeSystem=\"1.2.6\">"               \
    "</h:PurposeOfUse></a:AttributeValue></a:Attribute>"                                           \
    "<a:Attribute Name=\"urn:oasis:names:tc:xacml:2.0:resource:resource-id\">"                     \
    "<a:AttributeValue>7^^^&amp;1.2.5&amp;ISO</a:AttributeValue></a:Attribute>"                    \
    "</a:AttributeStatement></a:Assertion>"

static struct arena arena;
static struct errors err;

static struct str replaced(const char *in, const char *what, const char *by)
{
    struct str s = str_from(in);
    ptrdiff_t at = str_find_str(s, str_from(what));

    must(at >= 0, what);
    return str_printf(&arena, "%.*s%s%.*s", (int)at, s.p, by,
                      STR_ARG(str_slice(s, (size_t)at + strlen(what), s.n)));
}

static xmlNode *header_of(struct str inside)
{
    xmlNode *root;

    xml_init();
    errors_init(&err, &arena);
    must(xml_parse(&arena,
                   str_printf(&arena,
                              "<s:Envelope xmlns:s=\"" NS_SOAP "\"><s:Header>%.*s</s:Header>"
                              "<s:Body><q></q></s:Body></s:Envelope>",
                              STR_ARG(inside)),
                   &XML_LIMITS, &err, &root) == OK,
         "a test's own XML");
    return xml_child(root, NS_SOAP, "Header");
}

static struct str security(struct str inside)
{
    return str_printf(&arena, "<w:Security xmlns:w=\"" NS_WSSE "\">%.*s</w:Security>",
                      STR_ARG(inside));
}

static struct str code(enum status s)
{
    return s == OK ? STR("") : str_from(err.first->code);
}

static int64_t at(const char *text)
{
    int64_t us = 0;

    must(clock_parse_iso(str_from(text), &us), text);
    return us;
}

static const struct member_idp idp = {
    .lifetime_us = 3600 * US_PER_SECOND,
    .skew_us = 60 * US_PER_SECOND,
    .purpose_forms = FORM_PURPOSE_OF_USE,
};

/* Reads and checks; the code of the first failure, "" for none. */
static struct str verdict_of(struct str assertion, const struct member_idp *provider,
                             const char *now)
{
    static const struct str audiences[] = {STR("urn:oid:1.2.3")};
    static const unsigned char peer[32];
    struct assertion_context c = {.now_us = at(now),
                                  .idp = provider,
                                  .audiences = audiences,
                                  .audience_count = 1,
                                  .peer_key = peer};
    struct assertion s;
    struct wsse w;

    if (wsse_read(header_of(security(assertion)), &w, &err) != OK || w.assertion == NULL)
        return STR("not found");
    c.wsse = &w;
    if (assertion_read(&arena, w.assertion, provider->purpose_forms, &s, &err) != OK)
        return code(INVALID);
    return code(assertion_check(&arena, &s, &c, &err));
}

static void what_it_says_is_read(void)
{
    struct assertion s;
    struct wsse w;

    arena_init(&arena);
    CU_ASSERT_FATAL(wsse_read(header_of(security(STR(ASSERTION))), &w, &err) == OK);
    CU_ASSERT_FATAL(assertion_read(&arena, w.assertion, FORM_PURPOSE_OF_USE, &s, &err) == OK);
    CHECK_STR(s.id, STR("i1"));
    CHECK_STR(s.user, STR("doc<anna@urn:sts>"));
    CHECK_STR(s.user_name, STR("Anna"));
    CU_ASSERT_EQUAL_FATAL(s.organizations.count, 2);
    CHECK_STR(s.organizations.items[0], STR("1.2.9"));
    CHECK_STR(s.roles.items[0].code, STR("HCP"));
    CHECK_STR(s.roles.items[0].system, STR("1.2.7"));
    CHECK_STR(s.purposes.items[0].code, STR("NORM"));
    CU_ASSERT_EQUAL_FATAL(s.patients.count, 1);
    CHECK_STR(s.patients.items[0], STR("7^^^&1.2.5&ISO"));
    CU_ASSERT(s.issued_us == at("2026-11-22T11:59:30Z"));
    CHECK_STR(verdict_of(STR(ASSERTION), &idp, NOW), STR(""));
    arena_dispose(&arena);
}

static void the_words_that_a_purpose_was_coded_from_are_its_reason(void)
{
    struct assertion s;
    struct wsse w;
    struct str said;

    arena_init(&arena);
    said = replaced(ASSERTION, "</h:PurposeOfUse>",
                    "<h:originalText> found unconscious </h:originalText></h:PurposeOfUse>");
    CU_ASSERT_FATAL(wsse_read(header_of(security(said)), &w, &err) == OK);
    CU_ASSERT_FATAL(assertion_read(&arena, w.assertion, FORM_PURPOSE_OF_USE, &s, &err) == OK);
    CHECK_STR(s.purposes.items[0].code, STR("NORM"));
    CHECK_STR(s.reason, STR("found unconscious"));
    arena_dispose(&arena);
}

static void what_must_be_there_is_missed_by_name(void)
{
    static const struct {
        const char *what, *by;
    } cases[] = {
        {"Version=\"2.0\"", "Version=\"1.1\""},
        {"ID=\"i1\"", ""},
        {" IssueInstant=\"2026-11-22T11:59:30Z\"", ""},
        {" IssueInstant=\"2026-11-22T11:59:30Z\"", " IssueInstant=\"2026-11-22\""},
        {" IssueInstant=\"2026-11-22T11:59:30Z\"", " IssueInstant=\"2026-11-22T11:59:30\""},
        {"<a:Issuer>urn:sts</a:Issuer>", ""},
        {"<a:Issuer>urn:sts</a:Issuer>", "<a:Issuer>urn:sts</a:Issuer><a:Issuer>x</a:Issuer>"},
        {"urn:sts</a:Issuer>", "urn:sts<a:x/></a:Issuer>"},
        {">anna<", "><"},
        {">anna<", ">an&lt;na<"},
        {">anna<", ">an&#10;na<"},
        {"\"doc\"", "\"doc&gt;\""},
        {"cm:bearer", "cm:sender-vouches"},
        {"NotBefore=\"2026-11-22T11:59:00Z\"", ""},
        {"NotOnOrAfter=\"2026-11-22T12:05:00Z\"", "NotOnOrAfter=\"later\""},
        {CONDITIONS, ""},
        {CONDITIONS, CONDITIONS CONDITIONS},
        {"<a:AudienceRestriction>", "<a:Condition/><a:AudienceRestriction>"},
        {"<a:Audience>urn:oid:1.2.3</a:Audience>", ""},
        {"<a:AudienceRestriction><a:Audience>urn:oid:1.2.3</a:Audience></a:AudienceRestriction>",
         ""},
        {"<a:AuthnContextClassRef>urn:x</a:AuthnContextClassRef>", ""},
        {"urn:oid:1.2.9", "St. Mary"},
        {" codeSystem=\"urn:oid:1.2.7\"", ""},
        {"code=\"HCP\"", ""},
        {"<h:Role ", "<h:Role xmlns:h=\"urn:other\" "},
        {"7^^^&amp;1.2.5&amp;ISO", "7"},
    };

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str changed = replaced(ASSERTION, cases[i].what, cases[i].by);

        if (strstr(cases[i].by, "urn:other") != NULL)
            changed = replaced(ASSERTION, "xmlns:h=\"urn:hl7-org:v3\" code=\"HCP\"",
                               "xmlns:h=\"urn:other\" code=\"HCP\"");
        CHECK_STR(verdict_of(changed, &idp, NOW), STR("wsse:InvalidSecurityToken"));
    }
    arena_dispose(&arena);
}

static void times_hold_with_the_providers_skew(void)
{
    static const struct {
        const char *now;
        struct str code;
    } cases[] = {
        {"2026-11-22T11:58:29Z", STR("wsse:InvalidSecurityToken")},
        {"2026-11-22T11:58:30Z", STR("")},
        {"2026-11-22T12:05:59Z", STR("")},
        {"2026-11-22T12:06:00Z", STR("wsse:MessageExpired")},
    };
    struct member_idp strict = idp;

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_STR(verdict_of(STR(ASSERTION), &idp, cases[i].now), cases[i].code);
    strict.skew_us = 0;
    CHECK_STR(verdict_of(STR(ASSERTION), &strict, "2026-11-22T12:05:00Z"),
              STR("wsse:MessageExpired"));
    strict.lifetime_us = 330 * US_PER_SECOND;
    CHECK_STR(verdict_of(STR(ASSERTION), &strict, NOW), STR(""));
    strict.lifetime_us = 329 * US_PER_SECOND;
    CHECK_STR(verdict_of(STR(ASSERTION), &strict, NOW), STR("wsse:InvalidSecurityToken"));
    CHECK_STR(
        verdict_of(replaced(ASSERTION, "<a:AuthnStatement ",
                            "<a:AuthnStatement SessionNotOnOrAfter=\"2026-11-22T11:00:00Z\" "),
                   &idp, NOW),
        STR("wsse:MessageExpired"));
    arena_dispose(&arena);
}

static void every_restriction_names_us_once(void)
{
    static const char more[] = "<a:AudienceRestriction><a:Audience>urn:x</a:Audience>"
                               "</a:AudienceRestriction><a:AudienceRestriction>";
    struct member_idp agreed = idp;

    arena_init(&arena);
    CHECK_STR(verdict_of(replaced(ASSERTION, "<a:Audience>",
                                  "<a:Audience>urn:x</a:Audience>"
                                  "<a:Audience>"),
                         &idp, NOW),
              STR(""));
    CHECK_STR(verdict_of(replaced(ASSERTION, "<a:AudienceRestriction>", more), &idp, NOW),
              STR("wsse:FailedAuthentication"));
    agreed.audiences = STR("urn:all urn:other");
    CHECK_STR(verdict_of(STR(ASSERTION), &agreed, NOW), STR("wsse:FailedAuthentication"));
    CHECK_STR(verdict_of(replaced(ASSERTION, "urn:oid:1.2.3<", "urn:all<"), &agreed, NOW), STR(""));
    CHECK_STR(verdict_of(replaced(ASSERTION, "urn:oid:1.2.3<", "<"), &agreed, NOW),
              STR("wsse:FailedAuthentication"));
    arena_dispose(&arena);
}

static void a_confirmation_must_hold(void)
{
    static const char data[] = "bearer\"><a:SubjectConfirmationData "
                               "NotOnOrAfter=\"2026-11-22T11:00:00Z\"/></a:SubjectConfirmation>";

    arena_init(&arena);
    CHECK_STR(verdict_of(replaced(ASSERTION, "bearer\"></a:SubjectConfirmation>", data), &idp, NOW),
              STR("wsse:FailedAuthentication"));
    CHECK_STR(verdict_of(replaced(ASSERTION, "cm:bearer", "cm:holder-of-key"), &idp, NOW),
              STR("wsse:FailedAuthentication"));
    arena_dispose(&arena);
}

static void other_forms_of_the_purpose_are_read_where_they_are_registered(void)
{
    struct member_idp lenient = idp;
    struct str other;

    arena_init(&arena);
    other = replaced(replaced(ASSERTION, "<h:PurposeOfUse ", "<h:PurposeForUse ").p,
                     "</h:PurposeOfUse>", "</h:PurposeForUse>");
    CHECK_STR(verdict_of(other, &idp, NOW), STR("wsse:InvalidSecurityToken"));
    lenient.purpose_forms = FORM_PURPOSE_FOR_USE;
    CHECK_STR(verdict_of(other, &lenient, NOW), STR(""));
    arena_dispose(&arena);
}

static void there_is_one_place_for_an_assertion(void)
{
    static const struct {
        const char *headers;
        struct str code;
        bool found;
    } cases[] = {
        {"", STR(""), false},
        {"<w:Security xmlns:w=\"" NS_WSSE "\"></w:Security>", STR(""), false},
        {"<w:Security xmlns:w=\"" NS_WSSE "\">" ASSERTION "</w:Security>", STR(""), true},
        {"<w:Security xmlns:w=\"" NS_WSSE "\">" ASSERTION ASSERTION "</w:Security>",
         STR("wsse:InvalidSecurity"), false},
        {"<w:Security xmlns:w=\"" NS_WSSE "\"><x>" ASSERTION "</x></w:Security>",
         STR("wsse:InvalidSecurity"), false},
        {"<w:Security xmlns:w=\"" NS_WSSE "\"></w:Security>" ASSERTION, STR("wsse:InvalidSecurity"),
         false},
        {"<w:Security xmlns:w=\"" NS_WSSE "\"></w:Security><w:Security xmlns:w=\"" NS_WSSE
         "\"></w:Security>",
         STR("wsse:InvalidSecurity"), false},
        {"<w:Security xmlns:w=\"" NS_WSSE "\"></w:Security><w:Security xmlns:w=\"" NS_WSSE
         "\" s:role=\"urn:other\"></w:Security>",
         STR(""), false},
        {"<w:Security xmlns:w=\"" NS_WSSE "\"><a:EncryptedAssertion xmlns:a=\"" NS_SAML
         "\"/></w:Security>",
         STR("wsse:UnsupportedSecurityToken"), false},
        {"<w:Security xmlns:w=\"" NS_WSSE "\">" ASSERTION "<t:Timestamp xmlns:t=\"" NS_WSU
         "\"/><t:Timestamp xmlns:t=\"" NS_WSU "\"/></w:Security>",
         STR("wsse:InvalidSecurity"), false},
    };
    struct wsse w;

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        xmlNode *header = header_of(str_from(cases[i].headers));

        CHECK_STR(code(wsse_read(header, &w, &err)), cases[i].code);
        if (cases[i].code.n == 0)
            CU_ASSERT_EQUAL(w.assertion != NULL, cases[i].found);
    }
    errors_init(&err, &arena);
    CU_ASSERT(wsse_read(NULL, &w, &err) == OK && w.assertion == NULL);
    arena_dispose(&arena);
}

static struct str repeated(const char *text, size_t count)
{
    struct strbuf b = strbuf_on(&arena, 1024);

    while (count-- > 0)
        strbuf_add(&b, str_from(text));
    return strbuf_str(&b);
}

static void sizes_are_capped(void)
{
    struct str insides[4];
    struct wsse w;

    arena_init(&arena);
    insides[0] =
        str_printf(&arena, "%.*s%.*s", STR_ARG(repeated("<x>", 40)), STR_ARG(repeated("</x>", 40)));
    insides[1] = repeated("<a:Attribute Name=\"x\"/>", 201);
    insides[2] = str_printf(&arena, "<x>%.*s</x>", STR_ARG(repeated("x", ASSERTION_BYTES)));
    insides[3] = str_printf(&arena, "<x y=\"%.*s\"/>", STR_ARG(repeated("x", 31000)));
    for (int i = 0; i < 4; i++) {
        struct str xml =
            replaced(ASSERTION, "</a:AttributeStatement>",
                     str_printf(&arena, "%.*s</a:AttributeStatement>", STR_ARG(insides[i])).p);

        CU_ASSERT_FATAL(wsse_read(header_of(security(xml)), &w, &err) == OK);
        CU_ASSERT_EQUAL(assertion_bounded(w.assertion, &err), i == 3 ? OK : INVALID);
    }
    arena_dispose(&arena);
}

SUITE(test_assertion, CASE(what_it_says_is_read),
      CASE(the_words_that_a_purpose_was_coded_from_are_its_reason),
      CASE(what_must_be_there_is_missed_by_name), CASE(times_hold_with_the_providers_skew),
      CASE(every_restriction_names_us_once), CASE(a_confirmation_must_hold),
      CASE(other_forms_of_the_purpose_are_read_where_they_are_registered),
      CASE(there_is_one_place_for_an_assertion), CASE(sizes_are_capped));
