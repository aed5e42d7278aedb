/* The query kinds, each with its parameters (3.18.4.1.2.3.7, 3.51.4.1.2; $MetadataLevel and what
 * the XDS Metadata Update supplement adds: its 3.18.4.1.2.3.5.1). */
#include "xds/query.h"

/* What every kind takes, and the end of its list. */
#define COMMON                                                                                     \
    {"$MetadataLevel", XDS_DOCUMENT, XDS_VALUE_LEVEL, XDS_SINGLE, XDS_MAY},                        \
        {"$homeCommunityId", XDS_DOCUMENT, XDS_VALUE_HOME, XDS_SINGLE, XDS_MAY},                   \
    {                                                                                              \
        NULL, XDS_DOCUMENT, XDS_VALUE_TEXT, XDS_SINGLE, XDS_MAY                                    \
    }

#define DOCUMENT(name, type, count, need)                                                          \
    {                                                                                              \
        "$XDSDocumentEntry" name, XDS_DOCUMENT, XDS_VALUE_##type, XDS_##count, XDS_##need          \
    }
#define SET(name, type, count, need)                                                               \
    {                                                                                              \
        "$XDSSubmissionSet" name, XDS_SET, XDS_VALUE_##type, XDS_##count, XDS_##need               \
    }
#define FOLDER(name, type, count, need)                                                            \
    {                                                                                              \
        "$XDSFolder" name, XDS_FOLDER, XDS_VALUE_##type, XDS_##count, XDS_##need                   \
    }
#define LINK_STATUS                                                                                \
    {                                                                                              \
        "$XDSAssociationStatus", XDS_ASSOCIATION, XDS_VALUE_STATUS, XDS_MULTIPLE, XDS_MAY          \
    }
#define ANY_UUID                                                                                   \
    {                                                                                              \
        "$uuid", XDS_DOCUMENT, XDS_VALUE_UUIDS, XDS_MULTIPLE, XDS_MUST                             \
    }

/* The filters of FindDocuments and its like; `some` is the need of those of which ITI-51 wants one.
 */
#define DOCUMENT_FILTERS(some)                                                                     \
    DOCUMENT("Status", STATUS, MULTIPLE, MUST), DOCUMENT("ClassCode", CODE, MULTIPLE, some),       \
        DOCUMENT("TypeCode", CODE, MULTIPLE, MAY),                                                 \
        DOCUMENT("PracticeSettingCode", CODE, MULTIPLE, MAY),                                      \
        DOCUMENT("CreationTimeFrom", FROM, SINGLE, MAY),                                           \
        DOCUMENT("CreationTimeTo", TO, SINGLE, MAY),                                               \
        DOCUMENT("ServiceStartTimeFrom", FROM, SINGLE, MAY),                                       \
        DOCUMENT("ServiceStartTimeTo", TO, SINGLE, MAY),                                           \
        DOCUMENT("ServiceStopTimeFrom", FROM, SINGLE, MAY),                                        \
        DOCUMENT("ServiceStopTimeTo", TO, SINGLE, MAY),                                            \
        DOCUMENT("HealthcareFacilityTypeCode", CODE, MULTIPLE, some),                              \
        DOCUMENT("EventCodeList", CODE, REPEATED, some),                                           \
        DOCUMENT("ConfidentialityCode", CODE, REPEATED, MAY),                                      \
        DOCUMENT("AuthorPerson", PATTERN, MULTIPLE, MAY),                                          \
        DOCUMENT("FormatCode", CODE, MULTIPLE, MAY), DOCUMENT("Type", TEXT, MULTIPLE, MAY),        \
        DOCUMENT("DocumentAvailability", AVAILABILITY, MULTIPLE, MAY)

/* The filters on the documents of what a query finds with its contents. */
#define CONTENT_FILTERS                                                                            \
    DOCUMENT("FormatCode", CODE, MULTIPLE, MAY),                                                   \
        DOCUMENT("ConfidentialityCode", CODE, REPEATED, MAY),                                      \
        DOCUMENT("Type", TEXT, MULTIPLE, MAY)

static const struct xds_parameter find_documents[] = {
    DOCUMENT("PatientId", PATIENT, SINGLE, MUST),
    DOCUMENT_FILTERS(MAY),
    COMMON,
};

static const struct xds_parameter find_documents_by_reference[] = {
    DOCUMENT("PatientId", PATIENT, SINGLE, MUST),
    DOCUMENT("ReferenceIdList", PATTERN, REPEATED, MUST),
    DOCUMENT_FILTERS(MAY),
    COMMON,
};

