-- The doors of the older protocols: what came in over MLLP, kept before it is acknowledged.

-- distribution: mkey
CREATE TABLE hl7_message (
    mkey         bigint      NOT NULL,
    sha256       bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    attempt      integer     NOT NULL CHECK (attempt > 0),
    message_id   uuid        NOT NULL,
    member_id    bigint      NOT NULL,
    application  text        NOT NULL,
    facility     text        NOT NULL,
    control_id   text        NOT NULL,
    type         text        NOT NULL,
    received_at  timestamptz NOT NULL,
    answer       text        NOT NULL CHECK (answer IN ('AA', 'AE', 'AR')),
    message      bytea       NOT NULL,
    ack          bytea       NOT NULL,
    PRIMARY KEY (mkey, sha256, attempt)
);
-- Encrypted bytes do not compress: do not try.
ALTER TABLE hl7_message ALTER COLUMN message SET STORAGE EXTERNAL;
ALTER TABLE hl7_message ALTER COLUMN ack SET STORAGE EXTERNAL;
CREATE INDEX hl7_message_time ON hl7_message (received_at);
COMMENT ON TABLE hl7_message IS
    'Every HL7 v2 message but queries, with the acknowledgement that it got, in the transaction of its effect; a refused one in a transaction of its own. An identical one is answered from here';
COMMENT ON COLUMN hl7_message.mkey IS
    'First 8 bytes, big-endian, of SHA-256 of the member''s number, MSH-3, MSH-4 and MSH-10, each ended by a vertical bar';
COMMENT ON COLUMN hl7_message.sha256 IS 'Of the message''s bytes as they came, without the frame';
COMMENT ON COLUMN hl7_message.attempt IS
    'From 1: how often these bytes were processed. Two copies at once claim the same number, and one of them waits for the other''s answer';
COMMENT ON COLUMN hl7_message.message_id IS 'Id of the request, as in audit_search.request and mpi_record.request';
COMMENT ON COLUMN hl7_message.application IS 'MSH-3.1; empty where the header could not be read';
COMMENT ON COLUMN hl7_message.facility IS 'MSH-4.1';
COMMENT ON COLUMN hl7_message.control_id IS 'MSH-10; feeds use one again after a while';
COMMENT ON COLUMN hl7_message.type IS 'MSH-9 as ADT^A01';
COMMENT ON COLUMN hl7_message.answer IS 'MSA-1 of ack. AE and AR are the dead letters: no effect, kept to be looked at and sent again';
COMMENT ON COLUMN hl7_message.message IS
    'The bytes as they came: version 0x01, 24 bytes of nonce, XChaCha20-Poly1305, tag; bound to message_id; the key comes from the hub''s master key';
COMMENT ON COLUMN hl7_message.ack IS 'The acknowledgement''s bytes, sealed in the same way';

GRANT SELECT, INSERT ON hl7_message TO causeway_hub;
