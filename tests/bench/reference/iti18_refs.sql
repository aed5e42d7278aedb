-- The limit for iti18_refs: as iti18.sql, but the ids of the documents alone: find them, read the policies, write the audit
-- row, commit durably. One round trip, the fewest statements that do it; nothing here is the hub's SQL.
\set n random(0, :patients - 1) * :stride
\startpipeline
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT p.xad_pid, d.entry_uuid, d.source_member
FROM mpi_identifier i
JOIN mpi_person p ON p.pkey = i.person_pkey AND p.person_id = i.person_id
JOIN xds_document_entry d
  ON d.pkey = ANY (p.place_pkeys) AND d.record_id = ANY (p.place_records) AND d.status = 'approved'
WHERE i.ikey = ('x' || left(encode(sha256(convert_to(:authority || '|P' || :n, 'UTF8')), 'hex'), 16))::bit(64)::bigint
  AND i.authority = :authority AND i.id = 'P' || :n;
SELECT s.effect, s.version, c.policy_id, c.version, c.effect, c.member_id, c.valid_from, c.valid_until
FROM consent_default s
LEFT JOIN (
    mpi_identifier i
    JOIN consent_policy c ON c.pkey = i.person_pkey AND c.person_id = i.person_id AND c.until IS NULL
) ON i.ikey = ('x' || left(encode(sha256(convert_to(:authority || '|P' || :n, 'UTF8')), 'hex'), 16))::bit(64)::bigint
  AND i.authority = :authority AND i.id = 'P' || :n
WHERE s.until IS NULL;
WITH made AS (
    SELECT :n::bigint AS pkey, now() AS at, gen_random_uuid() AS id, decode(repeat('a5', 32), 'hex') AS leaf_hash
), event AS (
    INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
    SELECT pkey, at, id, leaf_hash, decode(repeat('a5', :record_bytes), 'hex') FROM made
), search AS (
    INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome, member_id,
                              person_id, patient, record_key)
    SELECT pkey, at, id, id, 'ITI-18', '110112', 'E', 0, 1, :n, 'P' || :n || '^^^&' || :authority || '&ISO',
           decode(repeat('a5', 73), 'hex')
    FROM made
)
INSERT INTO audit_pending (pkey, at, id, leaf_hash) SELECT pkey, at, id, leaf_hash FROM made;
COMMIT;
\endpipeline
