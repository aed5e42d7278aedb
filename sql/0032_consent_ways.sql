-- Where policies come from: the domain's policies by OID, consent documents, FHIR Consents; and what
-- in them was not understood.

-- reference table
CREATE TABLE consent_domain_policy (
    oid      text        NOT NULL CHECK (oid <> ''),
    version  bigint      NOT NULL CHECK (version > 0),
    name     text        NOT NULL,
    rules    text        NOT NULL,
    since    timestamptz NOT NULL,
    until    timestamptz,
    set_by   text        NOT NULL,
    ended_by text,
    PRIMARY KEY (oid, version),
    CHECK ((until IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX consent_domain_policy_current
    ON consent_domain_policy (oid)
    WHERE until IS NULL;
COMMENT ON TABLE consent_domain_policy IS
    'Policies that the domain has published, which patients acknowledge by naming them (IHE BPPC: eventCodeList of the document). In versions: a consent keeps the rules of the version that it was filed under';
COMMENT ON COLUMN consent_domain_policy.oid IS 'As consent documents name it: an OID, or a URN where the domain has chosen one';
COMMENT ON COLUMN consent_domain_policy.version IS 'From 1, without gaps';
COMMENT ON COLUMN consent_domain_policy.name IS 'For people';
COMMENT ON COLUMN consent_domain_policy.rules IS 'A provision of FHIR R4 Consent, as JSON';
COMMENT ON COLUMN consent_domain_policy.since IS 'When it was set';
COMMENT ON COLUMN consent_domain_policy.until IS 'When the next version took over, or it was removed; NULL: current';
COMMENT ON COLUMN consent_domain_policy.set_by IS 'The operator''s account';
COMMENT ON COLUMN consent_domain_policy.ended_by IS 'Who replaced or removed it; NULL: current';

-- distribution: pkey
CREATE TABLE consent_document (
    pkey        bigint      NOT NULL,
    entry_uuid  uuid        NOT NULL,
    policy_id   uuid        NOT NULL,
    person_pkey bigint      NOT NULL,
    person_id   bigint      NOT NULL,
    filed_at    timestamptz NOT NULL,
    ended_at    timestamptz,
    PRIMARY KEY (pkey, entry_uuid, policy_id, person_pkey, person_id)
);
COMMENT ON TABLE consent_document IS
    'Policies that came in force by a consent document (BPPC), one row for each policy and constituent person: what ends with the document';
COMMENT ON COLUMN consent_document.pkey IS 'Place of the document''s entry';
COMMENT ON COLUMN consent_document.entry_uuid IS 'The entry, of xds_document_entry';
COMMENT ON COLUMN consent_document.policy_id IS 'The policy, of consent_policy';
COMMENT ON COLUMN consent_document.person_pkey IS 'Place of the person of that policy';
COMMENT ON COLUMN consent_document.person_id IS 'That person';
COMMENT ON COLUMN consent_document.ended_at IS 'When the document was replaced, deprecated or removed; NULL: in force';

-- distribution: pkey
CREATE TABLE consent_resource (
    pkey        bigint      NOT NULL,
    person_id   bigint      NOT NULL,
    policy_id   uuid        NOT NULL,
    resource_id text        NOT NULL,
    resource    text        NOT NULL,
    imported_at timestamptz NOT NULL,
    imported_by text        NOT NULL,
    PRIMARY KEY (pkey, person_id, policy_id)
);
COMMENT ON TABLE consent_resource IS
    'FHIR Consents as they came, beside each policy that was made of them: for export, and to replace the policies when the resource comes again';
COMMENT ON COLUMN consent_resource.pkey IS 'Place of the person';
COMMENT ON COLUMN consent_resource.person_id IS 'Constituent person that it was given for';
COMMENT ON COLUMN consent_resource.policy_id IS 'Of consent_policy';
COMMENT ON COLUMN consent_resource.resource_id IS 'Consent.id, else system|value of its first identifier, else the policy''s id';
COMMENT ON COLUMN consent_resource.resource IS 'The JSON, byte for byte';
COMMENT ON COLUMN consent_resource.imported_by IS 'The operator''s account';

-- distribution: pkey
CREATE TABLE consent_flag (
    pkey        bigint      NOT NULL,
    person_id   bigint      NOT NULL,
    policy_id   uuid        NOT NULL,
    element     text        NOT NULL,
    origin      text        NOT NULL,
    raised_at   timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text,
    note        text,
    PRIMARY KEY (pkey, person_id, policy_id, element),
    CHECK ((resolved_at IS NULL) = (resolved_by IS NULL))
);
CREATE INDEX consent_flag_open ON consent_flag (pkey, raised_at) WHERE resolved_at IS NULL;
COMMENT ON TABLE consent_flag IS
    'What in a consent was not understood: the policy made of it denies everyone until a steward has seen to it. Resolving a flag says that it was seen to; it does not change the policy';
COMMENT ON COLUMN consent_flag.pkey IS 'Place of the person';
COMMENT ON COLUMN consent_flag.person_id IS 'Whose consent it is';
COMMENT ON COLUMN consent_flag.policy_id IS 'The policy that denies for it';
COMMENT ON COLUMN consent_flag.element IS 'Path of the FHIR element (Consent.provision.class), or what of a document: policy OID';
COMMENT ON COLUMN consent_flag.origin IS 'fhir, or the entryUUID of the document';
COMMENT ON COLUMN consent_flag.note IS 'What the steward did';

ALTER TABLE xds_source ADD COLUMN consents text NOT NULL DEFAULT 'own'
    CHECK (consents IN ('off', 'none', 'own', 'any'));
COMMENT ON COLUMN xds_source.consents IS
    'For whom this member may file consent documents: none; off: what it calls so are plain documents, of no effect; own: patients whom it identifies itself, by a sourcePatientId of its own authorities; any patient of the domain';

ALTER TABLE xds_source ADD COLUMN consent_headers boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN xds_source.consent_headers IS
    'The CDA header of a consent document that it sends to our repository must name the patient and the policies of its metadata';

GRANT SELECT, INSERT ON consent_domain_policy TO causeway_hub;
GRANT UPDATE (until, ended_by) ON consent_domain_policy TO causeway_hub;
GRANT SELECT, INSERT ON consent_document TO causeway_hub;
GRANT UPDATE (ended_at) ON consent_document TO causeway_hub;
GRANT SELECT, INSERT ON consent_resource TO causeway_hub;
GRANT SELECT, INSERT ON consent_flag TO causeway_hub;
GRANT UPDATE (resolved_at, resolved_by, note) ON consent_flag TO causeway_hub;
