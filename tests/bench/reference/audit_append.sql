-- The limit for audit_append: the same rows in one round trip, committed durably; nothing is encrypted
-- or hashed here.
\set n random(1, 9000000000000000000)
\startpipeline
BEGIN ISOLATION LEVEL REPEATABLE READ;
WITH made AS (
    SELECT :n::bigint AS pkey, now() AS at, gen_random_uuid() AS id, decode(repeat('a5', 32), 'hex') AS leaf_hash
), event AS (
    INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
    SELECT pkey, at, id, leaf_hash, decode(repeat('a5', :record_bytes), 'hex') FROM made
), search AS (
    INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome, member_id,
                              person_id, patient, record_key, role, purpose)
    SELECT pkey, at, id, id, 'ITI-18', '110112', 'E', 0, 1, pkey,
           '8c5d3a52-9c1e-4d0e-8a53-2d1f0c6b7a90^^^&1.3.6.1.4.1.21367.2026.20&ISO', decode(repeat('a5', 73), 'hex'),
           'system', 'TREAT'
    FROM made
)
INSERT INTO audit_pending (pkey, at, id, leaf_hash) SELECT pkey, at, id, leaf_hash FROM made;
COMMIT;
\endpipeline
