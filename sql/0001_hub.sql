-- Members: who may connect, and what belongs to whom. Small tables that every hub reads as a whole
-- when epoch 'member' moves (hub/member.h); written by `causeway member`.

-- reference table
CREATE TABLE epoch (
    name text PRIMARY KEY,
    value bigint NOT NULL
);
COMMENT ON TABLE epoch IS
    'Counters that tell every hub when a cached table has changed: bumped in the transaction of the change, read with the data';
COMMENT ON COLUMN epoch.name IS
    'What the counter covers: member (member and its three tables), consent (defaults, agreements and labels)';
COMMENT ON COLUMN epoch.value IS 'Only ever grows; compared for equality, not for order';

INSERT INTO epoch (name, value) VALUES ('member', 1), ('consent', 1);

-- reference table
CREATE TABLE member (
    member_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    organization text NOT NULL CHECK (organization ~ '^[0-2](\.(0|[1-9][0-9]*))+$'),
    strict_adt boolean NOT NULL DEFAULT false,
    charset text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL DEFAULT now(),
    suspended_at timestamptz
);
COMMENT ON TABLE member IS
    'An organization that connects by mutual TLS. Never deleted: audit and documents name it for ever';
COMMENT ON COLUMN member.name IS 'The operator''s short name for it, as commands, logs and audit show it';
COMMENT ON COLUMN member.organization IS 'OID of the organization, dotted, without urn:oid:';
COMMENT ON COLUMN member.strict_adt IS
    'An ADT event that the hub does not use is answered AR instead of AA';
COMMENT ON COLUMN member.charset IS
    'Character set of HL7 v2 messages without MSH-18, a value of HL7 table 0211 (8859/1, UNICODE UTF-8, ...); empty: ASCII';
COMMENT ON COLUMN member.suspended_at IS
    'Since when it may not connect; its open connections are closed. NULL: it may';

-- reference table
CREATE TABLE member_authority (
    oid text PRIMARY KEY CHECK (oid ~ '^[0-2](\.(0|[1-9][0-9]*))+$'),
    member_id bigint NOT NULL REFERENCES member (member_id),
    name_space text NOT NULL DEFAULT ''
);
COMMENT ON TABLE member_authority IS
    'Assigning authorities of patient identifiers. Each has one source: the member that feeds its patients (ITI-8)';
COMMENT ON COLUMN member_authority.oid IS 'OID of the authority (HD.2 with type ISO), dotted';
COMMENT ON COLUMN member_authority.name_space IS
    'Namespace (HD.1) that stands for the OID in this member''s own messages, as in ^^^EPIC^MRN; empty: none';
CREATE UNIQUE INDEX member_authority_name_space ON member_authority (member_id, name_space)
    WHERE name_space <> '';

-- reference table
CREATE TABLE member_application (
    application text NOT NULL CHECK (application <> ''),
    facility text NOT NULL DEFAULT '',
    member_id bigint NOT NULL REFERENCES member (member_id),
    PRIMARY KEY (application, facility)
);
COMMENT ON TABLE member_application IS
    'Sending applications of HL7 v2 messages: MSH-3 and MSH-4 must belong to the certificate''s member';
COMMENT ON COLUMN member_application.application IS 'MSH-3.1 of its messages';
COMMENT ON COLUMN member_application.facility IS 'MSH-4.1 of its messages; empty: any';
CREATE INDEX member_application_member ON member_application (member_id);

-- reference table
CREATE TABLE member_cert (
    fingerprint bytea PRIMARY KEY CHECK (octet_length(fingerprint) = 32),
    member_id bigint NOT NULL REFERENCES member (member_id),
    direct boolean NOT NULL,
    subject text NOT NULL,
    issuer text NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    certificate bytea NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE member_cert IS
    'Certificates by which members are known. At most two that have not expired a member, so that one can be rotated: `causeway member cert add` sees to it';
COMMENT ON COLUMN member_cert.fingerprint IS 'SHA-256 of the certificate''s DER bytes';
COMMENT ON COLUMN member_cert.direct IS
    'Trusted by itself (direct comparison, IHE ITI TF-2 3.19.6.1), without a chain to a configured CA';
COMMENT ON COLUMN member_cert.subject IS 'Distinguished name, RFC 2253; shown to people, decides nothing';
COMMENT ON COLUMN member_cert.issuer IS 'Distinguished name, RFC 2253; shown to people, decides nothing';
COMMENT ON COLUMN member_cert.certificate IS 'The certificate itself, DER';
CREATE INDEX member_cert_member ON member_cert (member_id);

GRANT SELECT, UPDATE ON epoch TO causeway_hub;
GRANT SELECT, INSERT, UPDATE ON member TO causeway_hub;
GRANT SELECT, INSERT, UPDATE, DELETE ON member_authority, member_application, member_cert TO causeway_hub;