static const struct xds_parameter find_sets[] = {
    SET("PatientId", PATIENT, SINGLE, MUST),      SET("SourceId", TEXT, MULTIPLE, MAY),
    SET("SubmissionTimeFrom", FROM, SINGLE, MAY), SET("SubmissionTimeTo", TO, SINGLE, MAY),
    SET("AuthorPerson", PATTERN, SINGLE, MAY),    SET("ContentType", CODE, MULTIPLE, MAY),
    SET("Status", STATUS, MULTIPLE, MUST),        COMMON,
};

static const struct xds_parameter find_folders[] = {
    FOLDER("PatientId", PATIENT, SINGLE, MUST),  FOLDER("LastUpdateTimeFrom", FROM, SINGLE, MAY),
    FOLDER("LastUpdateTimeTo", TO, SINGLE, MAY), FOLDER("CodeList", CODE, REPEATED, MAY),
    FOLDER("Status", STATUS, MULTIPLE, MUST),    COMMON,
};

static const struct xds_parameter get_all[] = {
    {"$patientId", XDS_DOCUMENT, XDS_VALUE_PATIENT, XDS_SINGLE, XDS_MUST},
    DOCUMENT("Status", STATUS, MULTIPLE, MUST),
    SET("Status", STATUS, MULTIPLE, MUST),
    FOLDER("Status", STATUS, MULTIPLE, MUST),
    CONTENT_FILTERS,
    LINK_STATUS,
    COMMON,
};

static const struct xds_parameter get_documents[] = {
    DOCUMENT("EntryUUID", UUIDS, MULTIPLE, ONE_OF),
    DOCUMENT("UniqueId", UNIQUES, MULTIPLE, ONE_OF),
    DOCUMENT("LogicalID", LOGICALS, MULTIPLE, ONE_OF),
    COMMON,
};

static const struct xds_parameter get_folders[] = {
    FOLDER("EntryUUID", UUIDS, MULTIPLE, ONE_OF),
    FOLDER("UniqueId", UNIQUES, MULTIPLE, ONE_OF),
    FOLDER("LogicalID", LOGICALS, MULTIPLE, ONE_OF),
    COMMON,
};

static const struct xds_parameter get_links[] = {ANY_UUID, LINK_STATUS, COMMON};

static const struct xds_parameter get_documents_and_links[] = {
    DOCUMENT("EntryUUID", UUIDS, MULTIPLE, ONE_OF),
    DOCUMENT("UniqueId", UNIQUES, MULTIPLE, ONE_OF),
    LINK_STATUS,
    COMMON,
};

static const struct xds_parameter get_set_and_contents[] = {
    SET("EntryUUID", UUIDS, SINGLE, ONE_OF),
    SET("UniqueId", UNIQUES, SINGLE, ONE_OF),
    CONTENT_FILTERS,
    LINK_STATUS,
    COMMON,
};

static const struct xds_parameter get_folder_and_contents[] = {
    FOLDER("EntryUUID", UUIDS, SINGLE, ONE_OF),
    FOLDER("UniqueId", UNIQUES, SINGLE, ONE_OF),
    CONTENT_FILTERS,
    LINK_STATUS,
    COMMON,
};

static const struct xds_parameter get_folders_of_document[] = {
    DOCUMENT("EntryUUID", UUIDS, SINGLE, ONE_OF),
    DOCUMENT("UniqueId", UNIQUES, SINGLE, ONE_OF),
    LINK_STATUS,
    COMMON,
};

static const struct xds_parameter get_related[] = {
    DOCUMENT("EntryUUID", UUIDS, SINGLE, ONE_OF),
    DOCUMENT("UniqueId", UNIQUES, SINGLE, ONE_OF),
    {"$AssociationTypes", XDS_ASSOCIATION, XDS_VALUE_TEXT, XDS_MULTIPLE, XDS_MUST},
    DOCUMENT("Type", TEXT, MULTIPLE, MAY),
    LINK_STATUS,
    COMMON,
};

/* Of several patients, or of whomever: then only by codes that choose. */
static const struct xds_parameter find_documents_of_many[] = {
    DOCUMENT("PatientId", PATIENT, MULTIPLE, SOME_OF),
    DOCUMENT_FILTERS(SOME_OF),
    COMMON,
};

static const struct xds_parameter find_folders_of_many[] = {
    FOLDER("PatientId", PATIENT, MULTIPLE, SOME_OF),
    FOLDER("LastUpdateTimeFrom", FROM, SINGLE, MAY),
    FOLDER("LastUpdateTimeTo", TO, SINGLE, MAY),
    FOLDER("CodeList", CODE, REPEATED, SOME_OF),
    FOLDER("Status", STATUS, MULTIPLE, MUST),
    COMMON,
};

#define DOCUMENTS XDS_BIT(XDS_DOCUMENT)
#define SETS      XDS_BIT(XDS_SET)
#define FOLDERS   XDS_BIT(XDS_FOLDER)
#define LINKS     XDS_BIT(XDS_ASSOCIATION)
#define BOTH_ENDS (XDS_LINKS_FROM | XDS_LINKS_TO)

