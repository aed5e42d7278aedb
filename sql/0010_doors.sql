-- The doors for patient identity: which domains a member is told of, whom the hub notifies, what it
-- still has to send, what a query left to be fetched, and the look-ups of demographic queries.

-- reference table
CREATE TABLE member_domain (
    member_id bigint NOT NULL REFERENCES member (member_id),
    oid       text   NOT NULL CHECK (oid ~ '^[0-2](\.(0|[1-9][0-9]*))+$'),
    PRIMARY KEY (member_id, oid)
);
COMMENT ON TABLE member_domain IS
    'Patient identification domains that a member registered for: identity answers and notifications carry identifiers of these and of its own authorities only. A member without a row gets every domain';
COMMENT ON COLUMN member_domain.oid IS 'Assigning authority, dotted; the region''s xad_authority is one too';

-- reference table
CREATE TABLE member_notify (
    member_id   bigint NOT NULL REFERENCES member (member_id),
    format      text   NOT NULL CHECK (format IN ('hl7v2', 'hl7v3', 'links')),
    address     text   NOT NULL CHECK (address <> ''),
    application text   NOT NULL DEFAULT '',
    facility    text   NOT NULL DEFAULT '',
    PRIMARY KEY (member_id, format)
);
COMMENT ON TABLE member_notify IS 'Whom the hub tells of changed identifiers, and where';
COMMENT ON COLUMN member_notify.format IS
    'hl7v2: PIX Update Notification, ADT^A31 (ITI-10); hl7v3: the same as PRPA_IN201302UV02 (ITI-46); links: to a document registry, ADT^A43 (ITI-64)';
COMMENT ON COLUMN member_notify.address IS 'HOST:PORT of its MLLP listener (mutual TLS), or its https URL';
COMMENT ON COLUMN member_notify.application IS 'MSH-5 of the messages; empty: the member''s name';
COMMENT ON COLUMN member_notify.facility IS 'MSH-6 of the messages; empty: the member''s name';

CREATE SEQUENCE outbox_seq;
COMMENT ON SEQUENCE outbox_seq IS
    'Order of what waits. Drawn while the locks of the change are held, so that two changes of one patient stand in their order';

-- distribution: dkey
CREATE TABLE outbox_lane (
    dkey        bigint      NOT NULL PRIMARY KEY,
    kind        text        NOT NULL,
    member_id   bigint      NOT NULL,
    address     text        NOT NULL,
    lease_owner uuid,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    not_before  timestamptz NOT NULL DEFAULT '-infinity',
    failures    integer     NOT NULL DEFAULT 0
);
COMMENT ON TABLE outbox_lane IS
    'Destinations of what the hub sends by itself. One hub process at a time serves a lane, by lease, so that its messages stay in order';
COMMENT ON COLUMN outbox_lane.dkey IS
    'First 8 bytes, big-endian, of SHA-256 of kind, member_id and address, each ended by a vertical bar';
COMMENT ON COLUMN outbox_lane.kind IS 'The carrier that delivers (hub/outbox.h)';
COMMENT ON COLUMN outbox_lane.member_id IS 'Whose address it is; what is sent is what this member may see';
COMMENT ON COLUMN outbox_lane.address IS 'HOST:PORT or URL';
COMMENT ON COLUMN outbox_lane.lease_owner IS 'The sender that serves it now: a number drawn at its start';
COMMENT ON COLUMN outbox_lane.lease_until IS 'By the database''s clock; afterwards any sender may take it';
COMMENT ON COLUMN outbox_lane.not_before IS 'After a failure: when it is tried again';
COMMENT ON COLUMN outbox_lane.failures IS 'In a row; a delivery makes it 0';

-- distribution: dkey
CREATE TABLE outbox_message (
    dkey       bigint      NOT NULL,
    sequence   bigint      NOT NULL,
    message_id uuid        NOT NULL,
    what       text        NOT NULL,
    queued_at  timestamptz NOT NULL,
    request    uuid        NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')),
    attempts   integer     NOT NULL DEFAULT 0,
    tried_at   timestamptz,
    trouble    text        NOT NULL DEFAULT '',
    payload    bytea       NOT NULL,
    PRIMARY KEY (dkey, sequence)
);
-- Encrypted bytes do not compress: do not try.
ALTER TABLE outbox_message ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX outbox_message_waiting ON outbox_message (dkey, sequence) WHERE state = 'waiting';
CREATE INDEX outbox_message_dead ON outbox_message (dkey, sequence) WHERE state = 'dead';
COMMENT ON TABLE outbox_message IS
    'What is still to be sent, written in the transaction of what caused it; deleted when the destination has acknowledged it. Dead letters stay until someone sends them again or drops them';
