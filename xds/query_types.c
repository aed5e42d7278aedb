/* The query kinds that are there, each with its parameters (3.18.4.1.2.3.7). */
#include "xds/query.h"

static const struct xds_parameter find_documents[] = {
    {"$XDSDocumentEntryPatientId", XDS_VALUE_PATIENT, XDS_SINGLE, XDS_MUST},
    {"$XDSDocumentEntryStatus", XDS_VALUE_STATUS, XDS_MULTIPLE, XDS_MUST},
    {"$XDSDocumentEntryClassCode", XDS_VALUE_CODE, XDS_MULTIPLE, XDS_MAY},
    {"$XDSDocumentEntryTypeCode", XDS_VALUE_CODE, XDS_MULTIPLE, XDS_MAY},
    {"$XDSDocumentEntryPracticeSettingCode", XDS_VALUE_CODE, XDS_MULTIPLE, XDS_MAY},
    {"$XDSDocumentEntryCreationTimeFrom", XDS_VALUE_FROM, XDS_SINGLE, XDS_MAY},
    {"$XDSDocumentEntryCreationTimeTo", XDS_VALUE_TO, XDS_SINGLE, XDS_MAY},
    {"$XDSDocumentEntryServiceStartTimeFrom", XDS_VALUE_FROM, XDS_SINGLE, XDS_MAY},
    {"$XDSDocumentEntryServiceStartTimeTo", XDS_VALUE_TO, XDS_SINGLE, XDS_MAY},
    {"$XDSDocumentEntryServiceStopTimeFrom", XDS_VALUE_FROM, XDS_SINGLE, XDS_MAY},
    {"$XDSDocumentEntryServiceStopTimeTo", XDS_VALUE_TO, XDS_SINGLE, XDS_MAY},
    {"$XDSDocumentEntryHealthcareFacilityTypeCode", XDS_VALUE_CODE, XDS_MULTIPLE, XDS_MAY},
    {"$XDSDocumentEntryEventCodeList", XDS_VALUE_CODE, XDS_REPEATED, XDS_MAY},
    {"$XDSDocumentEntryConfidentialityCode", XDS_VALUE_CODE, XDS_REPEATED, XDS_MAY},
    {"$XDSDocumentEntryAuthorPerson", XDS_VALUE_PATTERN, XDS_MULTIPLE, XDS_MAY},
    {"$XDSDocumentEntryFormatCode", XDS_VALUE_CODE, XDS_MULTIPLE, XDS_MAY},
    {"$XDSDocumentEntryType", XDS_VALUE_TEXT, XDS_MULTIPLE, XDS_MAY},
    {"$homeCommunityId", XDS_VALUE_HOME, XDS_SINGLE, XDS_MAY},
    {NULL, XDS_VALUE_TEXT, XDS_SINGLE, XDS_MAY},
};

static const struct xds_parameter get_documents[] = {
    {"$XDSDocumentEntryEntryUUID", XDS_VALUE_IDS, XDS_MULTIPLE, XDS_ONE_OF},
    {"$XDSDocumentEntryUniqueId", XDS_VALUE_IDS, XDS_MULTIPLE, XDS_ONE_OF},
    {"$homeCommunityId", XDS_VALUE_HOME, XDS_SINGLE, XDS_MAY},
    {NULL, XDS_VALUE_TEXT, XDS_SINGLE, XDS_MAY},
};

const struct xds_query_type xds_query_types[] = {
    {"urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d", "FindDocuments", XDS_DOCUMENT, find_documents,
     xds_query_find_documents},
    {"urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4", "GetDocuments", XDS_DOCUMENT, get_documents,
     xds_query_get_documents},
    {NULL, NULL, XDS_DOCUMENT, NULL, NULL},
};
