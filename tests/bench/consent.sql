-- Three policies for each of :persons patients, as a region's patients leave them: a general permit, a
-- denial of what is sensitive but for one clinic, and a permit for a hospital for a year.
--
--   psql -v persons=1000000 -f consent.sql
\set ON_ERROR_STOP on
SET synchronous_commit = off;

INSERT INTO consent_policy (pkey, person_id, policy_id, version, effect, valid_from, valid_until, rules, since,
                            recorded_by)
SELECT n, n, md5('policy' || n || '.' || kind)::uuid, 1, effect, valid_from, valid_from + interval '1 year', rules,
       now(), 'bench'
  FROM generate_series(1, :persons) AS n,
       (VALUES
           (1, 'permit', NULL::timestamptz, NULL),
           (2, 'deny', NULL,
            '{"effect":"deny","when":[{"is":"label","any":[["SUD",""],["HIV",""],["PSY",""]]}],"overridable":true,'
            '"except":[{"effect":"permit","when":[{"is":"organization","any":[["1.3.6.1.4.1.21367.13.7",""]]},'
            '{"is":"purpose","any":[["TREAT","2.16.840.1.113883.5.8"]]}],"obligations":["no-redisclosure"]}]}'),
           (3, 'permit', timestamptz '2026-01-01',
            '{"effect":"permit","when":[{"is":"member","any":[["lakeside",""]]},'
            '{"is":"role","any":[["112247003","2.16.840.1.113883.6.96"]]}]}')) AS p (kind, effect, valid_from, rules);

INSERT INTO consent_epoch (pkey, person_id, epoch)
SELECT n, n, 1
  FROM generate_series(1, :persons) AS n;
VACUUM ANALYZE consent_policy, consent_epoch;
