-- The registry: document entries, submission sets, folders and their associations, and the look-ups
-- from ids to places.
--
-- Every object lies at the place of the record that it belongs to (pkey, record_id) and stays there:
-- merges move links, not documents. The patient id is never stored: it is shown from the record's
-- current person. The attribute columns are those of xds/attributes.h, one a row, with what was
-- submitted, so that it comes back exactly (IHE ITI TF-3 4.2.3).

-- distribution: pkey
CREATE TABLE xds_document_entry (
    pkey                          bigint      NOT NULL,
    record_id                     bigint      NOT NULL,
    entry_uuid                    uuid        NOT NULL,
    logical_id                    uuid        NOT NULL,
    version                       integer     NOT NULL CHECK (version > 0),
    status                        text        NOT NULL CHECK (status IN ('approved', 'deprecated')),
    home                          text,
    limited                       boolean     NOT NULL,
    source_member                 bigint      NOT NULL,
    registered_at                 timestamptz NOT NULL,
    request                       uuid        NOT NULL,
    author                        text[],
    class_code                    text,
    comments                      text[],
    confidentiality_code          text[],
    creation_time                 text,
    document_availability         text,
    event_code                    text[],
    format_code                   text,
    hash                          text,
    healthcare_facility_type_code text,
    language_code                 text,
    legal_authenticator           text,
    mime_type                     text        NOT NULL,
    object_type                   text        NOT NULL,
    practice_setting_code         text,
    reference_id                  text[],
    repository_unique_id          text        NOT NULL,
    service_start_time            text,
    service_stop_time             text,
    size                          text,
    source_patient_id             text,
    source_patient_info           text[],
    title                         text[],
    type_code                     text,
    unique_id                     text        NOT NULL,
    uri                           text[],
    code_names                    text[],
    extra_slots                   jsonb,
    PRIMARY KEY (pkey, record_id, entry_uuid)
);
COMMENT ON TABLE xds_document_entry IS
    'Document entries: what a document is, never the document. Stable ones name a document in a repository; on-demand ones make it when it is asked for';
COMMENT ON COLUMN xds_document_entry.pkey IS
    'Place of the record that it belongs to; never changes';
COMMENT ON COLUMN xds_document_entry.record_id IS
    'The record, with pkey its place: whose it is now, mpi_link says';
COMMENT ON COLUMN xds_document_entry.entry_uuid IS 'entryUUID; found by uid_entry';
COMMENT ON COLUMN xds_document_entry.logical_id IS 'lid: entryUUID of the first version';
COMMENT ON COLUMN xds_document_entry.version IS 'VersionInfo: 1 for the first';
COMMENT ON COLUMN xds_document_entry.status IS 'availabilityStatus, set by the registry';
COMMENT ON COLUMN xds_document_entry.home IS
    'homeCommunityId as submitted, urn:oid:...; NULL: ours';
COMMENT ON COLUMN xds_document_entry.limited IS 'Registered with limited metadata (TF-3 4.1.3.1)';
COMMENT ON COLUMN xds_document_entry.source_member IS
    'member.member_id that published it, by its certificate; 0: the hub itself';
COMMENT ON COLUMN xds_document_entry.registered_at IS 'When the registry took it';
COMMENT ON COLUMN xds_document_entry.request IS
    'Id of the request that brought it, as in audit_search.request';
COMMENT ON COLUMN xds_document_entry.author IS
    'author, in fours: number from 0, slot, slotType or NULL, value or NULL';
COMMENT ON COLUMN xds_document_entry.class_code IS
    'classCode as code^^scheme; its names in code_names';
COMMENT ON COLUMN xds_document_entry.comments IS
    'comments, in threes: language, charset, text; the first two may be NULL';
COMMENT ON COLUMN xds_document_entry.confidentiality_code IS
    'confidentialityCode, each as code^^scheme';
COMMENT ON COLUMN xds_document_entry.creation_time IS
    'creationTime as submitted, YYYY[MM[DD[hh[mm[ss]]]]] in UTC';
COMMENT ON COLUMN xds_document_entry.document_availability IS
    'documentAvailability: a URN, Online where NULL';