COMMENT ON COLUMN outbox_message.sequence IS 'From outbox_seq: a lane is served in this order';
COMMENT ON COLUMN outbox_message.message_id IS
    'UUIDv7; the message''s id on the wire comes from it, the same at each attempt';
COMMENT ON COLUMN outbox_message.what IS 'The transaction: ITI-10, ITI-46, ITI-64, ...';
COMMENT ON COLUMN outbox_message.request IS 'Id of the request that caused it, as in audit_search.request';
COMMENT ON COLUMN outbox_message.state IS
    'dead: refused by the destination, or tried too often; the next one goes on';
COMMENT ON COLUMN outbox_message.trouble IS 'Why the last attempt failed';
COMMENT ON COLUMN outbox_message.payload IS
    'What the carrier needs to make the message: version 0x01, 24 bytes of nonce, XChaCha20-Poly1305, tag; bound to message_id; the key comes from the hub''s master key';

-- distribution: ckey
CREATE TABLE identity_continuation (
    ckey         bigint      NOT NULL,
    pointer      text        NOT NULL,
    member_id    bigint      NOT NULL,
    query_id     text        NOT NULL,
    page_size    integer     NOT NULL CHECK (page_size > 0),
    shown        integer     NOT NULL,
    person_pkeys bigint[]    NOT NULL,
    person_ids   bigint[]    NOT NULL,
    domains      text[]      NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (ckey, pointer)
);
CREATE INDEX identity_continuation_query ON identity_continuation (ckey, member_id, query_id);
CREATE INDEX identity_continuation_expiry ON identity_continuation (expires_at);
COMMENT ON TABLE identity_continuation IS
    'What a demographics query (ITI-21, ITI-22, ITI-47) found and has not yet answered: any hub process continues it. What is shown is decided anew for each page';
COMMENT ON COLUMN identity_continuation.ckey IS
    'First 8 bytes, big-endian, of SHA-256 of member_id, a vertical bar and query_id';
COMMENT ON COLUMN identity_continuation.pointer IS 'DSC-1: random; each page has one of its own';
COMMENT ON COLUMN identity_continuation.query_id IS 'QPD-2, or queryId of HL7 v3: by it a query is cancelled';
COMMENT ON COLUMN identity_continuation.page_size IS 'RCP-2 of the query; a continuation may ask for another';
COMMENT ON COLUMN identity_continuation.shown IS 'Persons on the pages before';
COMMENT ON COLUMN identity_continuation.person_pkeys IS 'Persons that are left, best first; person_ids in the same order';
COMMENT ON COLUMN identity_continuation.domains IS 'QPD-8; empty: all that the member may see';

-- distribution: skey
CREATE TABLE mpi_search (
    skey      bigint NOT NULL,
    sort      text   NOT NULL COLLATE "C",
    pkey      bigint NOT NULL,
    record_id bigint NOT NULL,
    PRIMARY KEY (skey, sort, pkey, record_id)
);
COMMENT ON TABLE mpi_search IS
    'Where demographic queries look (mpi/search.h): by the sound of a family name, by its first letters, and by birth date. Written with the record, from its current names';
COMMENT ON COLUMN mpi_search.skey IS
    'First 8 bytes, big-endian, of SHA-256 of the rule''s letter, a vertical bar and the value';
COMMENT ON COLUMN mpi_search.sort IS
    'The rest by which a query narrows and ranks without a second look-up: normalised fields, each ended by a vertical bar';
COMMENT ON COLUMN mpi_search.pkey IS 'Place of the record; record_id with it';

GRANT SELECT, INSERT, UPDATE, DELETE ON member_domain, member_notify TO causeway_hub;
GRANT USAGE ON SEQUENCE outbox_seq TO causeway_hub;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_lane, outbox_message TO causeway_hub;
GRANT SELECT, INSERT, DELETE ON identity_continuation TO causeway_hub;
GRANT SELECT, INSERT, DELETE ON mpi_search TO causeway_hub;
