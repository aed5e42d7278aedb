-- The limit for mpi_pix: the identifier, its person with every record, the policies, the audit row,
-- commit durably. One round trip, the fewest statements that do it.
\set n random(0, :asked - 1)
\startpipeline
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT p.*, r.authorities, r.identifiers, r.states, r.member_id
FROM bench_asked a
JOIN mpi_identifier i ON i.ikey = a.ikey AND i.authority = a.authority AND i.id = a.id
JOIN mpi_person p ON p.pkey = i.person_pkey AND p.person_id = i.person_id
CROSS JOIN LATERAL unnest(p.place_pkeys, p.place_records) AS w (pkey, record_id)
JOIN mpi_record r ON r.pkey = w.pkey AND r.record_id = w.record_id
WHERE a.n = :n;
SELECT s.effect, s.version, c.*
FROM consent_default s
LEFT JOIN (bench_asked a
    JOIN consent_policy c ON c.pkey = a.pkey AND c.person_id = a.person_id AND c.until IS NULL)
ON a.n = :n
WHERE s.until IS NULL;
WITH made AS (
    SELECT :n::bigint AS pkey, now() AS at, gen_random_uuid() AS id, decode(repeat('a5', 32), 'hex') AS leaf_hash
), event AS (
    INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
    SELECT pkey, at, id, leaf_hash, decode(repeat('a5', :record_bytes), 'hex') FROM made
), search AS (
    INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome, member_id,
                              person_id, patient, record_key)
    SELECT pkey, at, id, id, 'ITI-9', '110112', 'E', 0, 1, :n, 'P' || :n,
           decode(repeat('a5', 73), 'hex')
    FROM made
)
INSERT INTO audit_pending (pkey, at, id, leaf_hash) SELECT pkey, at, id, leaf_hash FROM made;
COMMIT;
\endpipeline
