/* The header of a consent document. */
#include "consent/bppc.h"
#include "hub/data/xml.h"
#include "tests/support/suite.h"

#define DOCUMENT(header)                                                                           \
    "<ClinicalDocument xmlns='urn:hl7-org:v3'>" header "<component/></ClinicalDocument>"
#define PATIENT                                                                                    \
    "<recordTarget><patientRole><id root='1.2' extension='7'/></patientRole></recordTarget>"
#define ACT(template, code)                                                                        \
    "<documentationOf><serviceEvent><templateId root='" template "'/>" code "</serviceEvent></"    \
                                                                 "documentationOf>"
#define CONSENT "1.3.6.1.4.1.19376.1.5.3.1.2.6"

static struct arena arena;
static struct errors err;

static enum status read_header(const char *xml, struct bppc_header *h)
{
    xml_init();
    arena_reset(&arena);
    errors_init(&err, &arena);
    return bppc_header_read(&arena, str_from(xml), h, &err);
}

static void a_header_names_its_patient_and_its_policies(void)
{
    struct bppc_header h;

    CU_ASSERT_EQUAL_FATAL(read_header(DOCUMENT(PATIENT ACT(CONSENT, "<code code='1.9'/>")
                                                   ACT("1.1", "<code code='1.8'/>")),
                                      &h),
                          OK);
    CU_ASSERT_TRUE(bppc_names_patient(&h, (struct identifier){STR("1.2"), STR("7")}));
    CU_ASSERT_FALSE(bppc_names_patient(&h, (struct identifier){STR("1.2"), STR("8")}));
    CU_ASSERT_FALSE(bppc_names_patient(&h, (struct identifier){STR("1.3"), STR("7")}));
    CU_ASSERT_TRUE(bppc_names_policy(&h, STR("1.9")));
    CU_ASSERT_TRUE(bppc_names_policy(&h, STR("urn:oid:1.9")));
    CU_ASSERT_FALSE(bppc_names_policy(&h, STR("1.8")));
}

static void what_documents_no_consent_of_one_patient_is_none(void)
{
    static const char *const table[] = {
        "",
        "%PDF-1.4",
        "<ClinicalDocument/>",
        DOCUMENT(""),
        DOCUMENT(PATIENT),
        DOCUMENT(PATIENT ACT("1.1", "<code code='1.9'/>")),
        DOCUMENT(PATIENT ACT(CONSENT, "")),
        DOCUMENT(ACT(CONSENT, "<code code='1.9'/>")),
        DOCUMENT(PATIENT PATIENT ACT(CONSENT, "<code code='1.9'/>")),
        DOCUMENT("<recordTarget/>" ACT(CONSENT, "<code code='1.9'/>")),
        "<!DOCTYPE x []>" DOCUMENT(PATIENT ACT(CONSENT, "<code code='1.9'/>")),
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct bppc_header h;

        CU_ASSERT_EQUAL(read_header(table[i], &h), INVALID);
        CU_ASSERT_PTR_NOT_NULL(err.first);
    }
}

SUITE(test_bppc, CASE(a_header_names_its_patient_and_its_policies),
      CASE(what_documents_no_consent_of_one_patient_is_none));
