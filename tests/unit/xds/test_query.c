/* Stored queries: how values are written, what a query must have, and what matches. */
#include <stdio.h>
#include <string.h>

#include "hub/data/xml.h"
#include "tests/support/suite.h"
#include "tests/support/xds_samples.h"
#include "xds/query.h"

#define FIND "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
#define GET  "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"

#define DE       "$XDSDocumentEntry"
#define PATIENT  SLOT(DE "PatientId", "'P1^^^&amp;1.2.3&amp;ISO'")
#define APPROVED "'urn:oasis:names:tc:ebxml-regrep:StatusType:Approved'"
#define STATUS   SLOT(DE "Status", "(" APPROVED ")")

#define SLOT(name, value)                                                                          \
    "<rim:Slot name=\"" name "\"><rim:ValueList><rim:Value>" value                                 \
    "</rim:Value></rim:ValueList></rim:Slot>"

static enum status read_query(struct arena *a, const char *id, const char *slots,
                              struct xds_query *q, struct errors *err)
{
    struct str text = str_printf(
        a,
        "<query:AdhocQueryRequest xmlns:query=\"urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0\" "
        "xmlns:rim=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\">"
        "<query:ResponseOption returnComposedObjects=\"true\" returnType=\"LeafClass\"/>"
        "<rim:AdhocQuery id=\"%s\">%s</rim:AdhocQuery></query:AdhocQueryRequest>",
        id, slots);
    xmlNode *root = NULL;

    xml_init();
    errors_init(err, a);
    CU_ASSERT_FATAL(xml_parse(a, text, &XML_LIMITS, err, &root) == OK);
    return xds_query_read(a, root, q, err);
}

static void values_are_quoted_numbers_or_lists(void)
{
    static const struct {
        const char *text;
        int n; /* -1: malformed */
        const char *first, *last;
    } cases[] = {
        {"'a'", 1, "a", "a"},
        {" 'a b' ", 1, "a b", "a b"},
        {"'it''s'", 1, "it's", "it's"},
        {"''", 1, "", ""},
        {"20040101", 1, "20040101", "20040101"},
        {"bare", 1, "bare", "bare"},
        {"('a')", 1, "a", "a"},
        {"('a','b')", 2, "a", "b"},
        {"( 'a' , 'b, (c)' )", 2, "a", "b, (c)"},
        {"(1,2,3)", 3, "1", "3"},
        {"('a',b)", 2, "a", "b"},
        {"('a''','b')", 2, "a'", "b"},
        {"", -1, NULL, NULL},
        {"'a", -1, NULL, NULL},
        {"a'", -1, NULL, NULL},
        {"'a' 'b'", -1, NULL, NULL},
        {"('a'", -1, NULL, NULL},
        {"('a',)", -1, NULL, NULL},
        {"('a' 'b')", -1, NULL, NULL},
        {"()", -1, NULL, NULL},
        {"(,)", -1, NULL, NULL},
        {"(a'b)", -1, NULL, NULL},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct xds_texts values = {NULL, 0};
        bool ok = xds_query_values(&a, str_from(cases[i].text), &values);

        if (ok != (cases[i].n >= 0) || (ok && values.n != (size_t)cases[i].n)) {
            printf("%s\n", cases[i].text);
            CU_FAIL("values");
        } else if (ok) {
            CHECK_STR(values.v[0], str_from(cases[i].first));
            CHECK_STR(values.v[values.n - 1], str_from(cases[i].last));
        }
    }
    arena_dispose(&a);
}

