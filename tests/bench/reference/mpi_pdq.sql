-- The limit for mpi_pdq: all rows under the birth date, up to 400 under each block key that the record
-- has, then the person with every record, the policies, the audit row, commit durably. One round
-- trip, the fewest statements that do it; nothing here compares or ranks.
\set n random(0, :asked - 1)
\startpipeline
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT s.sort, s.pkey, s.record_id
FROM bench_asked a JOIN mpi_search s ON s.skey = a.skey
WHERE a.n = :n LIMIT 1001;
SELECT b.*
FROM bench_asked a, unnest(a.bkeys) k
CROSS JOIN LATERAL (SELECT * FROM mpi_block_key w WHERE w.bkey = k LIMIT 401) b
WHERE a.n = :n;
SELECT p.*, r.*
FROM bench_asked a
JOIN mpi_person p ON p.pkey = a.pkey AND p.person_id = a.person_id
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
    SELECT pkey, at, id, id, 'ITI-21', '110112', 'E', 0, 1, :n, 'P' || :n,
           decode(repeat('a5', 73), 'hex')
    FROM made
)
INSERT INTO audit_pending (pkey, at, id, leaf_hash) SELECT pkey, at, id, leaf_hash FROM made;
COMMIT;
\endpipeline
