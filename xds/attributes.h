/* The XDS metadata model (IHE ITI TF-3 4.2.3, 4.2.5.1, 4.3.1) as one table of attributes.
 *
 * The structs of rim.h, the ebRIM reader and writer, the validator, the SQL columns and the query
 * planner all come from it: an attribute that is added here is read, checked, stored (with a
 * column of the member's name), queried and written.
 *
 * X(member, label, shape, carrier, key, format, need, parameter, fhir)
 *   member     of the struct, and the SQL column
 *   label      the profile's name: in errors
 *   shape      TEXT one string; TEXTS many; CODE, CODES coded values; NAME a localised string;
 *              AUTHORS
 *   carrier    how ebRIM carries it: ATTRIBUTE of the element, SLOT, CODING (a Classification),
 *              EXTERNAL_ID, TITLE (Name), NOTE (Description)
 *   key        XML attribute, slot name, classification or identification scheme
 *   format     ANY, OID, UID (an OID, OID^extension or URN), DTM, CX, CXI, XCN, XON,
 *              LANGUAGE, MIME, SHA1, SIZE, PID (SourcePatientInfo), RECIPIENT, TYPE
 *   need       who must give it: REQUIRED in ITI-42; STABLE: only for stable documents (an
 *              on-demand entry must not have it); FULL: not with limited metadata; OPTIONAL.
 *              RENDERED: required, but shown from the index and never stored.
 *              KEYED: required, and stored in columns of its own, outside this table.
 *              MESSAGE: may stand in a message of ITI-57, says what to do, and is never stored
 *   parameter  of stored queries (times: its ...From and ...To), or NULL
 *   fhir       the FHIR element that carries it */
#pragma once

