-- Who vouches for the persons behind a member's requests (XUA, ITI-40): identity providers with
-- pinned keys, what a member's assertions may say, and which of them have been used.

ALTER TABLE member
    ADD COLUMN xua text NOT NULL DEFAULT 'optional'
        CHECK (xua IN ('required', 'optional', 'system-only')),
    ADD COLUMN home_community text NOT NULL DEFAULT ''
        CHECK (home_community ~ '^([0-2](\.(0|[1-9][0-9]*))+)?$'),
    ADD COLUMN purposes text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN member.xua IS
    'required: each SOAP request names a person by an assertion; optional: it may; system-only: its machines alone ask, and an assertion is refused';
COMMENT ON COLUMN member.home_community IS
    'Home community id that its assertions may name, an OID; empty: the hub''s own (home_community_id)';
COMMENT ON COLUMN member.purposes IS
    'Purposes of use that its assertions may name, each CODE or SYSTEM|CODE (SYSTEM: OID of the code system); empty: any';

-- reference table
CREATE TABLE member_idp (
    member_id        bigint  NOT NULL REFERENCES member (member_id),
    issuer           text    NOT NULL CHECK (issuer <> '' AND octet_length(issuer) <= 1024),
    audiences        text[]  NOT NULL DEFAULT '{}',
    organizations    text[]  NOT NULL DEFAULT '{}',
    lifetime_seconds integer NOT NULL DEFAULT 3600 CHECK (lifetime_seconds BETWEEN 1 AND 86400),
    skew_seconds     integer NOT NULL DEFAULT 60 CHECK (skew_seconds BETWEEN 0 AND 600),
    one_time         boolean NOT NULL DEFAULT false,
    purpose_forms    text[]  NOT NULL DEFAULT '{PurposeOfUse}'
        CHECK (purpose_forms <> '{}'
               AND purpose_forms <@ '{PurposeOfUse,PurposeForUse,CodedValue}'::text[]),
    PRIMARY KEY (member_id, issuer)
);
COMMENT ON TABLE member_idp IS
    'Identity providers whose assertions a member''s requests may carry (X-Assertion Providers, IHE ITI TF-2 3.40)';
COMMENT ON COLUMN member_idp.issuer IS 'saml:Issuer of its assertions, compared character by character';
COMMENT ON COLUMN member_idp.audiences IS
    'Values of saml:Audience that mean this hub; empty: its home community id, its affinity domain (xad_authority) and its address';
COMMENT ON COLUMN member_idp.organizations IS
    'OIDs of organizations, beside the member''s own, whose persons it may vouch for';
COMMENT ON COLUMN member_idp.lifetime_seconds IS
    'An assertion that lives longer, from IssueInstant to NotOnOrAfter, is refused';
COMMENT ON COLUMN member_idp.skew_seconds IS 'How far its clock may be off ours';
COMMENT ON COLUMN member_idp.one_time IS
    'Each assertion is good for one message (saml:OneTimeUse); else for all until it expires';
COMMENT ON COLUMN member_idp.purpose_forms IS
    'Names of the HL7 element in which it writes the purpose of use';

-- reference table
CREATE TABLE member_idp_key (
    member_id   bigint      NOT NULL,
    issuer      text        NOT NULL,
    fingerprint bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    subject     text        NOT NULL,
    not_before  timestamptz NOT NULL,
    not_after   timestamptz NOT NULL,
    certificate bytea       NOT NULL,
    added_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (member_id, issuer, fingerprint),
    FOREIGN KEY (member_id, issuer) REFERENCES member_idp (member_id, issuer)
);
COMMENT ON TABLE member_idp_key IS
    'The keys that an identity provider signs with, pinned as certificates: at most two, so that one can be rotated. A chain is not looked at';
COMMENT ON COLUMN member_idp_key.fingerprint IS 'SHA-256 of the certificate''s DER bytes';
COMMENT ON COLUMN member_idp_key.subject IS 'Distinguished name, RFC 2253; shown to people, decides nothing';
COMMENT ON COLUMN member_idp_key.not_before IS 'Signatures are believed from then';
COMMENT ON COLUMN member_idp_key.not_after IS 'Signatures are believed until then';
COMMENT ON COLUMN member_idp_key.certificate IS 'The certificate itself, DER';

-- distribution: akey
CREATE TABLE assertion_use (
    akey       bigint      NOT NULL,
    digest     bytea       NOT NULL CHECK (octet_length(digest) = 32),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (akey, digest)
);
-- Rows come nearly in the order of their expiry, and every request with an assertion pays for them.
CREATE INDEX assertion_use_expiry ON assertion_use USING brin (expires_at);
COMMENT ON TABLE assertion_use IS
    'Assertions and the messages that they came with: a pair comes once (replay). Deleted when the assertion has expired';
COMMENT ON COLUMN assertion_use.akey IS 'The first 8 bytes, big-endian, of digest';
COMMENT ON COLUMN assertion_use.digest IS
    'SHA-256 of member_id, issuer, the assertion''s ID and wsa:MessageID, each ended by a NUL; without the MessageID where an assertion is good for one message';
COMMENT ON COLUMN assertion_use.expires_at IS 'NotOnOrAfter of the assertion, and the skew';

GRANT SELECT, INSERT, UPDATE, DELETE ON member_idp, member_idp_key TO causeway_hub;
GRANT SELECT, INSERT, DELETE ON assertion_use TO causeway_hub;