COMMENT ON COLUMN xds_document_entry.event_code IS 'eventCodeList, each as code^^scheme';
COMMENT ON COLUMN xds_document_entry.format_code IS 'formatCode as code^^scheme';
COMMENT ON COLUMN xds_document_entry.hash IS
    'SHA-1 of the document in hexadecimal, as submitted; NULL in on-demand entries';
COMMENT ON COLUMN xds_document_entry.healthcare_facility_type_code IS
    'healthcareFacilityTypeCode as code^^scheme';
COMMENT ON COLUMN xds_document_entry.language_code IS 'languageCode, RFC 5646';
COMMENT ON COLUMN xds_document_entry.legal_authenticator IS 'legalAuthenticator, XCN';
COMMENT ON COLUMN xds_document_entry.mime_type IS 'mimeType';
COMMENT ON COLUMN xds_document_entry.object_type IS
    'UUID of a stable or of an on-demand entry (TF-3 4.2.5.2)';
COMMENT ON COLUMN xds_document_entry.practice_setting_code IS 'practiceSettingCode as code^^scheme';
COMMENT ON COLUMN xds_document_entry.reference_id IS 'referenceIdList, each a CXi';
COMMENT ON COLUMN xds_document_entry.repository_unique_id IS
    'OID of the repository that holds the document';
COMMENT ON COLUMN xds_document_entry.service_start_time IS 'serviceStartTime as submitted, UTC';
COMMENT ON COLUMN xds_document_entry.service_stop_time IS 'serviceStopTime as submitted, UTC';
COMMENT ON COLUMN xds_document_entry.size IS
    'Bytes of the document, as submitted; NULL in on-demand entries';
COMMENT ON COLUMN xds_document_entry.source_patient_id IS
    'The source''s own identifier, CX; which record it resolves to was decided at submission';
COMMENT ON COLUMN xds_document_entry.source_patient_info IS
    'Demographics as the source had them: PID-n|value';
COMMENT ON COLUMN xds_document_entry.title IS 'title, in threes as comments';
COMMENT ON COLUMN xds_document_entry.type_code IS 'typeCode as code^^scheme';
COMMENT ON COLUMN xds_document_entry.unique_id IS
    'uniqueId; several entries may share one (uid_claim)';
COMMENT ON COLUMN xds_document_entry.uri IS 'URI';
COMMENT ON COLUMN xds_document_entry.code_names IS
    'Display names of all coded values, in fours: column and number (type_code/0), language, charset, name';
COMMENT ON COLUMN xds_document_entry.extra_slots IS
    'Extra metadata (TF-3 4.2.3.1.6): [{name, type, values}], or NULL';

-- distribution: pkey
CREATE TABLE xds_submission_set (
    pkey               bigint      NOT NULL,
    record_id          bigint      NOT NULL,
    entry_uuid         uuid        NOT NULL,
    logical_id         uuid        NOT NULL,
    version            integer     NOT NULL CHECK (version > 0),
    status             text        NOT NULL CHECK (status IN ('approved', 'deprecated')),
    home               text,
    limited            boolean     NOT NULL,
    source_member      bigint      NOT NULL,
    registered_at      timestamptz NOT NULL,
    request            uuid        NOT NULL,
    author             text[],
    comments           text[],
    content_type_code  text,
    intended_recipient text[],
    source_id          text        NOT NULL,
    submission_time    text        NOT NULL,
    title              text[],
    unique_id          text        NOT NULL,
    code_names         text[],
    extra_slots        jsonb,
    PRIMARY KEY (pkey, record_id, entry_uuid)
);
COMMENT ON TABLE xds_submission_set IS
    'Submission sets: what was submitted together, by whom and when. Never deprecated';
COMMENT ON COLUMN xds_submission_set.pkey IS
    'Place of the record that it belongs to; never changes';
COMMENT ON COLUMN xds_submission_set.record_id IS
    'The record, with pkey its place: whose it is now, mpi_link says';
COMMENT ON COLUMN xds_submission_set.entry_uuid IS 'entryUUID; found by uid_entry';
COMMENT ON COLUMN xds_submission_set.logical_id IS 'lid: entryUUID of the first version';
COMMENT ON COLUMN xds_submission_set.version IS 'VersionInfo: 1 for the first';
COMMENT ON COLUMN xds_submission_set.status IS 'availabilityStatus, set by the registry';
COMMENT ON COLUMN xds_submission_set.home IS
    'homeCommunityId as submitted, urn:oid:...; NULL: ours';