static void a_query_has_what_its_table_asks(void)
{
    static const struct {
        const char *id, *slots, *code; /* NULL: it is read */
    } cases[] = {
        {FIND, PATIENT STATUS, NULL},
        {"urn:uuid:00000000-0000-0000-0000-000000000000", PATIENT STATUS, "XDSUnknownStoredQuery"},
        {FIND, PATIENT, "XDSStoredQueryMissingParam"},
        {FIND, STATUS, "XDSStoredQueryMissingParam"},
        {FIND, PATIENT SLOT(DE "Status", "('urn:oasis:names:tc:ebxml-regrep:StatusType:Gone')"),
         "XDSStoredQueryMissingParam"},
        {FIND, PATIENT SLOT(DE "Status", "('urn:x'," APPROVED ")"), NULL},
        {FIND, PATIENT STATUS STATUS, "XDSStoredQueryParamNumber"},
        {FIND, PATIENT PATIENT STATUS, "XDSStoredQueryParamNumber"},
        {FIND, SLOT(DE "PatientId", "('1^^^&amp;1.2.3&amp;ISO','2^^^&amp;1.2.3&amp;ISO')") STATUS,
         "XDSStoredQueryParamNumber"},
        {FIND, SLOT(DE "PatientId", "'1'") STATUS, "XDSRegistryError"},
        {FIND, PATIENT STATUS SLOT(DE "ClassCode", "('a^^1','b^^2')"), NULL},
        {FIND, PATIENT STATUS SLOT(DE "ClassCode", "('a^^1')") SLOT(DE "ClassCode", "('b^^2')"),
         "XDSStoredQueryParamNumber"},
        {FIND,
         PATIENT STATUS SLOT(DE "EventCodeList", "('a^^1')") SLOT(DE "EventCodeList", "('b^^2')"),
         NULL},
        {FIND, PATIENT STATUS SLOT(DE "ClassCode", "('a')"), "XDSRegistryError"},
        {FIND, PATIENT STATUS SLOT(DE "ClassCode", "('a^^')"), "XDSRegistryError"},
        {FIND, PATIENT STATUS SLOT(DE "ClassCode", "('a^^b^^c')"), "XDSRegistryError"},
        {FIND, PATIENT STATUS SLOT(DE "ClassCode", "('a^^b'"), "XDSRegistryError"},
        {FIND, PATIENT STATUS SLOT(DE "CreationTimeFrom", "2004"), NULL},
        {FIND, PATIENT STATUS SLOT(DE "CreationTimeFrom", "'2004'"), NULL},
        {FIND, PATIENT STATUS SLOT(DE "CreationTimeFrom", "2004-01-01"), "XDSRegistryError"},
        {FIND, PATIENT STATUS SLOT("$Surprise", "'x'"), NULL},
        {GET, SLOT(DE "UniqueId", "('1.2.3')"), NULL},
        {GET, SLOT(DE "EntryUUID", "('urn:uuid:x')"), NULL},
        {GET, "", "XDSStoredQueryMissingParam"},
        {GET, SLOT(DE "UniqueId", "('1.2.3')") SLOT(DE "EntryUUID", "('urn:uuid:x')"),
         "XDSStoredQueryParamNumber"},
    };
    struct arena a;
    struct errors err;
    struct xds_query q;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum status s = read_query(&a, cases[i].id, cases[i].slots, &q, &err);
        const char *code = s == OK ? "" : err.first->code;

        if (strcmp(code, cases[i].code ? cases[i].code : "") != 0)
            printf("case %zu: %s\n", i, code);
        CU_ASSERT_STRING_EQUAL(code, cases[i].code ? cases[i].code : "");
    }
    arena_dispose(&a);
}

/* The sample document: classCode History^^1.2.3.1, confidentialityCode N and PSY, created
 * 20261122, served 202611220800 to 0801, authors Smitty and Dopplemeyer. */
static void values_are_or_slots_are_and(void)
{
    static const struct {
        const char *slots;
        bool matches;
    } cases[] = {
        {"", true},
        {SLOT(DE "ClassCode", "('x^^1','History^^1.2.3.1')"), true},
        {SLOT(DE "ClassCode", "('History^^1.2.3.2')"), false},
        {SLOT(DE "ConfidentialityCode", "('N^^2.16.840.1.113883.5.25')")
             SLOT(DE "ConfidentialityCode", "('PSY^^2.16.840.1.113883.5.4')"),
         true},
        {SLOT(DE "ConfidentialityCode",
              "('N^^2.16.840.1.113883.5.25','PSY^^2.16.840.1.113883.5.4')")
             SLOT(DE "ConfidentialityCode", "('R^^2.16.840.1.113883.5.25')"),
         false},
        {SLOT(DE "CreationTimeFrom", "20261122") SLOT(DE "CreationTimeTo", "20261123"), true},
        {SLOT(DE "CreationTimeFrom", "20261122000000"), true},
        {SLOT(DE "CreationTimeFrom", "20261122000001"), false},
        {SLOT(DE "CreationTimeTo", "20261122"), false},
        {SLOT(DE "CreationTimeTo", "20261122000001"), true},
        {SLOT(DE "CreationTimeFrom", "2026") SLOT(DE "CreationTimeTo", "2027"), true},
        {SLOT(DE "CreationTimeFrom", "202612"), false},
        {SLOT(DE "ServiceStartTimeFrom", "2026112208"), true},
        {SLOT(DE "ServiceStartTimeTo", "2026112208"), false},
        {SLOT(DE "ServiceStopTimeTo", "202611220802"), true},
        {SLOT(DE "AuthorPerson", "('%Smitty%')"), true},
        {SLOT(DE "AuthorPerson", "('^Dopple_eyer^%')"), true},
        {SLOT(DE "AuthorPerson", "('Smitty')"), false},
        {SLOT(DE "Type", "('urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248')"), false},
    };
    struct arena a;
    struct errors err;
    struct xds_submission s;
    struct xds_query q;

    arena_init(&a);
    errors_init(&err, &a);
    CU_ASSERT_FATAL(
        xds_rim_read(&a, sample_list(&a, sample_submission(&a, NULL, NULL)), &s, &err) == OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char slots[4096];

        snprintf(slots, sizeof(slots), "%s%s", PATIENT STATUS, cases[i].slots);
        CU_ASSERT_EQUAL(read_query(&a, FIND, slots, &q, &err), OK);
        if (xds_query_match(&q, s.objects.v[0]) != cases[i].matches)
            printf("case %zu: %s\n", i, cases[i].slots);
        CU_ASSERT_EQUAL(xds_query_match(&q, s.objects.v[0]), cases[i].matches);
    }
    arena_dispose(&a);
}

