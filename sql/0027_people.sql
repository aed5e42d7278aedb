-- People around a patient: representatives, minors, and emergencies that break the glass.

-- distribution: pkey
CREATE TABLE consent_relation (
    pkey        bigint      NOT NULL,
    person_id   bigint      NOT NULL,
    relation_id uuid        NOT NULL,
    version     bigint      NOT NULL CHECK (version > 0),
    user_id     text        NOT NULL CHECK (user_id <> ''),
    kind        text        NOT NULL CHECK (kind IN ('SELF', 'PROXY', 'CARETEAM')),
    by_minority boolean     NOT NULL,
    birth       integer,
    valid_from  timestamptz,
    valid_until timestamptz,
    scope       text,
    evidence    text        NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz,
    recorded_by text        NOT NULL,
    ended_by    text,
    PRIMARY KEY (pkey, person_id, relation_id, version),
    CHECK (valid_from < valid_until),
    CHECK (birth IS NOT NULL OR NOT by_minority),
    CHECK ((until IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX consent_relation_current
    ON consent_relation (pkey, person_id, relation_id)
    WHERE until IS NULL;
CREATE INDEX consent_relation_minors
    ON consent_relation (birth)
    WHERE until IS NULL AND by_minority;

COMMENT ON TABLE consent_relation IS
    'Who a user is to a patient, in versions. The current one has until IS NULL. A relation that ended stays current with its valid_until, and denies: only one that was a mistake has no current version. One given for a merged person has a row for each constituent under one relation_id';
COMMENT ON COLUMN consent_relation.pkey IS 'Place of the person''s row (mpi_person.pkey)';
COMMENT ON COLUMN consent_relation.person_id IS 'Constituent person that it was recorded for; rows stay here through merge and unmerge';
COMMENT ON COLUMN consent_relation.relation_id IS 'UUIDv7, named by decisions';
COMMENT ON COLUMN consent_relation.version IS 'From 1, without gaps';
COMMENT ON COLUMN consent_relation.user_id IS 'alias<user@issuer>, as assertions prove a user and audit records name one';
COMMENT ON COLUMN consent_relation.kind IS 'SELF: the patient''s own account; PROXY: a representative; CARETEAM: for patients'' rules that name it';
COMMENT ON COLUMN consent_relation.by_minority IS 'It rests on the patient''s minority: it ends when the patient comes of age';
COMMENT ON COLUMN consent_relation.birth IS 'The patient''s birth date, YYYYMMDD, the earliest that it can be; NULL: not known';
COMMENT ON COLUMN consent_relation.valid_from IS 'First instant at which it counts; NULL: always has';
COMMENT ON COLUMN consent_relation.valid_until IS 'First instant at which it no longer counts; NULL: no end of its own';
COMMENT ON COLUMN consent_relation.scope IS 'What a representative may see: a rule that permits, as consent_policy.rules; NULL: all';
COMMENT ON COLUMN consent_relation.evidence IS 'Where the power of attorney, order or birth certificate is kept; may be empty';
COMMENT ON COLUMN consent_relation.since IS 'When the hub came to know this version';
COMMENT ON COLUMN consent_relation.until IS 'When the next version took over, or it was taken back; NULL: current';
COMMENT ON COLUMN consent_relation.recorded_by IS 'The operator''s account';
COMMENT ON COLUMN consent_relation.ended_by IS 'Who replaced it or took it back; NULL: current';
GRANT SELECT, INSERT ON consent_relation TO causeway_hub;
GRANT UPDATE (until, ended_by) ON consent_relation TO causeway_hub;

-- reference table
CREATE TABLE consent_age (
    attribute text        NOT NULL,
    code      text        NOT NULL,
    version   bigint      NOT NULL CHECK (version > 0),
    age       integer     NOT NULL CHECK (age BETWEEN 0 AND 120),
    since     timestamptz NOT NULL,
    until     timestamptz,
    set_by    text        NOT NULL,
    ended_by  text,
    PRIMARY KEY (attribute, code, version),
    CHECK ((until IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX consent_age_current
    ON consent_age (attribute, code)
    WHERE until IS NULL;
COMMENT ON TABLE consent_age IS
    'What the domain''s law says about minors, in versions: the age of majority, and what adolescents keep from their representatives from which age on';
COMMENT ON COLUMN consent_age.attribute IS '''majority'', or what of a document is looked at: label, class, type, event, ... (consent/rule.h)';
COMMENT ON COLUMN consent_age.code IS 'CODE or CODE^^OID; of the age of majority: empty';
COMMENT ON COLUMN consent_age.age IS 'In whole years';
COMMENT ON COLUMN consent_age.since IS 'From when on it held';
COMMENT ON COLUMN consent_age.until IS 'When the next version took over, or it was removed; NULL: current';
COMMENT ON COLUMN consent_age.set_by IS 'The operator''s account; migration: the first version';
COMMENT ON COLUMN consent_age.ended_by IS 'Who replaced or removed it; NULL: current';
INSERT INTO consent_age (attribute, code, version, age, since, set_by)
VALUES ('majority', '', 1, 18, '-infinity', 'migration');
GRANT SELECT, INSERT ON consent_age TO causeway_hub;
GRANT UPDATE (until, ended_by) ON consent_age TO causeway_hub;

-- reference table
CREATE TABLE consent_emergency_purpose (
    purpose      text        NOT NULL CHECK (purpose <> ''),
    version      bigint      NOT NULL CHECK (version > 0),
    box_minutes  integer     NOT NULL CHECK (box_minutes BETWEEN 1 AND 10080),
    review_hours integer     NOT NULL CHECK (review_hours BETWEEN 1 AND 2160),
    since        timestamptz NOT NULL,
    until        timestamptz,
    set_by       text        NOT NULL,
    ended_by     text,
    PRIMARY KEY (purpose, version),
    CHECK ((until IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX consent_emergency_purpose_current
    ON consent_emergency_purpose (purpose)
    WHERE until IS NULL;
COMMENT ON TABLE consent_emergency_purpose IS
    'Purposes of use for which the domain lets a denial that is overridable be broken, in versions. Without one nothing is ever broken';
COMMENT ON COLUMN consent_emergency_purpose.purpose IS 'CODE or CODE^^OID';
COMMENT ON COLUMN consent_emergency_purpose.box_minutes IS 'How long an emergency lasts, from its opening';
COMMENT ON COLUMN consent_emergency_purpose.review_hours IS 'Until when its review is due, from its opening';
COMMENT ON COLUMN consent_emergency_purpose.since IS 'From when on it held';
COMMENT ON COLUMN consent_emergency_purpose.until IS 'When the next version took over, or it was removed; NULL: current';
COMMENT ON COLUMN consent_emergency_purpose.set_by IS 'The operator''s account';
COMMENT ON COLUMN consent_emergency_purpose.ended_by IS 'Who replaced or removed it; NULL: current';
GRANT SELECT, INSERT ON consent_emergency_purpose TO causeway_hub;
GRANT UPDATE (until, ended_by) ON consent_emergency_purpose TO causeway_hub;

-- distribution: pkey
CREATE TABLE break_glass (
    pkey          bigint      NOT NULL,
    person_id     bigint      NOT NULL,
    emergency_id  uuid        NOT NULL,
    member_id     bigint      NOT NULL,
    user_id       text        NOT NULL,
    assertion     text        NOT NULL,
    purpose       text        NOT NULL,
    opened_at     timestamptz NOT NULL,
    until_at      timestamptz NOT NULL,
    review_due_at timestamptz NOT NULL,
    escalated_at  timestamptz,
    reviewed_at   timestamptz,
    PRIMARY KEY (pkey, person_id, emergency_id)
);
CREATE INDEX break_glass_waiting
    ON break_glass (review_due_at)
    WHERE reviewed_at IS NULL;
CREATE INDEX break_glass_opened ON break_glass (opened_at);
COMMENT ON TABLE break_glass IS
    'Emergencies that overrode a denial: one user, one member, one patient, for a while. Each is a task of review, which escalates when it is overdue. The reason stands in the audit record, which can be erased';
COMMENT ON COLUMN break_glass.pkey IS 'Place of the person';
COMMENT ON COLUMN break_glass.person_id IS 'The patient: the person that the record belonged to then';
COMMENT ON COLUMN break_glass.emergency_id IS 'Id of the audit record that opened it: audit_event (pkey, opened_at, emergency_id)';
COMMENT ON COLUMN break_glass.user_id IS 'alias<user@issuer>';
COMMENT ON COLUMN break_glass.assertion IS 'ID of the assertion that it was opened with, which opens no second one';
COMMENT ON COLUMN break_glass.purpose IS 'Of use: HL7 v3 code, or CODE^^OID';
COMMENT ON COLUMN break_glass.until_at IS 'First instant without it';
COMMENT ON COLUMN break_glass.review_due_at IS 'Until when somebody has to look at it';
COMMENT ON COLUMN break_glass.escalated_at IS 'When it was found overdue, and an alert was raised (audit_alert); NULL: not yet';
COMMENT ON COLUMN break_glass.reviewed_at IS 'Of the first finding (audit_review); NULL: it waits';
GRANT SELECT, INSERT ON break_glass TO causeway_hub;
GRANT UPDATE (escalated_at, reviewed_at) ON break_glass TO causeway_hub;

-- Moves every process's copy of the domain, which now has ages.
UPDATE epoch SET value = value + 1 WHERE name = 'consent';