COMMENT ON COLUMN xds_submission_set.limited IS 'Registered with limited metadata (TF-3 4.1.3.1)';
COMMENT ON COLUMN xds_submission_set.source_member IS
    'member.member_id that published it, by its certificate; 0: the hub itself';
COMMENT ON COLUMN xds_submission_set.registered_at IS 'When the registry took it';
COMMENT ON COLUMN xds_submission_set.request IS
    'Id of the request that brought it, as in audit_search.request';
COMMENT ON COLUMN xds_submission_set.author IS 'As xds_document_entry.author';
COMMENT ON COLUMN xds_submission_set.comments IS 'As xds_document_entry.comments';
COMMENT ON COLUMN xds_submission_set.content_type_code IS 'contentTypeCode as code^^scheme';
COMMENT ON COLUMN xds_submission_set.intended_recipient IS 'intendedRecipient: XON|XCN|XTN';
COMMENT ON COLUMN xds_submission_set.source_id IS 'OID of the system that submitted';
COMMENT ON COLUMN xds_submission_set.submission_time IS 'submissionTime as submitted, UTC';
COMMENT ON COLUMN xds_submission_set.title IS 'As xds_document_entry.comments';
COMMENT ON COLUMN xds_submission_set.unique_id IS 'uniqueId: an OID, of this set only';
COMMENT ON COLUMN xds_submission_set.code_names IS
    'Display names of all coded values, in fours: column and number (type_code/0), language, charset, name';
COMMENT ON COLUMN xds_submission_set.extra_slots IS
    'Extra metadata (TF-3 4.2.3.1.6): [{name, type, values}], or NULL';

-- distribution: pkey
CREATE TABLE xds_folder (
    pkey             bigint      NOT NULL,
    record_id        bigint      NOT NULL,
    entry_uuid       uuid        NOT NULL,
    logical_id       uuid        NOT NULL,
    version          integer     NOT NULL CHECK (version > 0),
    status           text        NOT NULL CHECK (status IN ('approved', 'deprecated')),
    home             text,
    limited          boolean     NOT NULL,
    source_member    bigint      NOT NULL,
    registered_at    timestamptz NOT NULL,
    request          uuid        NOT NULL,
    code             text[],
    comments         text[],
    last_update_time text        NOT NULL,
    title            text[],
    unique_id        text        NOT NULL,
    code_names       text[],
    extra_slots      jsonb,
    PRIMARY KEY (pkey, record_id, entry_uuid)
);
COMMENT ON TABLE xds_folder IS
    'Folders: documents that a source groups';
COMMENT ON COLUMN xds_folder.pkey IS 'Place of the record that it belongs to; never changes';
COMMENT ON COLUMN xds_folder.record_id IS
    'The record, with pkey its place: whose it is now, mpi_link says';
COMMENT ON COLUMN xds_folder.entry_uuid IS 'entryUUID; found by uid_entry';
COMMENT ON COLUMN xds_folder.logical_id IS 'lid: entryUUID of the first version';
COMMENT ON COLUMN xds_folder.version IS 'VersionInfo: 1 for the first';
COMMENT ON COLUMN xds_folder.status IS 'availabilityStatus, set by the registry';
COMMENT ON COLUMN xds_folder.home IS 'homeCommunityId as submitted, urn:oid:...; NULL: ours';
COMMENT ON COLUMN xds_folder.limited IS 'Registered with limited metadata (TF-3 4.1.3.1)';
COMMENT ON COLUMN xds_folder.source_member IS
    'member.member_id that published it, by its certificate; 0: the hub itself';
COMMENT ON COLUMN xds_folder.registered_at IS 'When the registry took it';
COMMENT ON COLUMN xds_folder.request IS
    'Id of the request that brought it, as in audit_search.request';
