-- Other communities: members that are hubs of other regions. Certificate, agreement and identity
-- provider are a member's; here is what makes it a community, and where it is reached.

-- reference table
CREATE TABLE community (
    member_id bigint NOT NULL PRIMARY KEY REFERENCES member (member_id),
    home      text   NOT NULL UNIQUE CHECK (home ~ '^[0-9]+(\.[0-9]+)+$'),
    added_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE community IS 'Members that are communities (IHE XCA, XCPD): other hubs that this one asks, and that ask it';
COMMENT ON COLUMN community.home IS 'Home community id: OID, without urn:oid:';

-- reference table
CREATE TABLE community_endpoint (
    member_id bigint NOT NULL REFERENCES community (member_id),
    service   text   NOT NULL CHECK (service IN ('query', 'retrieve', 'discovery', 'provide')),
    url       text   NOT NULL CHECK (url LIKE 'https://%'),
    PRIMARY KEY (member_id, service)
);
COMMENT ON TABLE community_endpoint IS
    'Where a community is asked; what has no row is not asked. Calls go to these addresses and nowhere else';
COMMENT ON COLUMN community_endpoint.service IS
    'query: ITI-38; retrieve: ITI-39; discovery: ITI-55; provide: ITI-80';

GRANT SELECT, INSERT, UPDATE, DELETE ON community, community_endpoint TO causeway_hub;
