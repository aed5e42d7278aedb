-- What may be submitted, by whom; and what is changed, removed and withdrawn afterwards.

-- reference table
CREATE TABLE xds_source (
    member_id  bigint      NOT NULL PRIMARY KEY REFERENCES member (member_id),
    code_check text        NOT NULL DEFAULT 'off' CHECK (code_check IN ('strict', 'warn', 'off')),
    limited    boolean     NOT NULL DEFAULT false,
    curator    boolean     NOT NULL DEFAULT false,
    set_at     timestamptz NOT NULL,
    set_by     text        NOT NULL
);
COMMENT ON TABLE xds_source IS
    'What a member''s submissions may hold and what it may change, where that is not the default; written by `causeway xds source`';
COMMENT ON COLUMN xds_source.code_check IS
    'A code that xds_code does not have: strict refuses the submission, warn takes it with a warning, off (also without a row) does not look';
COMMENT ON COLUMN xds_source.limited IS
    'May submit with limited metadata (TF-3 4.1.3.1); without a row it may not';
COMMENT ON COLUMN xds_source.curator IS
    'May update and remove what other members published (ITI-57, 62, 86, 92); without a row, only its own';
COMMENT ON COLUMN xds_source.set_by IS 'The operator''s account';

-- reference table
CREATE TABLE xds_code (
    kind      text        NOT NULL CHECK (kind <> ''),
    scheme    text        NOT NULL,
    code      text        NOT NULL CHECK (code <> ''),
    display   text        NOT NULL,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (kind, code, scheme)
);
COMMENT ON TABLE xds_code IS
    'The affinity domain''s coded values; loaded by `causeway xds codes load`, or written by SQL';
COMMENT ON COLUMN xds_code.kind IS
    'Name of the attribute as codes.xml has it: classCode, eventCodeList, folderCodeList, mimeType, ...';
COMMENT ON COLUMN xds_code.scheme IS 'codingScheme; empty for mimeType, which has none';
COMMENT ON COLUMN xds_code.display IS 'For people; what is submitted may show another';

-- distribution: pkey
CREATE TABLE xds_retracted (
    pkey         bigint      NOT NULL,
    entry_uuid   uuid        NOT NULL,
    retraction   uuid        NOT NULL,
    record_id    bigint      NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('document', 'set', 'folder', 'association')),
    unique_id    text,
    object       jsonb       NOT NULL,
    retracted_at timestamptz NOT NULL,
    retracted_by text        NOT NULL,
    reason       text        NOT NULL CHECK (reason <> ''),
    PRIMARY KEY (pkey, entry_uuid)
);
COMMENT ON TABLE xds_retracted IS
    'What `causeway xds retract` took out of the registry: the rows as they were, out of reach of every query and retrieval';
COMMENT ON COLUMN xds_retracted.retraction IS 'Id of the command''s run: its rows share it';
COMMENT ON COLUMN xds_retracted.record_id IS 'The record, with pkey its place';
COMMENT ON COLUMN xds_retracted.unique_id IS 'uniqueId; NULL for associations';
COMMENT ON COLUMN xds_retracted.object IS 'The row, all columns';
COMMENT ON COLUMN xds_retracted.retracted_by IS 'The operator''s account';
COMMENT ON COLUMN xds_retracted.reason IS 'In the operator''s words';

-- Later versions of one logical object; the first one is found by its key.
CREATE INDEX xds_document_entry_version ON xds_document_entry (pkey, logical_id) WHERE version > 1;
CREATE INDEX xds_folder_version ON xds_folder (pkey, logical_id) WHERE version > 1;

GRANT SELECT, INSERT, UPDATE ON xds_source TO causeway_hub;
GRANT SELECT, INSERT, UPDATE, DELETE ON xds_code TO causeway_hub;
GRANT SELECT, INSERT ON xds_retracted TO causeway_hub;
-- Removed metadata leaves the registry; ids stay claimed, so that none names another object later.
GRANT DELETE ON xds_document_entry, xds_submission_set, xds_folder, xds_association, uid_entry
    TO causeway_hub;
-- A new version of an entry may have another hash than the first one was registered with.
GRANT UPDATE (hash, size) ON uid_claim TO causeway_hub;
-- FOR UPDATE asks for the right to update; a set itself never changes.
GRANT UPDATE (status) ON xds_submission_set TO causeway_hub;
