-- The limit for mpi_feed: a new record of a known person. Its locks, the search under all its keys
-- (crowded ones with their refinement), the person's records, and every row that the feed writes:
-- record, link, identifier, keys, decision, golden record, the message and its audit row; durably.
-- One round trip, the fewest statements; scoring is left out; nothing is the hub's SQL.
\set n random(1, :sample)
\set unique random(1, 1000000000000)
\startpipeline
BEGIN;
SELECT authority FROM mpi_identifier WHERE ikey = :unique;
SELECT stripe FROM mpi_lock
WHERE stripe IN (SELECT ((k >> 48) & 65535)::int FROM bench_feed f, unnest(f.keys) AS k WHERE f.n = :n)
ORDER BY stripe
FOR UPDATE;
SELECT b.pkey, b.record_id, b.version, b.member_id, b.person_pkey, b.person_id, b.packed
FROM bench_feed f, unnest(f.keys, f.fines) AS k (bkey, fine)
JOIN mpi_block_key b ON b.bkey = k.bkey
 AND (b.fine = k.fine OR NOT EXISTS (SELECT FROM mpi_block_crowded c WHERE c.bkey = k.bkey))
WHERE f.n = :n;
SELECT p.place_pkeys, r.demographics, r.packed
FROM mpi_person p
JOIN mpi_record r ON r.pkey = ANY (p.place_pkeys) AND r.record_id = ANY (p.place_records)
WHERE p.pkey = :n AND p.person_id = :n
FOR UPDATE OF p;
WITH made AS MATERIALIZED (
    SELECT :n::bigint AS pkey, nextval('mpi_record_seq') AS record_id, gen_random_uuid() AS id, now() AS at
), record AS (
    INSERT INTO mpi_record (pkey, record_id, version, member_id, anchor, event, at, request, authorities,
                            identifiers, states, demographics, packed, said_at)
    SELECT m.pkey, m.record_id, 1, 1, false, 'A01', m.at, m.id, ARRAY['1.2.3'], ARRAY[:unique::text],
           ARRAY[1]::smallint[], f.demographics, f.packed, m.at
    FROM made m, bench_feed f WHERE f.n = :n
), link AS (
    INSERT INTO mpi_link (pkey, record_id, version, person_pkey, person_id, since, reason, decided_by)
    SELECT pkey, record_id, 1, pkey, pkey, at, 'demographics', 'algorithm' FROM made
), identifier AS (
    INSERT INTO mpi_identifier (ikey, authority, id, pkey, record_id, person_pkey, person_id, member_id, state)
    SELECT :unique, '1.2.3', record_id::text, pkey, record_id, pkey, pkey, 1, 1 FROM made
), keys AS (
    INSERT INTO mpi_block_key (bkey, fine, pkey, record_id, version, rule, member_id, packed, person_pkey,
                               person_id)
    SELECT DISTINCT k.bkey, k.fine, m.pkey, m.record_id, 1, 1, 1, f.packed, m.pkey, m.pkey
    FROM made m, bench_feed f, unnest(f.keys, f.fines) AS k (bkey, fine) WHERE f.n = :n
), decision AS (
    INSERT INTO mpi_decision (pkey, decision_id, record_id, version, at, request, model_hash, outcome,
                              person_pkey, person_id, reasons, candidates, truncated)
    SELECT pkey, id, record_id, 1, at, id, decode(repeat('a5', 32), 'hex'), 'link', pkey, pkey,
           ARRAY['match'], jsonb_build_array(jsonb_build_object('pkey', pkey, 'record', record_id,
           'version', 1, 'member', 1, 'person_pkey', pkey, 'person', pkey, 'facts', 0, 'weight',
           23.456789, 'vector', '111111000000000', 'guards', '[]'::jsonb)), false
    FROM made
), person AS (
    UPDATE mpi_person p
    SET place_pkeys = (place_pkeys || m.pkey)[1:2], place_records = (place_records || m.record_id)[1:2],
        link_epoch = link_epoch + 1
    FROM made m WHERE p.pkey = :n AND p.person_id = :n AND p.merged_id IS NULL
), golden AS (
    UPDATE mpi_golden g SET demographics = f.demographics, built_at = now()
    FROM bench_feed f WHERE f.n = :n AND g.pkey = :n AND g.person_id = :n
), message AS (
    INSERT INTO hl7_message (mkey, sha256, attempt, message_id, member_id, application, facility,
                             control_id, type, received_at, answer, message, ack)
    SELECT :unique, decode(repeat('a5', 32), 'hex'), 1, id, 1, 'BENCH', 'BENCH', :unique::text,
           'ADT^A01', at, 'AA', decode(repeat('a5', 500), 'hex'), decode(repeat('a5', 200), 'hex')
    FROM made
), event AS (
    INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
    SELECT pkey, at, id, decode(repeat('a5', 32), 'hex'), decode(repeat('a5', 900), 'hex') FROM made
), search AS (
    INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome, member_id,
                              person_id, patient, record_key)
    SELECT pkey, at, id, id, 'ITI-8', '110110', 'C', 0, 1, pkey, 'R' || pkey || '^^^&1.2.3&ISO',
           decode(repeat('a5', 73), 'hex')
    FROM made
), pending AS (
    INSERT INTO audit_pending (pkey, at, id, leaf_hash)
    SELECT pkey, at, id, decode(repeat('a5', 32), 'hex') FROM made
)
SELECT record_id FROM made;
COMMIT;
\endpipeline
