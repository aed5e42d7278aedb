/* What the message of a metadata update must say: each breach is found, named and located. */
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"
#include "tests/support/xds_samples.h"
#include "xds/validate.h"
#include "xds/validate_update.h"

#define LID "urn:uuid:11111111-1111-4111-8111-111111111111"
#define SLOT(name, value)                                                                          \
    "<rim:Slot name='" name "'><rim:ValueList><rim:Value>" value                                   \
    "</rim:Value></rim:ValueList></rim:Slot>"
#define MEMBER(set_status, previous)                                                               \
    "<rim:Value>" set_status "</rim:Value></rim:ValueList></rim:Slot>" previous

/* The sample submission as an update: its document follows version 1 of LID, its folder version 2
 * of another object, and its membership is submitted. */
static struct str update_text(struct arena *a)
{
    static const struct {
        const char *from, *to;
    } changes[] = {
        {"<rim:ExtrinsicObject id='Document01'",
         "<rim:ExtrinsicObject id='Document01' lid='" LID "'"},
        {"<rim:RegistryPackage id='Folder01'",
         "<rim:RegistryPackage id='Folder01' lid='urn:uuid:21111111-1111-4111-8111-111111111111'"},
        {MEMBER("Original", ""), MEMBER("Original", SLOT("PreviousVersion", "1"))},
        {"sourceObject='Set01' targetObject='Folder01'/>",
         "sourceObject='Set01' targetObject='Folder01'>" SLOT("PreviousVersion", "2")
             SLOT("AssociationPropagation", "no") "</rim:Association>"},
        {"'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' sourceObject='Set01' "
         "targetObject='a3'",
         "'urn:ihe:iti:2010:AssociationType:SubmitAssociation' sourceObject='Set01' "
         "targetObject='a3'"},
        {"</rim:RegistryObjectList>",
         "<rim:Association id='a5' sourceObject='Set01' targetObject='" LID
         "' associationType='urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus'>" SLOT(
             "OriginalStatus", XDS_STATUS_APPROVED)
             SLOT("NewStatus",
                  XDS_STATUS_DEPRECATED) "</rim:Association></rim:RegistryObjectList>"},
    };
    struct str text = sample_submission(a, NULL, NULL);

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        text = sample_replace(a, text, changes[i].from, changes[i].to);
    return text;
}

static enum status validate(struct arena *a, const char *from, const char *to, enum xds_rules rules,
                            struct errors *err)
{
    struct xds_submission s;
    struct str text = update_text(a);
    xmlNode *list;

    if (from)
        text = sample_replace(a, text, from, to);
    list = sample_list(a, text);
    errors_init(err, a);
    CU_ASSERT_FATAL(list != NULL);
    CU_ASSERT_FATAL(xds_rim_read(a, list, &s, err) == OK);
    s.rules = rules;
    return xds_validate(a, &s, err);
}

static void a_good_update_passes(void)
{
    struct arena a;
    struct errors err;

    arena_init(&a);
    CU_ASSERT_EQUAL(validate(&a, NULL, NULL, XDS_UPDATE, &err), OK);
    if (err.first)
        printf("%.*s\n", STR_ARG(err.first->text));
    arena_dispose(&a);
}

#define UPDATE    "XDSMetadataUpdateError"
#define OPERATION "XDSMetadataUpdateOperationError"

static void each_breach_is_named_and_located(void)
{
    static const struct {
        const char *from, *to;
        enum xds_rules rules;
        const char *code, *says, *where;
    } cases[] = {
        {" lid='" LID "'", "", XDS_UPDATE, UPDATE, "lid of Document01 is ''", "Document01"},
        {" lid='" LID "'", " lid='Document01'", XDS_UPDATE, UPDATE, "'Document01'", "Document01"},
        {SLOT("PreviousVersion", "1"), "", XDS_UPDATE, UPDATE, "PreviousVersion of a1", "a1"},
        {SLOT("PreviousVersion", "1"), SLOT("PreviousVersion", "0"), XDS_UPDATE, UPDATE, "'0'",
         "a1"},
        {SLOT("PreviousVersion", "1"), SLOT("PreviousVersion", "one"), XDS_UPDATE, UPDATE, "'one'",
         "a1"},
        {SLOT("AssociationPropagation", "no"), SLOT("AssociationPropagation", "perhaps"),
         XDS_UPDATE, UPDATE, "'perhaps'", "a2"},
        {SLOT("OriginalStatus", XDS_STATUS_APPROVED), "", XDS_UPDATE, UPDATE,
         "OriginalStatus of a5", "a5"},
        {SLOT("NewStatus", XDS_STATUS_DEPRECATED), SLOT("NewStatus", "Gone"), XDS_UPDATE, UPDATE,
         "'Gone'", "a5"},
        {SLOT("NewStatus", XDS_STATUS_DEPRECATED), SLOT("NewStatus", XDS_STATUS_APPROVED),
         XDS_UPDATE, OPERATION, "both", "a5"},
        {"SubmitAssociation' sourceObject='Set01'", "SubmitAssociation' sourceObject='Folder01'",
         XDS_UPDATE, UPDATE, "not the SubmissionSet", "a4"},
        {"SubmitAssociation' sourceObject='Set01' targetObject='a3'",
         "SubmitAssociation' sourceObject='Set01' targetObject='a1'", XDS_UPDATE, UPDATE,
         "a3 must be submitted", "a3"},
        {"SubmitAssociation' sourceObject='Set01' targetObject='a3'",
         "SubmitAssociation' sourceObject='Set01' targetObject='Folder01'", XDS_UPDATE, UPDATE,
         "must be an Association", "a4"},
        {"lid='urn:uuid:21111111-1111-4111-8111-111111111111'", "lid='" LID "'", XDS_UPDATE, UPDATE,
         "updated twice", LID},
        {"SubmitAssociation", "SubmitAssociation", XDS_REGISTER, "XDSRegistryMetadataError",
         "belongs to Update Document Set", "a4"},
        {"SubmitAssociation", "SubmitAssociation", XDS_RESTRICTED_UPDATE, OPERATION, "Folder01",
         "Folder01"},
    };
    struct arena a;
    struct errors err;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct failure *f;

        CU_ASSERT_EQUAL(validate(&a, cases[i].from, cases[i].to, cases[i].rules, &err), INVALID);
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

static void an_update_that_asks_for_nothing_is_none(void)
{
    struct arena a;
    struct errors err;
    struct xds_submission s;
    xmlNode *list;
    struct xds_submission_set *set;

    arena_init(&a);
    list = sample_list(&a, sample_submission(&a, NULL, NULL));
    errors_init(&err, &a);
    CU_ASSERT_EQUAL(xds_rim_read(&a, list, &s, &err), OK);
    set = s.set;
    s.objects = (struct xds_objects){.arena = &a};
    xds_objects_add(&s.objects, &set->o);
    s.rules = XDS_UPDATE;
    CU_ASSERT_EQUAL(xds_validate(&a, &s, &err), INVALID);
    CU_ASSERT(str_find_str(err.first->text, STR("no update")) >= 0);
    arena_dispose(&a);
}

SUITE(test_validate_update, CASE(a_good_update_passes), CASE(each_breach_is_named_and_located),
      CASE(an_update_that_asks_for_nothing_is_none));