#define PATIENT xds_query_find_by_patient
#define IDS     xds_query_find_by_id

const struct xds_query_type xds_query_types[] = {
    {"urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d", "FindDocuments", "ITI-18", DOCUMENTS, 0,
     find_documents, PATIENT, xds_select_found, DISCLOSES("document entries")},
    {"urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492", "FindDocumentsByReferenceId", "ITI-18",
     DOCUMENTS, 0, find_documents_by_reference, PATIENT, xds_select_found,
     DISCLOSES("document entries")},
    {"urn:uuid:f26abbcb-ac74-4422-8a30-edb644bbc1a9", "FindSubmissionSets", "ITI-18", SETS, 0,
     find_sets, PATIENT, xds_select_found, DISCLOSES("submission sets")},
    {"urn:uuid:958f3006-baad-4929-a4de-ff1114824431", "FindFolders", "ITI-18", FOLDERS,
     XDS_LINKS_CONTENTS, find_folders, PATIENT, xds_select_found, DISCLOSES("folders")},
    {"urn:uuid:10b545ea-725c-446d-9b95-8aeb444eddf3", "GetAll", "ITI-18",
     DOCUMENTS | SETS | FOLDERS, BOTH_ENDS, get_all, PATIENT, xds_select_linked,
     DISCLOSES("everything of a patient")},
    {"urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4", "GetDocuments", "ITI-18", DOCUMENTS, 0,
     get_documents, IDS, xds_select_found, DISCLOSES("document entries")},
    {"urn:uuid:5737b14c-8a1a-4539-b659-e03a34a5e1e4", "GetFolders", "ITI-18", FOLDERS,
     XDS_LINKS_CONTENTS, get_folders, IDS, xds_select_found, DISCLOSES("folders")},
    {"urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155", "GetAssociations", "ITI-18",
     DOCUMENTS | SETS | FOLDERS | LINKS, BOTH_ENDS, get_links, IDS, xds_select_links,
     DISCLOSES("associations")},
    {"urn:uuid:bab9529a-4a10-40b3-a01f-f68a615d247a", "GetDocumentsAndAssociations", "ITI-18",
     DOCUMENTS, BOTH_ENDS, get_documents_and_links, IDS, xds_select_linked,
     DISCLOSES("document entries and associations")},
    {"urn:uuid:51224314-5390-4169-9b91-b1980040715a", "GetSubmissionSets", "ITI-18",
     DOCUMENTS | FOLDERS, XDS_LINKS_TO, get_links, IDS, xds_select_sets,
     DISCLOSES("submission sets and associations")},
    {"urn:uuid:e8e3cb2c-e39c-46b9-99e4-c12f57260b83", "GetSubmissionSetAndContents", "ITI-18", SETS,
     XDS_LINKS_FROM | XDS_LINKS_CONTENTS, get_set_and_contents, IDS, xds_select_contents,
     DISCLOSES("a submission set and what is in it")},
    {"urn:uuid:b909a503-523d-4517-8acf-8e5834dfc4c7", "GetFolderAndContents", "ITI-18", FOLDERS,
     XDS_LINKS_FROM, get_folder_and_contents, IDS, xds_select_contents,
     DISCLOSES("a folder and what is in it")},
    {"urn:uuid:10cae35a-c7f9-4cf5-b61e-fc3278ffb578", "GetFoldersForDocument", "ITI-18", DOCUMENTS,
     XDS_LINKS_TO | XDS_LINKS_CONTENTS, get_folders_of_document, IDS, xds_select_folders,
     DISCLOSES("folders")},
    {"urn:uuid:d90e5407-b356-4d91-a89f-873917b4b0e6", "GetRelatedDocuments", "ITI-18", DOCUMENTS,
     BOTH_ENDS, get_related, IDS, xds_select_related,
     DISCLOSES("document entries and associations")},
    {"urn:uuid:3d1bdb10-39a2-11de-89c2-2f44d94eaa9f", "FindDocumentsForMultiplePatients", "ITI-51",
     DOCUMENTS, 0, find_documents_of_many, PATIENT, xds_select_found,
     DISCLOSES("document entries")},
    {"urn:uuid:50d3f5ac-39a2-11de-a1ca-b366239e58df", "FindFoldersForMultiplePatients", "ITI-51",
     FOLDERS, XDS_LINKS_CONTENTS, find_folders_of_many, PATIENT, xds_select_found,
     DISCLOSES("folders")},
    {.id = NULL},
};

void xds_query_doors(door_visitor *visit, void *to)
{
    for (const struct xds_query_type *t = xds_query_types; t->id != NULL; t++) {
        const struct door_place place = {.kind = "query",
                                         .name = t->name,
                                         .action = t->transaction,
                                         .door = &t->door};

        visit(to, &place);
    }
}
