/* The rules of a submission: each breach is found, named and located. */
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"
#include "tests/support/xds_samples.h"
#include "xds/format.h"
#include "xds/validate.h"

static enum status validate(struct arena *a, const char *from, const char *to, struct errors *err)
{
    struct xds_submission s;
    xmlNode *list = sample_list(a, sample_submission(a, from, to));

    errors_init(err, a);
    CU_ASSERT_FATAL(list != NULL);
    CU_ASSERT_FATAL(xds_rim_read(a, list, &s, err) == OK);
    (void)!xds_validate(a, &s, err);
    return err->status;
}

static void a_good_submission_passes(void)
{
    struct arena a;
    struct errors err;

    arena_init(&a);
    CU_ASSERT_EQUAL(validate(&a, NULL, NULL, &err), OK);
    if (err.first)
        printf("%.*s\n", STR_ARG(err.first->text));
    arena_dispose(&a);
}

#define META "XDSRegistryMetadataError"

static void each_breach_is_named_and_located(void)
{
    static const struct {
        const char *from, *to, *code, *says, *where;
    } cases[] = {
        {"<rim:Value>20261122</rim:Value>", "", META, "creationTime of Document01 is missing",
         "Document01"},
        {"<rim:Value>20261122</rim:Value>", "<rim:Value>2026-11-22</rim:Value>", META,
         "creationTime of Document01 is '2026-11-22'", "Document01"},
        {"<rim:Value>20261122</rim:Value>", "<rim:Value>20261322</rim:Value>", META, "creationTime",
         "Document01"},
        {"ad18814418693512b767676006a21d8ec7291e84", "ad18", META, "hash", "Document01"},
        {"<rim:Value>747</rim:Value>", "<rim:Value>-1</rim:Value>", META, "size", "Document01"},
        {"<rim:Value>en-us</rim:Value>", "<rim:Value>english (us)</rim:Value>", META,
         "languageCode", "Document01"},
        {"mimeType='text/xml'", "mimeType='xml'", META, "mimeType", "Document01"},
        {"89765a87b^^^&amp;1.3.4.5&amp;ISO</rim:Value></rim:ValueList></rim:Slot>"
         "<rim:Slot name='sourcePatientInfo'>",
         "89765a87b</rim:Value></rim:ValueList></rim:Slot><rim:Slot name='sourcePatientInfo'>",
         META, "sourcePatientId", "Document01"},
        {"PID-5|Doe", "Doe", META, "sourcePatientInfo", "Document01"},
        {"^Smitty^Gerald^^^", "^^", META, "authorPerson", "Document01"},
        {"Parma^^^^^&amp;1.2.3.9.1789&amp;ISO^^^^45", "Parma^^^^^^^^^45", META, "authorInstitution",
         "Document01"},
        {"name='authorRole'", "name='authorRank'", META, "authorRank", "Document01"},
        {"acc1^^^&amp;1.2.3.9&amp;ISO^urn:ihe:iti:xds:2013:accession", "acc1", META,
         "referenceIdList", "Document01"},
        {"<rim:Value>202611220801</rim:Value>", "<rim:Value>202611220759</rim:Value>", META,
         "serviceStartTime", "Document01"},
        {"value='1.2.42.2026.1'", "value='1.02.42'", META, "uniqueId", "Document01"},
        {"objectType='urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1'",
         "objectType='urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248'", META, "on-demand",
         "Document01"},
        {"home='urn:oid:1.2.3.4'", "home='1.2.3.4'", META, "homeCommunityId", "Document01"},
        {"<rim:Value>20261122150000</rim:Value>", "", META, "submissionTime", "Set01"},
        {"value='1.3.6.1.4.1.21367.4'", "value=''", META, "sourceId", "Set01"},
        {"^Wel^Marcus^^^Dr^MD", "", "", "", ""}, /* an organization alone will do */
        {"<rim:Name><rim:LocalizedString value='Pregnancy'/></rim:Name>", "", META, "title",
         "Folder01"},
        {"value='1.2.42.2026.3'", "value='1.2.42.2026.2'", "XDSRegistryDuplicateUniqueIdInMessage",
         "1.2.42.2026.2", "1.2.42.2026.2"},
        {"<rim:Association id='a2'", "<rim:Association id='a1'", META, "a1", "a1"},
        {"value='P1^^^&amp;1.3.6.1.4.1.21367.13.20.1000&amp;ISO'",
         "value='P2^^^&amp;1.3.6.1.4.1.21367.13.20.1000&amp;ISO'", "XDSPatientIdDoesNotMatch",
         "P2^^^", "Document01"},
        {"<rim:Value>Original</rim:Value>", "<rim:Value>Reference</rim:Value>", META,
         "SubmissionSetStatus", "a1"},
        {"sourceObject='Set01' targetObject='Folder01'",
         "sourceObject='Set01' targetObject='Folder02'", "UnresolvedReferenceException", "Folder02",
         "a2"},
        {"sourceObject='Set01' targetObject='Folder01'",
         "sourceObject='Set01' targetObject='Document01'", META, "must be linked", "Folder01"},
        {"sourceObject='Set01' targetObject='a3'", "sourceObject='Set01' targetObject='Set01'",
         META, "itself", "a4"},
        {"AssociationType:HasMember' sourceObject='Folder01'",
         "AssociationType:Knows' sourceObject='Folder01'", META, "associationType", "a3"},
        {"'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' sourceObject='Folder01'",
         "'urn:ihe:iti:2007:AssociationType:APND' sourceObject='Folder01'",
         "UnresolvedReferenceException", "sourceObject", "a3"},
        {"'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' sourceObject='Folder01' "
         "targetObject='Document01'",
         "'urn:ihe:iti:2007:AssociationType:RPLC' sourceObject='Document01' "
         "targetObject='Document02'",
         "UnresolvedReferenceException", "Document02", "a3"},
    };
    struct arena a;
    struct errors err;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct failure *f;
        enum status status = validate(&a, cases[i].from, cases[i].to, &err);

        if (cases[i].code[0] == 0) {
            CU_ASSERT_EQUAL(status, OK);
            continue;
        }
        CU_ASSERT_EQUAL(status, INVALID);
        for (f = err.first; f; f = f->next)
            if (strcmp(f->code, cases[i].code) == 0 &&
                str_find_str(f->text, str_from(cases[i].says)) >= 0 &&
                str_eq(f->location, str_from(cases[i].where)))
                break;
        if (f == NULL)
            printf("case %zu (%s): %.*s\n", i, cases[i].to,
                   STR_ARG(err.first ? err.first->text : STR("nothing")));
        CU_ASSERT_PTR_NOT_NULL(f);
    }
    arena_dispose(&a);
}

