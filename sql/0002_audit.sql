-- The audit log: one row a transaction and patient, written in the transaction of its effect.
-- Append-only by privilege: causeway_hub may insert and read, nobody but the owner may do more.
-- Partitioned by month (UTC), without a default partition: a row that has no place stops the
-- effect that it is about.

-- distribution: pkey
CREATE TABLE audit_event (
    pkey bigint NOT NULL,
    at timestamptz NOT NULL,
    id uuid NOT NULL,
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    record bytea NOT NULL,
    PRIMARY KEY (pkey, at, id)
) PARTITION BY RANGE (at);
-- Encrypted bytes do not compress: do not try.
ALTER TABLE audit_event ALTER COLUMN record SET STORAGE EXTERNAL;
COMMENT ON TABLE audit_event IS
    'The log itself: what happened, as encrypted bytes whose hash is a leaf of the Merkle log. Never updated, never deleted but by whole months';
COMMENT ON COLUMN audit_event.pkey IS
    'Place of the person (mpi); without a person the first 8 bytes, big-endian, of SHA-256 of the 16 bytes of the request''s id';
COMMENT ON COLUMN audit_event.at IS 'When the request was read, by the hub''s clock';
COMMENT ON COLUMN audit_event.id IS 'UUIDv7 of the row';
COMMENT ON COLUMN audit_event.leaf_hash IS 'SHA-256 of 0x00 followed by the bytes of record (RFC 6962 section 2.1)';
COMMENT ON COLUMN audit_event.record IS
    'Canonical JSON (hub/audit/record.h) under AES-256-GCM: version 0x01, ciphertext, 16 bytes of tag; the key is audit_search.record_key';

-- distribution: pkey
CREATE TABLE audit_search (
    pkey bigint NOT NULL,
    at timestamptz NOT NULL,
    id uuid NOT NULL,
    request uuid NOT NULL,
    transaction text NOT NULL,
    event text NOT NULL,
    action text NOT NULL CHECK (action IN ('C', 'R', 'U', 'D', 'E')),
    outcome smallint NOT NULL CHECK (outcome IN (0, 4, 8, 12)),
    member_id bigint,
    person_id bigint,
    patient text COLLATE "C",
    record_key bytea NOT NULL,
    PRIMARY KEY (pkey, at, id)
) PARTITION BY RANGE (at);
COMMENT ON TABLE audit_search IS
    'What the log is searched by, and the key of each record. Erasing a row here erases the record and leaves its leaf in the log';
COMMENT ON COLUMN audit_search.pkey IS 'As in audit_event, with at and id';
COMMENT ON COLUMN audit_search.request IS 'The request''s id, as errors and logs show it; its rows share it';
COMMENT ON COLUMN audit_search.transaction IS
    'IHE transaction (ITI-18); CONFIG for an operator''s change, ITI-81 for a look at this log';
COMMENT ON COLUMN audit_search.event IS 'EventID, a code of DICOM PS3.16 (DCM): 110112 Query, 110107 Import, ...';
COMMENT ON COLUMN audit_search.action IS 'DICOM PS3.15 A.5: C create, R read, U update, D delete, E execute';
COMMENT ON COLUMN audit_search.outcome IS 'DICOM PS3.15 A.5: 0 success, 4 minor, 8 serious, 12 major failure';
COMMENT ON COLUMN audit_search.member_id IS 'member.member_id of who asked; NULL: the operator, or unknown';
COMMENT ON COLUMN audit_search.person_id IS 'The person (mpi) at that moment; NULL: none, or not known here';
COMMENT ON COLUMN audit_search.patient IS 'Patient identifier as the message named it, CX: id^^^&oid&ISO';
COMMENT ON COLUMN audit_search.record_key IS
    'Key of audit_event.record, wrapped: version 0x01, 24 bytes of nonce, XChaCha20-Poly1305 of 32 bytes, tag; bound to id';
