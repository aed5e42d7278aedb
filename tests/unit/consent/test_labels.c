/* Value sets and the labels that they give. */
#include "consent/code_system.h"
#include "consent/labels.h"
#include "consent/labels_file.h"
#include "tests/support/suite.h"

#define LOINC "2.16.840.1.113883.6.1"
#define ICD   "2.16.840.1.113883.6.90"
#define CONF  SYSTEM_CONFIDENTIALITY

static struct arena arena;
static struct errors err;

static void begin(void)
{
    arena_reset(&arena);
    errors_init(&err, &arena);
}

static struct label_set set_from(const char *name, const char *text)
{
    struct label_set set;

    CU_ASSERT_EQUAL_FATAL(labels_file_read(&arena, str_from(text), &set, &err), OK);
    set.name = str_from(name);
    return set;
}

/* "R PSY SUD" */
static struct str text_of(struct label_texts labels)
{
    struct strbuf b = strbuf_on(&arena, 64);

    for (size_t i = 0; i < labels.n; i++) {
        if (i > 0)
            strbuf_addc(&b, ' ');
        strbuf_add(&b, labels.v[i]);
    }
    return strbuf_str(&b);
}

static struct str label(const struct label_book *book, enum label_field field, const char *system,
                        const char *code, const char *confidentiality)
{
    struct label_code codes[] = {{field, str_from(system), str_from(code), false},
                                 {LABEL_CONFIDENTIALITY, STR(CONF), str_from(confidentiality),
                                  false}};

    return text_of(label_book_apply(book, &arena, codes, confidentiality ? 2 : 1));
}

static const struct label_book *book(void)
{
    struct label_set *sets = ARENA_ARRAY(&arena, 3, struct label_set);

    sets[0] = set_from("SUD", "# labels: ETHUD\n# confidentiality: R\n"
                              "event,http://hl7.org/fhir/sid/icd-10-cm,F10*,Alcohol\n");
    sets[1] = set_from("PSY", "# labels: PSY\n# confidentiality: V\n"
                              "type,http://loinc.org,34788-0,Psychiatry, with a comma\n");
    sets[2] = set_from("LOW", "# labels: GDIS\n# confidentiality: L\n,,X1,\n");
    return label_book_make(&arena, sets, 3, 7);
}

static void a_code_gives_the_labels_of_its_value_set_and_those_that_contain_them(void)
{
    begin();
    CHECK_STR(label(book(), LABEL_EVENT, ICD, "F10.20", "N"), STR("R ETH ETHUD SUD"));
    CHECK_STR(label(book(), LABEL_EVENT, ICD, "F10", "N"), STR("R ETH ETHUD SUD"));
    CHECK_STR(label(book(), LABEL_TYPE, LOINC, "34788-0", NULL), STR("V MH PSY"));
    CHECK_STR(label(book(), LABEL_CLASS, "1.2.3", "X1", NULL), STR("L GDIS"));
}

static void a_code_counts_only_in_its_field_and_its_system(void)
{
    begin();
    CHECK_STR(label(book(), LABEL_CLASS, ICD, "F10.20", "N"), STR("N"));
    CHECK_STR(label(book(), LABEL_EVENT, LOINC, "F10.20", "N"), STR("N"));
    CHECK_STR(label(book(), LABEL_EVENT, ICD, "F1", "N"), STR("N"));
    CHECK_STR(label(book(), LABEL_TYPE, LOINC, "34788", "N"), STR("N"));
}

static void what_the_source_wrote_is_raised_and_never_lowered(void)
{
    static const struct {
        const char *wrote, *code;
        struct str wanted;
    } table[] = {
        {"N", "F10.1", STR("R ETH ETHUD SUD")},
        {"R", "F10.1", STR("R ETH ETHUD SUD")},
        {"V", "F10.1", STR("V ETH ETHUD SUD")},
        {"U", "F10.1", STR("R ETH ETHUD SUD")},
        {"V", "none", STR("V")},
        {"L", "none", STR("L")},
        {"V", "X1", STR("V GDIS")},
        {"U", "X1", STR("L GDIS")},
    };

    begin();
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        CHECK_STR(label(book(), LABEL_EVENT, ICD, table[i].code, table[i].wrote), table[i].wanted);
}

static void a_confidentiality_that_is_none_of_the_hl7s_counts_as_restricted(void)
{
    begin();
    CHECK_STR(label(book(), LABEL_EVENT, ICD, "none", "Clinical-Staff"), STR("R Clinical-Staff"));
    CHECK_STR(label(book(), LABEL_EVENT, ICD, "none", NULL), STR("N"));
    CHECK_STR(label(book(), LABEL_EVENT, ICD, "none", "ETHUD"), STR("R ETH ETHUD SUD"));
}

