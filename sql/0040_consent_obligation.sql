-- What whoever receives documents of a sensitivity has to heed, whether or not a policy of the
-- patient says so.

-- reference table
CREATE TABLE consent_obligation (
    label       text        NOT NULL CHECK (label <> ''),
    version     bigint      NOT NULL CHECK (version > 0),
    obligations text[]      NOT NULL CHECK (cardinality(obligations) > 0),
    since       timestamptz NOT NULL,
    until       timestamptz,
    set_by      text        NOT NULL,
    ended_by    text,
    PRIMARY KEY (label, version),
    CHECK ((until IS NULL) = (ended_by IS NULL))
);
-- Two operators at once: one of them is refused.
CREATE UNIQUE INDEX consent_obligation_current
    ON consent_obligation (label)
    WHERE until IS NULL;
COMMENT ON TABLE consent_obligation IS
    'Obligations that go with every disclosure of a document of a sensitivity, in versions; beside those that a patient''s permit brings';
COMMENT ON COLUMN consent_obligation.label IS 'Sensitivity label of the documents (SUD, HIV, ...)';
COMMENT ON COLUMN consent_obligation.version IS 'From 1, without gaps';
COMMENT ON COLUMN consent_obligation.obligations IS 'Words of consent/rule.h: no-redisclosure, read-only, no-onward';
COMMENT ON COLUMN consent_obligation.since IS 'From when on it held';
COMMENT ON COLUMN consent_obligation.until IS 'When the next version took over, or it was removed; NULL: current';
COMMENT ON COLUMN consent_obligation.set_by IS 'The operator''s account; migration: the first version';
COMMENT ON COLUMN consent_obligation.ended_by IS 'Who replaced or removed it; NULL: current';
-- 42 CFR 2.32: the notice goes with every disclosure of records of substance use disorder treatment.
INSERT INTO consent_obligation (label, version, obligations, since, set_by)
VALUES ('SUD', 1, '{no-redisclosure}', now(), 'migration');
GRANT SELECT, INSERT ON consent_obligation TO causeway_hub;
GRANT UPDATE (until, ended_by) ON consent_obligation TO causeway_hub;

-- Moves every process's copy of the domain, which now has obligations.
UPDATE epoch SET value = value + 1 WHERE name = 'consent';
