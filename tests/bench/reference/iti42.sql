-- The limit for iti42: one document's metadata with its submission set. Lock the patient's
-- identifier, find whose it is, claim the ids and read who has them, write the rows and the audit
-- row, commit durably. Two round trips, the fewest statements that do it; nothing here is the hub's
-- SQL. (pgbench takes a colon before a word for a variable, in literals too: they have dots.)
\set n random(0, :patients - 1) * :stride
\set number random(1, 9000000000000000000)
\startpipeline
BEGIN;
SELECT stripe FROM mpi_lock WHERE stripe = :n % 65536 FOR UPDATE;
SELECT i.pkey, i.record_id, i.person_pkey, i.person_id, x.status
FROM mpi_identifier i LEFT JOIN mpi_xad x ON x.ikey = i.ikey AND x.xad_pid = i.id
WHERE i.ikey = ('x' || left(encode(sha256(convert_to(:authority::text || '|P' || :n::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint
  AND i.authority = :authority::text AND i.id = 'P' || :n::text;
WITH object AS (
    SELECT k.id, k.kind, gen_random_uuid() AS entry
    FROM (VALUES ('5', 'document'), ('6', 'set'), ('7', 'document'), ('8', 'set'), ('9', 'association')) AS k (id, kind)
)
INSERT INTO uid_claim (ukey, id, kind, entry_uuid, hash, size, claimed_at, request)
SELECT ('x' || left(encode(sha256(convert_to(o.id || '.' || :number::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint,
       o.id || '.' || :number::text, o.kind, o.entry, repeat('a5', 20), '1000', now(), o.entry
FROM object o
ORDER BY 1, 2
ON CONFLICT DO NOTHING;
SELECT id, kind, request, hash, size FROM uid_claim
WHERE (ukey, id) IN (
    SELECT ('x' || left(encode(sha256(convert_to(k || '.' || :number::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint,
           k || '.' || :number::text
    FROM generate_series(5, 9) AS g (k));
\endpipeline
\startpipeline
WITH made AS MATERIALIZED (
    SELECT gen_random_uuid() AS document, gen_random_uuid() AS set, gen_random_uuid() AS member,
           gen_random_uuid() AS request, gen_random_uuid() AS audit, now() AS at, :n::bigint + 1 AS pkey
), place AS (
    INSERT INTO uid_entry (ukey, id, entry_uuid, kind, pkey, record_id)
    SELECT ('x' || left(encode(sha256(convert_to(k.id || '.' || :number::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint,
           k.id || '.' || :number::text, m.document, k.kind, m.pkey, m.pkey
    FROM made m, (VALUES ('5', 'document'), ('6', 'set'), ('7', 'document'), ('8', 'set'), ('9', 'association')) AS k (id, kind)
), document AS (
    INSERT INTO xds_document_entry
        (pkey, record_id, entry_uuid, logical_id, version, status, limited, source_member,
         registered_at, request, author, class_code, confidentiality_code, creation_time, format_code,
         hash, healthcare_facility_type_code, language_code, mime_type, object_type,
         practice_setting_code, repository_unique_id, service_start_time, service_stop_time, size,
         source_patient_id, source_patient_info, title, type_code, unique_id, code_names)
    SELECT m.pkey, m.pkey, m.document, m.document, 1, 'approved', false, 1, m.at, m.request,
           ARRAY['0', 'authorPerson', NULL, '^Welby^Marcus^^^Dr^MD', '0', 'authorInstitution', NULL,
                 'Bellevue General^^^^^^^^^1.3.6.1.4.1.21367.13.99.4'],
           '34133-9^^2.16.840.1.113883.6.1', ARRAY['N^^2.16.840.1.113883.5.25'], '202611011200',
           'urn.hl7-org.sdwg.ccda-structuredBody.2.1^^1.3.6.1.4.1.19376.1.2.3', repeat('a5', 20),
           '22232009^^2.16.840.1.113883.6.96', 'en-US', 'text/xml',
           'urn.uuid.7edca82f-054d-47f2-a032-9b2a5b5186c1', '394802001^^2.16.840.1.113883.6.96',
           '1.3.6.1.4.1.21367.13.99.2', '202611011200', '202611011300', '1000',
           'P1^^^&1.3.6.1.4.1.21367.13.99.10&ISO',
           ARRAY['PID-3|P1^^^&1.3.6.1.4.1.21367.13.99.10&ISO', 'PID-5|Nilsson^Agneta',
                 'PID-7|19510203', 'PID-8|F'],
           ARRAY[NULL, NULL, 'Continuity of Care Document'], '34133-9^^2.16.840.1.113883.6.1',
           '1.3.6.1.4.1.21367.13.99.9.' || :number::text,
           ARRAY['class_code/0', NULL, NULL, 'Summary', 'confidentiality_code/0', NULL, NULL, 'Normal',
                 'format_code/0', NULL, NULL, 'C-CDA', 'healthcare_facility_type_code/0', NULL, NULL,
                 'Hospital', 'practice_setting_code/0', NULL, NULL, 'Medicine', 'type_code/0', NULL,
                 NULL, 'CCD']
    FROM made m
), submission_set AS (
    INSERT INTO xds_submission_set
        (pkey, record_id, entry_uuid, logical_id, version, status, limited, source_member,
         registered_at, request, author, content_type_code, source_id, submission_time, title,
         unique_id, code_names)
    SELECT m.pkey, m.pkey, m.set, m.set, 1, 'approved', false, 1, m.at, m.request,
           ARRAY['0', 'authorPerson', NULL, '^Welby^Marcus^^^Dr^MD', '0', 'authorInstitution', NULL,
                 'Bellevue General^^^^^^^^^1.3.6.1.4.1.21367.13.99.4'],
           '34133-9^^2.16.840.1.113883.6.1', '1.3.6.1.4.1.21367.13.99.3', '20261122150000',
           ARRAY[NULL, NULL, 'Submission'], '1.3.6.1.4.1.21367.13.99.10.' || :number::text,
           ARRAY['content_type_code/0', NULL, NULL, 'Summary']
    FROM made m
), association AS (
    INSERT INTO xds_association
        (pkey, record_id, entry_uuid, logical_id, version, status, limited, source_member,
         registered_at, request, association_type, set_status, source_uuid, source_kind, source_pkey,
         source_record, target_uuid, target_kind, target_pkey, target_record)
    SELECT m.pkey, m.pkey, m.member, m.member, 1, 'approved', false, 1, m.at, m.request,
           'urn.oasis.names.tc.ebxml-regrep.AssociationType.HasMember', 'Original', m.set, 'set',
           m.pkey, m.pkey, m.document, 'document', m.pkey, m.pkey
    FROM made m
), event AS (
    INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
    SELECT m.pkey, m.at, m.audit, decode(repeat('a5', 32), 'hex'), decode(repeat('a5', 600), 'hex')
    FROM made m
), search AS (
    INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome, member_id,
                              person_id, patient, record_key)
    SELECT m.pkey, m.at, m.audit, m.request, 'ITI-42', '110107', 'C', 0, 1, m.pkey,
           'P' || :n::text || '^^^&' || :authority::text || '&ISO', decode(repeat('a5', 73), 'hex')
    FROM made m
)
INSERT INTO audit_pending (pkey, at, id, leaf_hash)
SELECT m.pkey, m.at, m.audit, decode(repeat('a5', 32), 'hex') FROM made m;
COMMIT;
\endpipeline
