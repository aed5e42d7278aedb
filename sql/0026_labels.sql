-- Sensitivity labels: value sets, and the labels that document entries have by them.
--
-- Epoch 'labels' of table epoch is the version of all value sets together: it moves in the
-- transaction that changes one. An entry keeps the version that its labels were made with; entries
-- of another version are labelled anew when they are read, so that no decision is made by stale
-- labels, and in the background (xds_relabel), so that this is seldom.

INSERT INTO epoch (name, value) VALUES ('labels', 1);

-- reference table
CREATE TABLE consent_label_set (
    set_id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    labels          text[]      NOT NULL CHECK (cardinality(labels) > 0),
    confidentiality text        CHECK (confidentiality IN ('U', 'L', 'M', 'N', 'R', 'V')),
    origin          text        NOT NULL,
    since           timestamptz NOT NULL,
    until           timestamptz,
    loaded_by       text        NOT NULL,
    ended_by        text,
    CHECK ((until IS NULL) = (ended_by IS NULL))
);

-- Two operators at once: one of them is refused.
CREATE UNIQUE INDEX consent_label_set_current
    ON consent_label_set (name)
    WHERE until IS NULL;

COMMENT ON TABLE consent_label_set IS
    'Value sets: a document that has one of the codes (consent_label_code) gets the labels. In versions; one that was replaced or removed stays, so that decisions of the past can be made again';
COMMENT ON COLUMN consent_label_set.set_id IS 'Of this version';
COMMENT ON COLUMN consent_label_set.name IS 'The operator''s name for it, such as SUD';
COMMENT ON COLUMN consent_label_set.labels IS
    'Sensitivity labels that its codes give, as HL7 v3 ActCode has them: SUD, ETH, PSY, HIV, SEX';
COMMENT ON COLUMN consent_label_set.confidentiality IS
    'Least confidentiality of a document with one of its codes (HL7 v3 Confidentiality); it raises what the source wrote and never lowers it. NULL: raises nothing';
COMMENT ON COLUMN consent_label_set.origin IS 'File that it was loaded from';
COMMENT ON COLUMN consent_label_set.since IS 'When it was loaded';
COMMENT ON COLUMN consent_label_set.until IS 'When it was replaced or removed; NULL: current';
COMMENT ON COLUMN consent_label_set.loaded_by IS 'The operator''s account';
COMMENT ON COLUMN consent_label_set.ended_by IS 'Who replaced or removed it; NULL: current';

-- reference table
CREATE TABLE consent_label_code (
    set_id bigint  NOT NULL REFERENCES consent_label_set (set_id),
    field  text    NOT NULL CHECK (field IN ('any', 'class', 'type', 'format', 'facility', 'practice', 'event', 'confidentiality')),
    system text    NOT NULL,
    code   text    NOT NULL CHECK (code <> ''),
    prefix boolean NOT NULL,
    PRIMARY KEY (set_id, system, code, field, prefix)
);
COMMENT ON TABLE consent_label_code IS 'The codes of a version of a value set';
COMMENT ON COLUMN consent_label_code.field IS 'Attribute of the document entry that must carry it; any: whichever';
COMMENT ON COLUMN consent_label_code.system IS 'Code system, an OID where it has one; empty: every system';
COMMENT ON COLUMN consent_label_code.code IS 'The code, or what it begins with';
COMMENT ON COLUMN consent_label_code.prefix IS 'All codes that begin so';

ALTER TABLE xds_document_entry ADD COLUMN labels text[];
ALTER TABLE xds_document_entry ADD COLUMN label_version bigint;
COMMENT ON COLUMN xds_document_entry.labels IS
    'Confidentiality (HL7 v3: U L M N R V, the high-water mark of what the source wrote and what value sets ask for), then sensitivity labels; NULL: not labelled yet';
COMMENT ON COLUMN xds_document_entry.label_version IS
    'Epoch labels that they were made with; where it is not the present one they are made again before anything is decided';

-- reference table
CREATE TABLE xds_relabel (
    one        boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (one),
    version    bigint      NOT NULL,
    pkey       bigint      NOT NULL,
    record_id  bigint      NOT NULL,
    entry_uuid uuid        NOT NULL,
    looked_at  bigint      NOT NULL,
    changed    bigint      NOT NULL,
    began_at   timestamptz NOT NULL,
    done_at    timestamptz
);
COMMENT ON TABLE xds_relabel IS
    'How far the labelling of all document entries has come: one row. A hub that works on it locks the row; others pass by';
COMMENT ON COLUMN xds_relabel.version IS 'Epoch labels that it works for; when that moves it begins again';
COMMENT ON COLUMN xds_relabel.pkey IS 'The last entry that was looked at, in the order of the primary key of xds_document_entry';
COMMENT ON COLUMN xds_relabel.record_id IS 'Of that entry';
COMMENT ON COLUMN xds_relabel.entry_uuid IS 'Of that entry';
COMMENT ON COLUMN xds_relabel.looked_at IS 'Entries so far';
COMMENT ON COLUMN xds_relabel.changed IS 'Of these, entries whose labels became others';
COMMENT ON COLUMN xds_relabel.done_at IS 'NULL: under way';

INSERT INTO xds_relabel (version, pkey, record_id, entry_uuid, looked_at, changed, began_at)
VALUES (0, -9223372036854775808, 0, '00000000-0000-0000-0000-000000000000', 0, 0, now());

GRANT SELECT, INSERT ON consent_label_set TO causeway_hub;
GRANT UPDATE (until, ended_by) ON consent_label_set TO causeway_hub;
GRANT SELECT, INSERT ON consent_label_code TO causeway_hub;
GRANT UPDATE (labels, label_version) ON xds_document_entry TO causeway_hub;
GRANT SELECT ON xds_relabel TO causeway_hub;
GRANT UPDATE (version, pkey, record_id, entry_uuid, looked_at, changed, began_at, done_at) ON xds_relabel TO causeway_hub;
