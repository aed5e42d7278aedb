-- The limit for atna_receive: thirty messages in one transaction, each with its receipt, record,
-- search row and place in the sealer's queue. Nothing here is the hub's SQL.
WITH made AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, gen_random_uuid() AS request, now() AS at, random() AS r,
           sha256(convert_to(gen_random_uuid()::text || g, 'UTF8')) AS hash
    FROM generate_series(1, 30) AS g
), seen AS (
    INSERT INTO syslog_message (skey, sha256, first_id, first_at)
    SELECT ('x' || left(encode(hash, 'hex'), 16))::bit(64)::bigint, hash, id, at
    FROM made
    ON CONFLICT DO NOTHING
), event AS (
    INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
    SELECT (r * 1e15)::bigint, at, id, hash, convert_to(repeat('x', :record_bytes), 'UTF8')
    FROM made
), search AS (
    INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome, member_id, patient,
                              record_key, user_id, role)
    SELECT (r * 1e15)::bigint, at, id, request, 'ITI-20', '110107', 'E', 0, 1,
           'P' || (r * 1e9)::bigint || '^^^&1.2.3&ISO', repeat('k', 73)::bytea, 'user' || (r * 1000)::integer, 'system'
    FROM made
)
INSERT INTO audit_pending (pkey, at, id, leaf_hash)
SELECT (r * 1e15)::bigint, at, id, hash
FROM made;
