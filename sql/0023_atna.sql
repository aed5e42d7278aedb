-- ATNA (ITI-20): where the log is forwarded to by syslog, and what members' records were received.

-- distribution: dkey
CREATE TABLE audit_destination (
    dkey bigint NOT NULL PRIMARY KEY,
    address text NOT NULL,
    next_leaf bigint NOT NULL,
    mid_session boolean NOT NULL DEFAULT false,
    lease_owner uuid,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    failures integer NOT NULL DEFAULT 0,
    trouble text NOT NULL DEFAULT '',
    sent_at timestamptz
);
COMMENT ON TABLE audit_destination IS
    'Audit Record Repositories that the log is forwarded to, with a cursor over audit_leaf each. One hub process at a time serves one, by lease, so that records arrive in order';
COMMENT ON COLUMN audit_destination.dkey IS
    'First 8 bytes, big-endian, of SHA-256 of address, as configured (audit_forward)';
COMMENT ON COLUMN audit_destination.address IS 'tls://HOST:PORT or udp://HOST:PORT';
COMMENT ON COLUMN audit_destination.next_leaf IS
    'audit_leaf.leaf of the first record that it may not have; all before were taken by its host''s kernel while the connection stood';
COMMENT ON COLUMN audit_destination.mid_session IS
    'A connection was open and did not end in order: RFC 5425 has no acknowledgement, so the next one begins some leaves earlier';
COMMENT ON COLUMN audit_destination.lease_owner IS 'The process that serves it now: a number drawn at its start';
COMMENT ON COLUMN audit_destination.lease_until IS 'By the database''s clock; afterwards any process may take it';
COMMENT ON COLUMN audit_destination.not_before IS 'After a failure: when it is tried again';
COMMENT ON COLUMN audit_destination.failures IS 'In a row; a delivery makes it 0';
COMMENT ON COLUMN audit_destination.trouble IS 'Why the last attempt failed; empty: it did not';
COMMENT ON COLUMN audit_destination.sent_at IS 'When next_leaf last moved';

-- distribution: skey
CREATE TABLE syslog_message (
    skey bigint NOT NULL,
    sha256 bytea NOT NULL,
    first_id uuid NOT NULL,
    first_at timestamptz NOT NULL,
    PRIMARY KEY (skey, sha256)
);
COMMENT ON TABLE syslog_message IS
    'Messages that members'' audit sources sent (ITI-20), by their bytes: a replay is told by it. Each receipt has its own row in audit_event; the bytes lie in the first';
COMMENT ON COLUMN syslog_message.skey IS 'First 8 bytes, big-endian, of sha256';
COMMENT ON COLUMN syslog_message.sha256 IS 'Of the message''s bytes as they came, without the frame';
COMMENT ON COLUMN syslog_message.first_id IS 'audit_event.id of the first receipt';

ALTER TABLE member ADD COLUMN audit_reader text NOT NULL DEFAULT 'none'
    CHECK (audit_reader IN ('none', 'own', 'all'));
COMMENT ON COLUMN member.audit_reader IS
    'What of the audit log it may read over ITI-81: nothing, records of its own requests, or all (an auditor)';

GRANT SELECT, INSERT, UPDATE ON audit_destination TO causeway_hub;
GRANT SELECT, INSERT ON syslog_message TO causeway_hub;