COMMENT ON COLUMN xds_folder.code IS 'codeList, each as code^^scheme';
COMMENT ON COLUMN xds_folder.comments IS 'As xds_document_entry.comments';
COMMENT ON COLUMN xds_folder.last_update_time IS
    'lastUpdateTime, YYYYMMDDhhmmss in UTC: when the registry last put a document in; not what was submitted';
COMMENT ON COLUMN xds_folder.title IS 'As xds_document_entry.comments';
COMMENT ON COLUMN xds_folder.unique_id IS 'uniqueId: an OID, of this folder only';
COMMENT ON COLUMN xds_folder.code_names IS
    'Display names of all coded values, in fours: column and number (type_code/0), language, charset, name';
COMMENT ON COLUMN xds_folder.extra_slots IS
    'Extra metadata (TF-3 4.2.3.1.6): [{name, type, values}], or NULL';

-- distribution: pkey
CREATE TABLE xds_association (
    pkey             bigint      NOT NULL,
    record_id        bigint      NOT NULL,
    entry_uuid       uuid        NOT NULL,
    logical_id       uuid        NOT NULL,
    version          integer     NOT NULL CHECK (version > 0),
    status           text        NOT NULL CHECK (status IN ('approved', 'deprecated')),
    home             text,
    limited          boolean     NOT NULL,
    source_member    bigint      NOT NULL,
    registered_at    timestamptz NOT NULL,
    request          uuid        NOT NULL,
    association_type text        NOT NULL,
    documentation    text,
    previous_version text,
    set_status       text,
    source_uuid      uuid        NOT NULL,
    source_kind      text        NOT NULL CHECK (source_kind IN ('document', 'set', 'folder', 'association')),
    source_pkey      bigint      NOT NULL,
    source_record    bigint      NOT NULL,
    target_uuid      uuid        NOT NULL,
    target_kind      text        NOT NULL CHECK (target_kind IN ('document', 'set', 'folder', 'association')),
    target_pkey      bigint      NOT NULL,
    target_record    bigint      NOT NULL,
    code_names       text[],
    extra_slots      jsonb,
    PRIMARY KEY (pkey, record_id, entry_uuid)
);
CREATE INDEX xds_association_source ON xds_association (pkey, source_uuid);
CREATE INDEX xds_association_target ON xds_association (pkey, target_uuid);
COMMENT ON TABLE xds_association IS
    'Relationships. Stored under the place of its source, and once more under its target''s when that differs, so that either end finds it; shown only while both ends belong to one person';
COMMENT ON COLUMN xds_association.pkey IS 'Place of the record that it belongs to; never changes';
COMMENT ON COLUMN xds_association.record_id IS
    'The record, with pkey its place: whose it is now, mpi_link says';
COMMENT ON COLUMN xds_association.entry_uuid IS 'entryUUID; found by uid_entry';
COMMENT ON COLUMN xds_association.logical_id IS 'lid: entryUUID of the first version';
COMMENT ON COLUMN xds_association.version IS 'VersionInfo: 1 for the first';
COMMENT ON COLUMN xds_association.status IS 'availabilityStatus, set by the registry';
COMMENT ON COLUMN xds_association.home IS 'homeCommunityId as submitted, urn:oid:...; NULL: ours';
COMMENT ON COLUMN xds_association.limited IS 'Registered with limited metadata (TF-3 4.1.3.1)';
COMMENT ON COLUMN xds_association.source_member IS
    'member.member_id that published it, by its certificate; 0: the hub itself';
COMMENT ON COLUMN xds_association.registered_at IS 'When the registry took it';
COMMENT ON COLUMN xds_association.request IS
    'Id of the request that brought it, as in audit_search.request';
COMMENT ON COLUMN xds_association.association_type IS
    'URN of the relationship (TF-3 Table 4.2.2-1)';
