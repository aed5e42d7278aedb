-- Consent: what patients permit and deny, and what holds where they said nothing.
--
-- Nothing here is ever changed or deleted but to be closed: a version ends (until, ended_by) and
-- the next one begins, so that every decision of the past can be made again (--as-of).

-- distribution: pkey
CREATE TABLE consent_policy (
    pkey        bigint      NOT NULL,
    person_id   bigint      NOT NULL,
    policy_id   uuid        NOT NULL,
    version     bigint      NOT NULL CHECK (version > 0),
    effect      text        NOT NULL CHECK (effect IN ('permit', 'deny')),
    member_id   bigint,
    valid_from  timestamptz,
    valid_until timestamptz,
    since       timestamptz NOT NULL,
    until       timestamptz,
    recorded_by text        NOT NULL,
    ended_by    text,
    PRIMARY KEY (pkey, person_id, policy_id, version),
    CHECK (valid_from < valid_until),
    CHECK ((until IS NULL) = (ended_by IS NULL))
);

CREATE UNIQUE INDEX consent_policy_current
    ON consent_policy (pkey, person_id, policy_id)
    WHERE until IS NULL;

COMMENT ON TABLE consent_policy IS
    'What a patient permits or denies, in versions. The current one has until IS NULL; a policy without one was revoked. A policy given for a merged person has a row for each constituent under one policy_id.';
COMMENT ON COLUMN consent_policy.pkey IS 'Place of the person''s row (mpi_person.pkey); never changes, whatever is merged';
COMMENT ON COLUMN consent_policy.person_id IS 'Constituent person that it was given for (mpi_person); rows stay here through merge and unmerge';
COMMENT ON COLUMN consent_policy.policy_id IS 'UUIDv7, shown to operators and named by audit records';
COMMENT ON COLUMN consent_policy.version IS 'From 1, without gaps';
COMMENT ON COLUMN consent_policy.effect IS 'permit or deny; deny overrides, a permit beats only the domain default';
COMMENT ON COLUMN consent_policy.member_id IS 'Member whose access it governs; NULL: everyone''s';
COMMENT ON COLUMN consent_policy.valid_from IS 'First instant at which it applies; NULL: always has';
COMMENT ON COLUMN consent_policy.valid_until IS 'First instant at which it no longer applies; NULL: no end';
COMMENT ON COLUMN consent_policy.since IS 'When the hub came to know this version';
COMMENT ON COLUMN consent_policy.until IS 'When the hub replaced or revoked it; NULL: current';
COMMENT ON COLUMN consent_policy.recorded_by IS 'Who recorded it: the operator''s account';
COMMENT ON COLUMN consent_policy.ended_by IS 'Who replaced or revoked it; NULL: current';

-- reference table
CREATE TABLE consent_default (
    version bigint      NOT NULL PRIMARY KEY CHECK (version > 0),
    effect  text        NOT NULL CHECK (effect IN ('permit', 'deny')),
    since   timestamptz NOT NULL,
    until   timestamptz,
    set_by  text        NOT NULL
);

-- Two operators at once: one of them is refused.
CREATE UNIQUE INDEX consent_default_current
    ON consent_default ((true))
    WHERE until IS NULL;

COMMENT ON TABLE consent_default IS
    'What holds for patients who said nothing, in versions: permit is an opt-out domain, deny an opt-in domain. Where no version is in force, deny holds.';
COMMENT ON COLUMN consent_default.version IS 'From 1, without gaps; named by decisions';
COMMENT ON COLUMN consent_default.effect IS 'permit (opt-out domain) or deny (opt-in domain)';
COMMENT ON COLUMN consent_default.since IS 'From when on it held';
COMMENT ON COLUMN consent_default.until IS 'When the next version took over; NULL: current';
COMMENT ON COLUMN consent_default.set_by IS 'Who set it: the operator''s account; migration: the first version';

-- distribution: pkey
CREATE TABLE consent_epoch (
    pkey      bigint NOT NULL,
    person_id bigint NOT NULL,
    epoch     bigint NOT NULL,
    PRIMARY KEY (pkey, person_id)
);

COMMENT ON TABLE consent_epoch IS
    'Goes up with every change that can alter decisions about a person (policies, links), in the transaction of the change: the key of caches. No row is epoch 0.';
COMMENT ON COLUMN consent_epoch.pkey IS 'Place of the person''s row';
COMMENT ON COLUMN consent_epoch.person_id IS 'The person, of mpi_person';
COMMENT ON COLUMN consent_epoch.epoch IS 'Only ever grows. What concerns everybody, such as the domain default, moves epoch ''consent'' of table epoch';

-- Nothing flows before the operator of the region has chosen.
INSERT INTO consent_default (version, effect, since, set_by)
VALUES (1, 'deny', now(), 'migration');

GRANT SELECT, INSERT ON consent_policy TO causeway_hub;
GRANT UPDATE (until, ended_by) ON consent_policy TO causeway_hub;
GRANT SELECT, INSERT ON consent_default TO causeway_hub;
GRANT UPDATE (until) ON consent_default TO causeway_hub;
GRANT SELECT, INSERT, UPDATE ON consent_epoch TO causeway_hub;