static void the_highest_of_several_confidentialities_holds(void)
{
    struct label_code codes[] = {{LABEL_CONFIDENTIALITY, STR(CONF), STR("N"), false},
                                 {LABEL_CONFIDENTIALITY, STR(CONF), STR("V"), false},
                                 {LABEL_CONFIDENTIALITY, STR(CONF), STR("R"), false}};

    begin();
    CHECK_STR(text_of(label_book_apply(book(), &arena, codes, 3)), STR("V"));
}

static void a_fhir_value_set_is_read_from_compose_or_expansion(void)
{
    struct label_set set;

    begin();
    set = set_from("A", "{\"resourceType\":\"ValueSet\",\"status\":\"active\",\"compose\":"
                        "{\"include\":[{\"system\":\"http://loinc.org\",\"concept\":[{\"code\":"
                        "\"1-8\"},{\"code\":\"2-6\",\"display\":\"x\"},{\"code\":\"1-8\"}]}]}}");
    CU_ASSERT_EQUAL(set.code_count, 2);
    CHECK_STR(set.codes[0].system, STR(LOINC));
    CHECK_STR(set.codes[1].code, STR("2-6"));
    set = set_from("B", "{\"resourceType\":\"ValueSet\",\"expansion\":{\"contains\":[{\"system\":"
                        "\"s\",\"code\":\"a\",\"contains\":[{\"system\":\"s\",\"code\":\"b\"}]},"
                        "{\"abstract\":true,\"system\":\"s\",\"code\":\"c\"}]}}");
    CU_ASSERT_EQUAL(set.code_count, 2);
}

static void what_a_file_does_not_say_plainly_is_refused(void)
{
#define VALUE_SET(compose) "{\"resourceType\":\"ValueSet\",\"compose\":{" compose "}}"
    static const char *const table[] = {
        "",
        "# labels: SUD\n",
        "event,http://loinc.org\n",
        "colour,http://loinc.org,1-8,x\n",
        "event,http://loinc.org,*,all\n",
        "# labels: R\nevent,s,c,\n",
        "# labels: SU D\nevent,s,c,\n",
        "# confidentiality: X\nevent,s,c,\n",
        "{}",
        "{\"resourceType\":\"Patient\"}",
        "{\"resourceType\":\"ValueSet\"}",
        "{\"resourceType\":\"ValueSet\",\"resourceType\":\"ValueSet\"}",
        VALUE_SET("\"include\":[{\"system\":\"s\"}]"),
        VALUE_SET("\"include\":[{\"valueSet\":[\"http://x\"]}]"),
        VALUE_SET("\"include\":[{\"system\":\"s\",\"filter\":[]}]"),
        VALUE_SET("\"include\":[{\"system\":\"s\",\"concept\":[{\"code\":\"a\"}]}],\"exclude\":[]"),
        "event,s,\xff,\n",
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct label_set set;

        begin();
        CU_ASSERT_EQUAL(labels_file_read(&arena, str_from(table[i]), &set, &err), INVALID);
        CU_ASSERT_PTR_NOT_NULL(err.first);
    }
}

static void a_code_system_has_one_name_whoever_writes_it(void)
{
    begin();
    CHECK_STR(code_system(STR("http://loinc.org")), STR(LOINC));
    CHECK_STR(code_system(STR("urn:oid:" LOINC)), STR(LOINC));
    CHECK_STR(code_system(STR(LOINC)), STR(LOINC));
    CHECK_STR(code_system(STR("http://example.org/x")), STR("http://example.org/x"));
    CHECK_STR(code_system_uri(&arena, STR(LOINC)), STR("http://loinc.org"));
    CHECK_STR(code_system_uri(&arena, STR("1.2.3")), STR("urn:oid:1.2.3"));
    CHECK_STR(code_system_uri(&arena, STR("http://example.org/x")), STR("http://example.org/x"));
}

SUITE(test_labels, CASE(a_code_gives_the_labels_of_its_value_set_and_those_that_contain_them),
      CASE(a_code_counts_only_in_its_field_and_its_system),
      CASE(what_the_source_wrote_is_raised_and_never_lowered),
      CASE(a_confidentiality_that_is_none_of_the_hl7s_counts_as_restricted),
      CASE(the_highest_of_several_confidentialities_holds),
      CASE(a_fhir_value_set_is_read_from_compose_or_expansion),
      CASE(what_a_file_does_not_say_plainly_is_refused),
      CASE(a_code_system_has_one_name_whoever_writes_it));