COMMENT ON COLUMN xds_association.documentation IS 'associationDocumentation as code^^scheme';
COMMENT ON COLUMN xds_association.previous_version IS 'PreviousVersion of a metadata update';
COMMENT ON COLUMN xds_association.set_status IS 'SubmissionSetStatus: Original or Reference';
COMMENT ON COLUMN xds_association.source_uuid IS 'entryUUID of the source object';
COMMENT ON COLUMN xds_association.source_kind IS 'What the source is';
COMMENT ON COLUMN xds_association.source_pkey IS 'Place of the source; source_record with it';
COMMENT ON COLUMN xds_association.source_record IS 'Record of the source';
COMMENT ON COLUMN xds_association.target_uuid IS 'entryUUID of the target object';
COMMENT ON COLUMN xds_association.target_kind IS 'What the target is';
COMMENT ON COLUMN xds_association.target_pkey IS 'Place of the target; target_record with it';
COMMENT ON COLUMN xds_association.target_record IS 'Record of the target';
COMMENT ON COLUMN xds_association.code_names IS
    'Display names of all coded values, in fours: column and number (type_code/0), language, charset, name';
COMMENT ON COLUMN xds_association.extra_slots IS
    'Extra metadata (TF-3 4.2.3.1.6): [{name, type, values}], or NULL';

-- distribution: ukey
CREATE TABLE uid_claim (
    ukey       bigint      NOT NULL,
    id         text        NOT NULL COLLATE "C",
    kind       text        NOT NULL CHECK (kind IN ('document', 'set', 'folder', 'association')),
    entry_uuid uuid        NOT NULL,
    hash       text,
    size       text,
    claimed_at timestamptz NOT NULL,
    request    uuid        NOT NULL,
    PRIMARY KEY (ukey, id)
);
COMMENT ON TABLE uid_claim IS
    'Who was first to use an id: one namespace for the uniqueIds of entries, sets and folders and for entryUUIDs. A document''s uniqueId may be used again for the same bytes, nothing else may';
COMMENT ON COLUMN uid_claim.ukey IS 'First 8 bytes, big-endian, of SHA-256 of id (UTF-8)';
COMMENT ON COLUMN uid_claim.id IS 'The uniqueId as submitted, or an entryUUID: 36 characters in lower case without urn:uuid:';
COMMENT ON COLUMN uid_claim.kind IS 'What the first user is';
COMMENT ON COLUMN uid_claim.entry_uuid IS 'entryUUID of the first user';
COMMENT ON COLUMN uid_claim.hash IS 'SHA-1 of the document in lower case hexadecimal; NULL for what is no stable document';
COMMENT ON COLUMN uid_claim.size IS 'Bytes of the document; NULL likewise';
COMMENT ON COLUMN uid_claim.claimed_at IS 'When';
COMMENT ON COLUMN uid_claim.request IS 'Id of the request that won: it tells a resent submission from the first';

-- distribution: ukey
CREATE TABLE uid_entry (
    ukey       bigint NOT NULL,
    id         text   NOT NULL COLLATE "C",
    entry_uuid uuid   NOT NULL,
    kind       text   NOT NULL CHECK (kind IN ('document', 'set', 'folder', 'association')),
    pkey       bigint NOT NULL,
    record_id  bigint NOT NULL,
    PRIMARY KEY (ukey, id, entry_uuid)
);
COMMENT ON TABLE uid_entry IS
    'Where the object of an id lies: every object under its entryUUID and, where it has one, its uniqueId, which several entries may share';
COMMENT ON COLUMN uid_entry.ukey IS 'As uid_claim.ukey';
COMMENT ON COLUMN uid_entry.id IS 'As uid_claim.id';
COMMENT ON COLUMN uid_entry.entry_uuid IS 'The object';
COMMENT ON COLUMN uid_entry.kind IS 'What it is';
COMMENT ON COLUMN uid_entry.pkey IS 'Its place; an association''s is its source''s';
COMMENT ON COLUMN uid_entry.record_id IS 'Its record';

GRANT SELECT, INSERT ON xds_document_entry TO causeway_hub;
GRANT UPDATE (status) ON xds_document_entry TO causeway_hub;
GRANT SELECT, INSERT ON xds_submission_set TO causeway_hub;
GRANT SELECT, INSERT ON xds_folder TO causeway_hub;
GRANT UPDATE (status, last_update_time) ON xds_folder TO causeway_hub;
GRANT SELECT, INSERT ON xds_association TO causeway_hub;
GRANT UPDATE (status) ON xds_association TO causeway_hub;
GRANT SELECT, INSERT ON uid_claim TO causeway_hub;
GRANT SELECT, INSERT ON uid_entry TO causeway_hub;
