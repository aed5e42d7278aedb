-- :records audit records of the last twelve months, made in the database itself: what auditors search by is as
-- the hub writes it; the encrypted record is 64 bytes that nobody can read, so that many fit. Keys and indexes
-- are taken off and made again at the end.
--
--   psql -v records=100000000 -f audit_records.sql
--
-- Record n is of patient 'P<n * 7919 % patients>' (one for fifty records), every second of user 'dr<n % 5000>',
-- every fourth names document '1.2.3.<n>', every fiftieth failed, and its request is the UUID md5('r' || n).
\set ON_ERROR_STOP on
\pset pager off
SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';

SELECT audit_make_partition(t, m) FROM unnest(ARRAY['audit_event', 'audit_search']) AS t,
       generate_series(date_trunc('month', now()) - interval '13 months', date_trunc('month', now()), '1 month') AS m;

CREATE TEMPORARY TABLE taken_off AS
SELECT format('DROP INDEX %s', indexrelid::regclass) AS off, 
       replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') AS again
  FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
 WHERE NOT indisprimary AND indrelid = 'audit_search'::regclass;
SELECT off FROM taken_off \gexec

CREATE TEMPORARY TABLE made AS SELECT :records / 50 + 1 AS patients, now() - interval '360 days' AS begin,
       interval '359 days' / :records AS step;

INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome, member_id, person_id, patient,
                          record_key, user_id, role, purpose, documents)
SELECT n * 7919 % patients + 1000, begin + n * step, md5('a' || n)::uuid, md5('r' || n)::uuid,
       CASE WHEN n % 4 = 0 THEN 'ITI-43' ELSE 'ITI-18' END, CASE WHEN n % 4 = 0 THEN '110106' ELSE '110112' END,
       'E', CASE WHEN n % 50 = 0 THEN 8 ELSE 0 END, n % 40 + 1, n * 7919 % patients + 500000000,
       'P' || n * 7919 % patients || '^^^&1.2.840.114350&ISO', decode(repeat('ab', 73), 'hex'),
       CASE WHEN n % 2 = 0 THEN 'dr' || n % 5000 END, CASE WHEN n % 2 = 0 THEN 'physician' ELSE 'system' END,
       CASE WHEN n % 10000 = 0 THEN 'BTG' ELSE 'TREAT' END,
       CASE WHEN n % 4 = 0 THEN ARRAY[('x' || left(encode(sha256(convert_to('1.2.3.' || n, 'UTF8')), 'hex'), 16))
                                      ::bit(64)::bigint] END
  FROM made, generate_series(0::bigint, :records - 1) AS n;

INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
SELECT n * 7919 % patients + 1000, begin + n * step, md5('a' || n)::uuid, decode(repeat('cd', 32), 'hex'),
       decode(repeat('ef', 64), 'hex')
  FROM made, generate_series(0::bigint, :records - 1) AS n;

SELECT again FROM taken_off \gexec
VACUUM ANALYZE audit_search, audit_event;
