-- A registry of :documents entries of :patients patients, made in the database itself: what the hub
-- would have written for as many submissions of five documents, without the hub. Keys and indexes are
-- taken off and made again at the end.
--
--   psql -v documents=10000000 -v patients=200000 -v authority=OID -v xad=OID -v member=1 -f registry.sql
--
-- Patient n is 'P<n>' of :authority; its XAD-PID is the UUID md5('xad' || n). Submission set s is of
-- patient s * 7919 % :patients, so that a patient's documents lie scattered, as years leave them. One
-- document in ten is deprecated, and one in a hundred the second version of the one before.
\set ON_ERROR_STOP on
\pset pager off
SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';
SET work_mem = '256MB';

CREATE FUNCTION pg_temp.look_up_key(id text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT ('x' || left(encode(sha256(convert_to(id, 'UTF8')), 'hex'), 16))::bit(64)::bigint $$;

CREATE TEMPORARY TABLE taken_off AS
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS off,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS again
  FROM pg_constraint
 WHERE contype = 'p'
   AND conrelid::regclass::text IN ('xds_document_entry', 'xds_submission_set', 'xds_association', 'uid_claim',
                                    'uid_entry', 'mpi_identifier', 'mpi_person', 'mpi_link', 'mpi_record');
INSERT INTO taken_off
SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
  FROM pg_index
 WHERE NOT indisprimary
   AND indrelid::regclass::text IN ('xds_document_entry', 'xds_submission_set', 'xds_association', 'uid_claim',
                                    'uid_entry', 'mpi_identifier', 'mpi_person', 'mpi_link', 'mpi_record');
SELECT off FROM taken_off \gexec

-- --- patients ------------------------------------------------------------------------------------

CREATE TEMPORARY TABLE patient AS
SELECT n, n + 1000 AS pkey, n + 500000000 AS record_id, md5('xad' || n)::uuid::text AS xad_pid
  FROM generate_series(0, :patients - 1) AS n;

INSERT INTO mpi_identifier (ikey, authority, id, pkey, record_id, person_pkey, person_id, member_id, state)
SELECT pg_temp.look_up_key(authority || '|' || id), authority, id, pkey, record_id, pkey, record_id, :member, 1
  FROM patient, LATERAL (VALUES (:'authority', 'P' || n), (:'xad', xad_pid)) AS of (authority, id);

INSERT INTO mpi_person (pkey, person_id, place_pkeys, place_records, xad_pid, constituent_pkeys, constituent_ids,
                        created_at, changed_at)
SELECT pkey, record_id, ARRAY[pkey], ARRAY[record_id], xad_pid, ARRAY[pkey], ARRAY[record_id], now(), now()
  FROM patient;

INSERT INTO mpi_link (pkey, record_id, version, person_pkey, person_id, since, reason, decided_by)
SELECT pkey, record_id, 1, pkey, record_id, now(), 'new', 'bench' FROM patient;

INSERT INTO mpi_record (pkey, record_id, version, member_id, anchor, event, at, request, authorities, identifiers,
                        states, said_at)
SELECT pkey, record_id, 1, :member, false, 'A04', now(), gen_random_uuid(), ARRAY[:'authority', :'xad'],
       ARRAY['P' || n, xad_pid], ARRAY[1, 1]::smallint[], now()
  FROM patient;

-- --- submissions ---------------------------------------------------------------------------------

CREATE TEMPORARY TABLE submission AS
SELECT s, md5('set' || s)::uuid AS entry_uuid, '1.3.6.1.4.1.21367.13.99.20.' || s AS unique_id,
       s * 7919 % :patients + 1000 AS pkey, s * 7919 % :patients + 500000000 AS record_id,
       s * 7919 % :patients AS patient, timestamptz '2020-01-01' + s * interval '1 second' AS at,
       md5('request' || s)::uuid AS request
  FROM generate_series(0::bigint, :documents / 5 - 1) AS s;

INSERT INTO xds_submission_set (
    pkey, record_id, entry_uuid, logical_id, version, status, limited, source_member, registered_at, request, author,
    content_type_code, source_id, submission_time, title, unique_id, code_names)
SELECT pkey, record_id, entry_uuid, entry_uuid, 1, 'approved', false, :member, at, request,
       ARRAY['0', 'authorPerson', NULL, '^Welby^Marcus^^^Dr^MD'], '34133-9^^2.16.840.1.113883.6.1',
       '1.3.6.1.4.1.21367.13.99.3', to_char(at, 'YYYYMMDDHH24MISS'), ARRAY[NULL, NULL, 'Submission'], unique_id,
       ARRAY['content_type_code/0', NULL, NULL, 'Summary']
  FROM submission;

CREATE TEMPORARY TABLE document AS
SELECT 5 * s + i AS n, md5('document' || 5 * s + i)::uuid AS entry_uuid,
       '1.3.6.1.4.1.21367.13.99.21.' || 5 * s + i AS unique_id, md5('member' || 5 * s + i)::uuid AS membership,
       s.entry_uuid AS of_set, pkey, record_id, patient, at, request
  FROM submission AS s, generate_series(0, 4) AS i;

INSERT INTO xds_document_entry (
    pkey, record_id, entry_uuid, logical_id, version, status, limited, source_member, registered_at, request, author,
    class_code, confidentiality_code, creation_time, event_code, format_code, hash, healthcare_facility_type_code,
    language_code, mime_type, object_type, practice_setting_code, reference_id, repository_unique_id,
    service_start_time, service_stop_time, size, source_patient_id, title, type_code, unique_id, code_names)
SELECT pkey, record_id, entry_uuid, CASE WHEN n % 100 = 1 THEN md5('document' || n - 1)::uuid ELSE entry_uuid END,
       CASE WHEN n % 100 = 1 THEN 2 ELSE 1 END, CASE WHEN n % 10 = 0 THEN 'deprecated' ELSE 'approved' END, false,
       :member, at, request,
       ARRAY['0', 'authorPerson', NULL, '^Welby^Marcus^^^Dr^MD',
             '0', 'authorInstitution', NULL, 'Bellevue General^^^^^^^^^1.3.6.1.4.1.21367.13.99.4'],
       'C' || n % 20 || '^^2.16.840.1.113883.6.1', ARRAY['N^^2.16.840.1.113883.5.25'], to_char(at, 'YYYYMMDDHH24MISS'),
       CASE WHEN n % 4 = 0 THEN ARRAY['E' || n % 100 || '^^2.16.840.1.113883.6.4'] END,
       'urn:hl7-org:sdwg:ccda-structuredBody:2.1^^1.3.6.1.4.1.19376.1.2.3', md5('hash' || n) || left(md5(n::text), 8),
       '22232009^^2.16.840.1.113883.6.96', 'en-US', 'text/xml', 'urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1',
       '394802001^^2.16.840.1.113883.6.96',
       CASE WHEN n % 5 = 0 THEN ARRAY['R' || n || '^^^&1.3.6.1.4.1.21367.13.99.30&ISO^urn:ihe:iti:xds:2013:accession'] END,
       '1.3.6.1.4.1.21367.13.99.2', to_char(at, 'YYYYMMDDHH24MI'), to_char(at + interval '1 hour', 'YYYYMMDDHH24MI'),
       (1000 + n % 90000)::text, 'P' || patient || '^^^&' || :'authority' || '&ISO', ARRAY[NULL, NULL, 'Document ' || n],
       'T' || n % 50 || '^^2.16.840.1.113883.6.1', unique_id,
       ARRAY['class_code/0', NULL, NULL, 'Summary', 'confidentiality_code/0', NULL, NULL, 'Normal',
             'format_code/0', NULL, NULL, 'C-CDA', 'healthcare_facility_type_code/0', NULL, NULL, 'Hospital',
             'practice_setting_code/0', NULL, NULL, 'Medicine', 'type_code/0', NULL, NULL, 'Note']
  FROM document;

INSERT INTO xds_association (
    pkey, record_id, entry_uuid, logical_id, version, status, limited, source_member, registered_at, request,
    association_type, set_status, source_uuid, source_kind, source_pkey, source_record, target_uuid, target_kind,
    target_pkey, target_record)
SELECT pkey, record_id, membership, membership, 1, 'approved', false, :member, at, request,
       'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember', 'Original', of_set, 'set', pkey, record_id,
       entry_uuid, 'document', pkey, record_id
  FROM document;

-- --- look-ups ------------------------------------------------------------------------------------

INSERT INTO uid_claim (ukey, id, kind, entry_uuid, hash, size, claimed_at, request)
SELECT pg_temp.look_up_key(id), id, kind, entry_uuid, hash, size, at, request
  FROM (
    SELECT entry_uuid::text AS id, 'document' AS kind, entry_uuid, NULL AS hash, NULL AS size, at, request
      FROM document
    UNION ALL
    SELECT unique_id, 'document', entry_uuid, md5('hash' || n) || left(md5(n::text), 8), (1000 + n % 90000)::text, at,
           request
      FROM document
    UNION ALL
    SELECT membership::text, 'association', membership, NULL, NULL, at, request FROM document
    UNION ALL
    SELECT entry_uuid::text, 'set', entry_uuid, NULL, NULL, at, request FROM submission
    UNION ALL
    SELECT unique_id, 'set', entry_uuid, NULL, NULL, at, request FROM submission
  ) AS claimed;

INSERT INTO uid_entry (ukey, id, entry_uuid, kind, pkey, record_id)
SELECT pg_temp.look_up_key(id), id, entry_uuid, kind, pkey, record_id
  FROM (
    SELECT entry_uuid::text AS id, entry_uuid, 'document' AS kind, pkey, record_id FROM document
    UNION ALL
    SELECT unique_id, entry_uuid, 'document', pkey, record_id FROM document
    UNION ALL
    SELECT membership::text, membership, 'association', pkey, record_id FROM document
    UNION ALL
    SELECT entry_uuid::text, entry_uuid, 'set', pkey, record_id FROM submission
    UNION ALL
    SELECT unique_id, entry_uuid, 'set', pkey, record_id FROM submission
  ) AS registered;

SELECT again FROM taken_off ORDER BY again NOT LIKE '%PRIMARY KEY%' \gexec
VACUUM ANALYZE;
