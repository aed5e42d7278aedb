-- Asking other communities: what is put up with, who patients are there, whose documents were shown.

-- reference table
CREATE TABLE community_quirk (
    member_id bigint NOT NULL REFERENCES member (member_id),
    quirk     text   NOT NULL,
    value     text   NOT NULL DEFAULT '',
    PRIMARY KEY (member_id, quirk)
);
COMMENT ON TABLE community_quirk IS
    'Tolerances for a community, each off without a row (gateway/partner.h is the table of them; `causeway community quirk`)';
COMMENT ON COLUMN community_quirk.value IS 'Of quirks that have one: a number or an OID; else empty';
GRANT SELECT, INSERT, UPDATE, DELETE ON community_quirk TO causeway_hub;

-- distribution: pkey
CREATE TABLE community_correlation (
    pkey         bigint      NOT NULL,
    person_id    bigint      NOT NULL,
    community_id bigint      NOT NULL,
    authority    text,
    patient_id   text,
    asked_at     timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (pkey, person_id, community_id),
    CHECK ((authority IS NULL) = (patient_id IS NULL))
);
COMMENT ON TABLE community_correlation IS
    'Who a person is in another community, as that community said (ITI-55), for as long as it said (CorrelationTimeToLive). No link of the index: nothing but questions to that community depend on it';
COMMENT ON COLUMN community_correlation.pkey IS 'Place of the person; person_id with it';
COMMENT ON COLUMN community_correlation.community_id IS 'Number of the community''s member';
COMMENT ON COLUMN community_correlation.authority IS
    'OID of the assigning authority of patient_id; NULL: the community said that it knows nobody, or nobody for sure';
COMMENT ON COLUMN community_correlation.expires_at IS 'From then on the community is asked again before the row is used';
GRANT SELECT, INSERT, UPDATE, DELETE ON community_correlation TO causeway_hub;

-- distribution: ikey
CREATE TABLE community_patient (
    ikey         bigint      NOT NULL,
    community_id bigint      NOT NULL,
    authority    text        NOT NULL,
    patient_id   text        NOT NULL,
    pkey         bigint      NOT NULL,
    person_id    bigint      NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (ikey, community_id, authority, patient_id)
);
COMMENT ON TABLE community_patient IS
    'community_correlation, looked up from the other side: whose is what a community says about its patient?';
COMMENT ON COLUMN community_patient.ikey IS
    'First 8 bytes, big-endian, of SHA-256 of authority, a vertical bar, and patient_id';
COMMENT ON COLUMN community_patient.pkey IS 'Place of the person; person_id with it';
GRANT SELECT, INSERT, UPDATE, DELETE ON community_patient TO causeway_hub;

-- distribution: ukey
CREATE TABLE community_document (
    ukey         bigint      NOT NULL,
    community_id bigint      NOT NULL,
    unique_id    text        NOT NULL,
    pkey         bigint      NOT NULL,
    person_id    bigint      NOT NULL,
    entry        text        NOT NULL,
    seen_at      timestamptz NOT NULL,
    PRIMARY KEY (ukey, community_id, unique_id)
);
COMMENT ON TABLE community_document IS
    'Documents of other communities that a query has shown: whose they are and what consent is decided by, for when they are fetched. What is not here, or was seen too long ago, is asked for first (GetDocuments)';
COMMENT ON COLUMN community_document.ukey IS 'As uid_entry.ukey, of unique_id';
COMMENT ON COLUMN community_document.pkey IS 'Place of the person; person_id with it';
COMMENT ON COLUMN community_document.entry IS 'rim:ExtrinsicObject, as the community gave it';
GRANT SELECT, INSERT, UPDATE, DELETE ON community_document TO causeway_hub;

ALTER TABLE mpi_task DROP CONSTRAINT mpi_task_kind_check;
ALTER TABLE mpi_task ADD CONSTRAINT mpi_task_kind_check
    CHECK (kind IN ('possible_duplicate', 'overlay', 'identifier_conflict', 'torn_association',
                    'foreign_match'));
COMMENT ON COLUMN mpi_task.kind IS
    'possible_duplicate: this record may be that person; overlay: a record stopped resembling its own past; identifier_conflict: a message named identifiers of different records; torn_association: documents of one association came apart; foreign_match: another community answered with somebody else, or with several, when it was asked about this person';