static void a_document_without_the_time_is_not_excluded_by_it(void)
{
    struct arena a;
    struct errors err;
    struct xds_submission s;
    struct xds_query q;
    struct xds_document *d;

    arena_init(&a);
    errors_init(&err, &a);
    CU_ASSERT_FATAL(
        xds_rim_read(&a, sample_list(&a, sample_submission(&a, NULL, NULL)), &s, &err) == OK);
    d = xds_document(s.objects.v[0]);
    d->service_start_time = STR_NONE;
    CU_ASSERT_EQUAL(read_query(&a, FIND, PATIENT STATUS SLOT(DE "ServiceStartTimeFrom", "2030"), &q,
                               &err),
                    OK);
    CU_ASSERT(xds_query_match(&q, &d->o));
    d->object_type = STR(XDS_ON_DEMAND_TYPE);
    CU_ASSERT_FALSE(xds_query_match(&q, &d->o)); /* stable is what FindDocuments means */
    CU_ASSERT_EQUAL(read_query(&a, GET, SLOT(DE "UniqueId", "('1.2')"), &q, &err), OK);
    CU_ASSERT(xds_query_match(&q, &d->o));
    arena_dispose(&a);
}

static void like_knows_any_and_one(void)
{
    static const struct {
        struct str text, pattern;
        bool matches;
    } cases[] = {
        {STR("abc"), STR("abc"), true},
        {STR("abc"), STR("a%"), true},
        {STR("abc"), STR("%c"), true},
        {STR("abc"), STR("%b%"), true},
        {STR("abc"), STR("a_c"), true},
        {STR("abc"), STR("_"), false},
        {STR(""), STR("%"), true},
        {STR(""), STR("_"), false},
        {STR("aab"), STR("%ab"), true},
        {STR("\xc3\xa9x"), STR("_x"), true},
        {STR("\xc3\xa9"), STR("%__"), false},
        {STR("ABC"), STR("abc"), false},
        {STR("a%b"), STR("a%b"), true},
        {STR("mississippi"), STR("%iss%ip%"), true},
        {STR("mississippi"), STR("%iss%ipx%"), false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CU_ASSERT_EQUAL(xds_like(cases[i].text, cases[i].pattern), cases[i].matches);
}

/* A list of n values of 45 characters. */
static struct str list_of(struct arena *a, size_t n)
{
    struct strbuf b = strbuf_on(a, n * 48 + 2);

    strbuf_addc(&b, '(');
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&b, "%s'urn:uuid:00000000-0000-4000-8000-%012zu'", i > 0 ? "," : "", i);
    strbuf_addc(&b, ')');
    return strbuf_str(&b);
}

static void a_list_takes_memory_by_its_length(void)
{
    struct xds_texts values = {NULL, 0};
    struct arena a;
    struct str list;
    size_t before;

    arena_init(&a);
    list = list_of(&a, 5000);
    before = a.used;
    CU_ASSERT(xds_query_values(&a, list, &values));
    CU_ASSERT_EQUAL(values.n, 5000);
    CU_ASSERT(a.used - before < 8 * list.n);
    arena_dispose(&a);
}

/* Each value may be compared with each of the patient's documents. */
static void values_are_capped_in_number_and_length(void)
{
    static const struct {
        size_t lists, each, length;
        bool ok;
    } cases[] = {{1, 2, 300, true},
                 {1, 1, 1100, false},
                 {1, 5001, 20, false},
                 {5, 999, 20, true},
                 {6, 999, 20, false}};
    struct xds_query q;
    struct errors err;
    struct arena a;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf b;

        arena_init(&a);
        b = strbuf_on(&a, 1024);
        strbuf_lit(&b, PATIENT STATUS);
        for (size_t l = 0; l < cases[i].lists; l++) {
            strbuf_lit(&b, "<rim:Slot name=\"" DE "EventCodeList\"><rim:ValueList>");
            for (size_t v = 0; v < cases[i].each; v++)
                strbuf_addf(&b, "<rim:Value>('%0*zu^^1')</rim:Value>", (int)cases[i].length, v);
            strbuf_lit(&b, "</rim:ValueList></rim:Slot>");
        }
        CU_ASSERT_EQUAL(read_query(&a, FIND, strbuf_str(&b).p, &q, &err) == OK, cases[i].ok);
        arena_dispose(&a);
    }
}

SUITE(test_query, CASE(values_are_quoted_numbers_or_lists), CASE(a_query_has_what_its_table_asks),
      CASE(a_list_takes_memory_by_its_length), CASE(values_are_capped_in_number_and_length),
      CASE(values_are_or_slots_are_and), CASE(a_document_without_the_time_is_not_excluded_by_it),
      CASE(like_knows_any_and_one));