CREATE INDEX audit_search_time ON audit_search (at, id);
CREATE INDEX audit_search_member ON audit_search (member_id, at, id) WHERE member_id IS NOT NULL;
CREATE INDEX audit_search_transaction ON audit_search (transaction, at, id);
CREATE INDEX audit_search_request ON audit_search (request);
CREATE INDEX audit_search_patient ON audit_search (patient) WHERE patient IS NOT NULL;

-- distribution: pkey
CREATE TABLE audit_pending (
    pkey bigint NOT NULL,
    at timestamptz NOT NULL,
    id uuid NOT NULL,
    leaf_hash bytea NOT NULL,
    PRIMARY KEY (pkey, at, id)
);
COMMENT ON TABLE audit_pending IS
    'Leaves that the sealer has not numbered yet: `causeway audit seal` moves them into the Merkle log. Not partitioned: it empties itself';
COMMENT ON COLUMN audit_pending.pkey IS 'As in audit_event, with at, id and leaf_hash';

-- Who makes the partitions must own the tables; causeway_hub may only ask for it here. ATTACH
-- takes a lock that lets inserts go on, which CREATE TABLE ... PARTITION OF does not.
CREATE FUNCTION audit_make_partition(parent text, month timestamptz) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, public
SET timezone = 'UTC'
AS $function$
DECLARE
    child text := parent || to_char(month, '_YYYY_MM');
BEGIN
    IF to_regclass('public.' || child) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', child, parent);
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, child, month, month + interval '1 month');
    RETURN true;
END
$function$;
COMMENT ON FUNCTION audit_make_partition IS 'One month of one table; false when it is there. For audit_make_partitions only';
REVOKE ALL ON FUNCTION audit_make_partition FROM PUBLIC;

CREATE FUNCTION audit_partitions_end() RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, public
SET timezone = 'UTC'
AS $function$
    SELECT min(last_month) + interval '1 month'
    FROM (
        SELECT coalesce(max(to_timestamp(right(child.relname, 7), 'YYYY_MM')), '-infinity')
            AS last_month
        FROM (VALUES ('public.audit_event'), ('public.audit_search')) AS parent (name)
        LEFT JOIN pg_inherits ON inhparent = to_regclass(parent.name)
        LEFT JOIN pg_class child ON child.oid = inhrelid
        GROUP BY parent.name
    ) AS months
$function$;
COMMENT ON FUNCTION audit_partitions_end IS
    'The instant from which audit rows have no partition; readyz warns 14 days before';
REVOKE ALL ON FUNCTION audit_partitions_end FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_partitions_end TO causeway_hub, causeway_seal;

CREATE FUNCTION audit_make_partitions() RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public
SET timezone = 'UTC'
AS $function$
DECLARE
    this_month timestamptz := date_trunc('month', now());
    ahead integer;
    made integer := 0;
BEGIN
    IF audit_partitions_end() >= this_month + interval '4 months' THEN
        RETURN 0;
    END IF;
    -- One maker at a time; inserts and reads go on.
    LOCK TABLE audit_event, audit_search IN SHARE UPDATE EXCLUSIVE MODE;
    -- From last month on: a hub's clock may be a little behind the database's.
    FOR ahead IN -1..3 LOOP
        made := made
            + audit_make_partition('audit_event', this_month + make_interval(months => ahead))::integer
            + audit_make_partition('audit_search', this_month + make_interval(months => ahead))::integer;
    END LOOP;
    RETURN made;
END
$function$;
COMMENT ON FUNCTION audit_make_partitions IS
    'Makes the missing partitions up to three months ahead and says how many; called by `causeway migrate` and by each hub daily';
REVOKE ALL ON FUNCTION audit_make_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_make_partitions TO causeway_hub;

SELECT audit_make_partitions();

GRANT SELECT, INSERT ON audit_event, audit_search TO causeway_hub;
GRANT INSERT ON audit_pending TO causeway_hub;
GRANT SELECT, DELETE ON audit_pending TO causeway_seal;
GRANT SELECT ON audit_event TO causeway_seal;