#define XDS_DOCUMENT_ATTRIBUTES(X)                                                                 \
    X(author, "author", AUTHORS, CODING, "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d", ANY,     \
      OPTIONAL, "$XDSDocumentEntryAuthorPerson", "DocumentReference.author")                       \
    X(class_code, "classCode", CODE, CODING, "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a", ANY, \
      FULL, "$XDSDocumentEntryClassCode", "DocumentReference.category")                            \
    X(comments, "comments", NAME, NOTE, "Description", ANY, OPTIONAL, NULL,                        \
      "DocumentReference.description")                                                             \
    X(confidentiality_code, "confidentialityCode", CODES, CODING,                                  \
      "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f", ANY, FULL,                                  \
      "$XDSDocumentEntryConfidentialityCode", "DocumentReference.securityLabel")                   \
    X(creation_time, "creationTime", TEXT, SLOT, "creationTime", DTM, STABLE,                      \
      "$XDSDocumentEntryCreationTime", "DocumentReference.content.attachment.creation")            \
    X(document_availability, "documentAvailability", TEXT, SLOT, "documentAvailability", ANY,      \
      OPTIONAL, "$XDSDocumentEntryDocumentAvailability", NULL)                                     \
    X(event_code, "eventCodeList", CODES, CODING, "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", \
      ANY, OPTIONAL, "$XDSDocumentEntryEventCodeList", "DocumentReference.context.event")          \
    X(format_code, "formatCode", CODE, CODING, "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d",    \
      ANY, FULL, "$XDSDocumentEntryFormatCode", "DocumentReference.content.format")                \
    X(hash, "hash", TEXT, SLOT, "hash", SHA1, STABLE, NULL,                                        \
      "DocumentReference.content.attachment.hash")                                                 \
    X(healthcare_facility_type_code, "healthcareFacilityTypeCode", CODE, CODING,                   \
      "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", ANY, FULL,                                  \
      "$XDSDocumentEntryHealthcareFacilityTypeCode", "DocumentReference.context.facilityType")     \
    X(language_code, "languageCode", TEXT, SLOT, "languageCode", LANGUAGE, FULL, NULL,             \
      "DocumentReference.content.attachment.language")                                             \
    X(legal_authenticator, "legalAuthenticator", TEXT, SLOT, "legalAuthenticator", XCN, OPTIONAL,  \
      NULL, "DocumentReference.authenticator")                                                     \
    X(mime_type, "mimeType", TEXT, ATTRIBUTE, "mimeType", MIME, REQUIRED, NULL,                    \
      "DocumentReference.content.attachment.contentType")                                          \
    X(object_type, "objectType", TEXT, ATTRIBUTE, "objectType", TYPE, REQUIRED,                    \
      "$XDSDocumentEntryType", NULL)                                                               \
    X(patient_id, "patientId", TEXT, EXTERNAL_ID, "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427", \
      CX, RENDERED, "$XDSDocumentEntryPatientId", "DocumentReference.subject")                     \
    X(practice_setting_code, "practiceSettingCode", CODE, CODING,                                  \
      "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead", ANY, FULL,                                  \
      "$XDSDocumentEntryPracticeSettingCode", "DocumentReference.context.practiceSetting")         \
    X(reference_id, "referenceIdList", TEXTS, SLOT, "urn:ihe:iti:xds:2013:referenceIdList", CXI,   \
      OPTIONAL, "$XDSDocumentEntryReferenceIdList", "DocumentReference.context.related")           \
    X(repository_unique_id, "repositoryUniqueId", TEXT, SLOT, "repositoryUniqueId", OID, REQUIRED, \
      NULL, NULL)                                                                                  \
    X(service_start_time, "serviceStartTime", TEXT, SLOT, "serviceStartTime", DTM, OPTIONAL,       \
      "$XDSDocumentEntryServiceStartTime", "DocumentReference.context.period.start")               \
    X(service_stop_time, "serviceStopTime", TEXT, SLOT, "serviceStopTime", DTM, OPTIONAL,          \
      "$XDSDocumentEntryServiceStopTime", "DocumentReference.context.period.end")                  \
    X(size, "size", TEXT, SLOT, "size", SIZE, STABLE, NULL,                                        \
      "DocumentReference.content.attachment.size")                                                 \
    X(source_patient_id, "sourcePatientId", TEXT, SLOT, "sourcePatientId", CX, FULL, NULL,         \
      "DocumentReference.context.sourcePatientInfo")                                               \
    X(source_patient_info, "sourcePatientInfo", TEXTS, SLOT, "sourcePatientInfo", PID, OPTIONAL,   \
      NULL, "DocumentReference.context.sourcePatientInfo")                                         \
    X(title, "title", NAME, TITLE, "Name", ANY, OPTIONAL, NULL,                                    \
      "DocumentReference.content.attachment.title")                                                \
    X(type_code, "typeCode", CODE, CODING, "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983", ANY,   \
      FULL, "$XDSDocumentEntryTypeCode", "DocumentReference.type")                                 \
    X(unique_id, "uniqueId", TEXT, EXTERNAL_ID, "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab",   \
      UID, REQUIRED, "$XDSDocumentEntryUniqueId", "DocumentReference.masterIdentifier")            \
    X(uri, "URI", TEXTS, SLOT, "URI", ANY, OPTIONAL, NULL, NULL)

#define XDS_SET_ATTRIBUTES(X)                                                                      \
    X(author, "author", AUTHORS, CODING, "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", ANY,     \
      OPTIONAL, "$XDSSubmissionSetAuthorPerson", "List.source")                                    \
    X(comments, "comments", NAME, NOTE, "Description", ANY, OPTIONAL, NULL, "List.note")           \
    X(content_type_code, "contentTypeCode", CODE, CODING,                                          \
      "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500", ANY, FULL, "$XDSSubmissionSetContentType",  \
      "List.extension:designationType")                                                            \
    X(intended_recipient, "intendedRecipient", TEXTS, SLOT, "intendedRecipient", RECIPIENT,        \
      OPTIONAL, NULL, "List.extension:intendedRecipient")                                          \
    X(patient_id, "patientId", TEXT, EXTERNAL_ID, "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446", \
      CX, RENDERED, "$XDSSubmissionSetPatientId", "List.subject")                                  \
    X(source_id, "sourceId", TEXT, EXTERNAL_ID, "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832",   \
      OID, REQUIRED, "$XDSSubmissionSetSourceId", "List.extension:sourceId")                       \
    X(submission_time, "submissionTime", TEXT, SLOT, "submissionTime", DTM, REQUIRED,              \
      "$XDSSubmissionSetSubmissionTime", "List.date")                                              \
    X(title, "title", NAME, TITLE, "Name", ANY, OPTIONAL, NULL, "List.title")                      \
    X(unique_id, "uniqueId", TEXT, EXTERNAL_ID, "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8",   \
      OID, REQUIRED, "$XDSSubmissionSetUniqueId", "List.identifier")