static void limited_metadata_waives_what_the_profile_says(void)
{
    struct arena a;
    struct errors err;

    arena_init(&a);
    CU_ASSERT_EQUAL(
        validate(&a,
                 "<rim:Classification id='c10' classificationScheme="
                 "'urn:uuid:f0306f51-975f-434e-a61c-c59651d33983' classifiedObject='Document01' "
                 "nodeRepresentation='34108-1'>",
                 "<rim:Classification id='c11' classifiedObject='Document01' "
                 "classificationNode='urn:uuid:ab9b591b-83ab-4d03-8f5d-f93b1fb92e85'>",
                 &err),
        OK);
    arena_dispose(&a);
}

static void formats_take_what_the_field_sends(void)
{
    static const struct {
        enum xds_format format;
        const char *value;
        bool ok;
    } cases[] = {
        {XDS_OID, "1.2.3", true},
        {XDS_OID, "1.02.3", false},
        {XDS_OID, "129.6.58.92", true},
        {XDS_OID, "1", false},
        {XDS_OID, "1..2", false},
        {XDS_UID, "1.2.3^ext", true},
        {XDS_UID, "1.2.3^", false},
        {XDS_UID, "urn:uuid:x", true},
        {XDS_UID, "1.2^a^b", false},
        {XDS_DTM, "2026", true},
        {XDS_DTM, "202611221504", true},
        {XDS_DTM, "20261122150405.1", false},
        {XDS_DTM, "202611221504+0100", false},
        {XDS_CX, "1^^^&1.2.3&ISO", true},
        {XDS_CX, "^^^&1.2.3&ISO", false},
        {XDS_CX, "1^^^NS", false},
        {XDS_CXI, "1^^^^urn:x", true},
        {XDS_CXI, "1^^^&1.2.3&ISO^urn:x^&1.2.9&ISO", true},
        {XDS_XON, "Hospital", true},
        {XDS_XON, "H^^^^^^^^^1.2.3", true},
        {XDS_XON, "^^^^^^^^^1.2.3", false},
        {XDS_LANGUAGE, "de-CH", true},
        {XDS_LANGUAGE, "x", false},
        {XDS_MIME, "multipart/related", true},
        {XDS_MIME, "text/", false},
        {XDS_SIZE, "0", true},
        {XDS_SIZE, "99999999999999999999", false},
        {XDS_RECIPIENT, "|^^", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (xds_format_ok(cases[i].format, str_from(cases[i].value)) != cases[i].ok) {
            printf("%s\n", cases[i].value);
            CU_FAIL("format");
        }
}

SUITE(test_validate, CASE(a_good_submission_passes), CASE(each_breach_is_named_and_located),
      CASE(limited_metadata_waives_what_the_profile_says), CASE(formats_take_what_the_field_sends));
