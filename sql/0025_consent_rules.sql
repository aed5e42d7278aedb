-- Consents with rules, defaults by sensitivity, and agreements between members.

ALTER TABLE consent_policy ADD COLUMN rules text;
COMMENT ON COLUMN consent_policy.rules IS
    'What it says beyond effect, member and period: a tree of conditions and exceptions as canonical JSON (consent/rule.h); its root has the same effect. NULL: the effect alone';

ALTER TABLE consent_default ADD COLUMN label text NOT NULL DEFAULT '';
COMMENT ON COLUMN consent_default.label IS
    'Sensitivity label of the documents that it is about (SUD, HIV, ...); empty: all others';
COMMENT ON COLUMN consent_default.version IS 'From 1, over all labels together; named by decisions';
DROP INDEX consent_default_current;
-- Two operators at once: one of them is refused.
CREATE UNIQUE INDEX consent_default_current
    ON consent_default (label)
    WHERE until IS NULL;

-- reference table
CREATE TABLE agreement (
    agreement_id uuid        NOT NULL,
    version      bigint      NOT NULL CHECK (version > 0),
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    parties      bigint[],
    purposes     text[],
    classes      text[],
    valid_from   timestamptz,
    valid_until  timestamptz,
    document     text        NOT NULL,
    since        timestamptz NOT NULL,
    until        timestamptz,
    recorded_by  text        NOT NULL,
    ended_by     text,
    PRIMARY KEY (agreement_id, version),
    CHECK (valid_from < valid_until),
    CHECK (cardinality(parties) > 1),
    CHECK ((until IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX agreement_current
    ON agreement (name)
    WHERE until IS NULL;

COMMENT ON TABLE agreement IS
    'Data-sharing agreements: what may flow between members, both ways. Without one nothing does, but what a member published itself. In versions, so that past decisions can be made again';
COMMENT ON COLUMN agreement.agreement_id IS 'UUIDv7, named by decisions';
COMMENT ON COLUMN agreement.version IS 'From 1, without gaps';
COMMENT ON COLUMN agreement.name IS 'The operator''s name for it';
COMMENT ON COLUMN agreement.parties IS 'member_id of each; NULL: every member of the region';
COMMENT ON COLUMN agreement.purposes IS 'Purposes of use, CODE or CODE^^OID; NULL: any';
COMMENT ON COLUMN agreement.classes IS 'Classes of document (classCode), CODE or CODE^^OID; NULL: any';
COMMENT ON COLUMN agreement.valid_from IS 'First instant at which it applies; NULL: always has';
COMMENT ON COLUMN agreement.valid_until IS 'First instant at which it no longer applies; NULL: no end';
COMMENT ON COLUMN agreement.document IS 'Where the signed text is kept; may be empty';
COMMENT ON COLUMN agreement.since IS 'When the hub came to know this version';
COMMENT ON COLUMN agreement.until IS 'When it was replaced or ended; NULL: current';
COMMENT ON COLUMN agreement.recorded_by IS 'Who recorded it: the operator''s account';
COMMENT ON COLUMN agreement.ended_by IS 'Who replaced or ended it; NULL: current';

GRANT SELECT, INSERT ON agreement TO causeway_hub;
GRANT UPDATE (until, ended_by) ON agreement TO causeway_hub;