#define XDS_FOLDER_ATTRIBUTES(X)                                                                   \
    X(code, "codeList", CODES, CODING, "urn:uuid:1ba97051-7806-41a8-a48b-8fce7af683c5", ANY, FULL, \
      "$XDSFolderCodeList", "List.extension:designationType")                                      \
    X(comments, "comments", NAME, NOTE, "Description", ANY, OPTIONAL, NULL, "List.note")           \
    X(last_update_time, "lastUpdateTime", TEXT, SLOT, "lastUpdateTime", DTM, OPTIONAL,             \
      "$XDSFolderLastUpdateTime", "List.date")                                                     \
    X(patient_id, "patientId", TEXT, EXTERNAL_ID, "urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a", \
      CX, RENDERED, "$XDSFolderPatientId", "List.subject")                                         \
    X(title, "title", NAME, TITLE, "Name", ANY, FULL, NULL, "List.title")                          \
    X(unique_id, "uniqueId", TEXT, EXTERNAL_ID, "urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a",   \
      OID, REQUIRED, "$XDSFolderUniqueId", "List.identifier")

#define XDS_ASSOCIATION_ATTRIBUTES(X)                                                              \
    X(association_type, "associationType", TEXT, ATTRIBUTE, "associationType", ANY, REQUIRED,      \
      "$AssociationTypes", "DocumentReference.relatesTo.code")                                     \
    X(propagation, "AssociationPropagation", TEXT, SLOT, "AssociationPropagation", ANY, MESSAGE,   \
      NULL, NULL)                                                                                  \
    X(original_status, "OriginalStatus", TEXT, SLOT, "OriginalStatus", ANY, MESSAGE, NULL, NULL)   \
    X(new_status, "NewStatus", TEXT, SLOT, "NewStatus", ANY, MESSAGE, NULL, NULL)                  \
    X(documentation, "associationDocumentation", CODE, CODING,                                     \
      "urn:uuid:abd807a3-4432-4053-87b4-fd82c643d1f3", ANY, OPTIONAL, NULL, NULL)                  \
    X(previous_version, "PreviousVersion", TEXT, SLOT, "PreviousVersion", ANY, OPTIONAL, NULL,     \
      NULL)                                                                                        \
    X(set_status, "SubmissionSetStatus", TEXT, SLOT, "SubmissionSetStatus", ANY, OPTIONAL, NULL,   \
      NULL)                                                                                        \
    X(source, "sourceObject", TEXT, ATTRIBUTE, "sourceObject", ANY, KEYED, NULL, NULL)             \
    X(target, "targetObject", TEXT, ATTRIBUTE, "targetObject", ANY, KEYED, NULL, NULL)

/* Slots of an author's Classification (TF-3 4.2.3.1.4): X(slot, format, most). */
#define XDS_AUTHOR_PARTS(X)                                                                        \
    X("authorPerson", XCN, 1)                                                                      \
    X("authorInstitution", XON, 1000)                                                              \
    X("authorRole", ANY, 1000)                                                                     \
    X("authorSpecialty", ANY, 1000)                                                                \
    X("authorTelecommunication", ANY, 1000)
