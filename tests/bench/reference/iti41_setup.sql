-- The limit for iti41: the rows of one submission of one document, in one prepared statement. What
-- is looked up, checked or locked before is left out; nothing here is the hub's SQL. $1 is a number
-- that is used once.
PREPARE submission (bigint) AS
WITH made AS MATERIALIZED (
    SELECT gen_random_uuid() AS document, gen_random_uuid() AS set, gen_random_uuid() AS member,
           gen_random_uuid() AS request, gen_random_uuid() AS audit, now() AS at, $1 % 20 + 1 AS pkey
), object AS (
    SELECT m.document::text AS id, 'document' AS kind, m.document AS entry, NULL AS hash, NULL AS size
    FROM made m
    UNION ALL
    SELECT '1.3.6.1.4.1.21367.13.99.9.' || $1, 'document', m.document, repeat('a5', 20), '100000'
    FROM made m
    UNION ALL
    SELECT m.set::text, 'set', m.set, NULL, NULL FROM made m
    UNION ALL
    SELECT '1.3.6.1.4.1.21367.13.99.10.' || $1, 'set', m.set, NULL, NULL FROM made m
    UNION ALL
    SELECT m.member::text, 'association', m.member, NULL, NULL FROM made m
), keyed AS MATERIALIZED (
    SELECT ('x' || left(encode(sha256(convert_to(id, 'UTF8')), 'hex'), 16))::bit(64)::bigint AS ukey,
           id, kind, entry, hash, size
    FROM object
), claim AS (
    INSERT INTO uid_claim (ukey, id, kind, entry_uuid, hash, size, claimed_at, request)
    SELECT k.ukey, k.id, k.kind, k.entry, k.hash, k.size, m.at, m.request FROM keyed k, made m
), place AS (
    INSERT INTO uid_entry (ukey, id, entry_uuid, kind, pkey, record_id)
    SELECT k.ukey, k.id, k.entry, k.kind, m.pkey, m.pkey FROM keyed k, made m
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
           'urn:hl7-org:sdwg:ccda-structuredBody:2.1^^1.3.6.1.4.1.19376.1.2.3', repeat('a5', 20),
           '22232009^^2.16.840.1.113883.6.96', 'en-US', 'text/xml',
           'urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1', '394802001^^2.16.840.1.113883.6.96',
           '1.3.6.1.4.1.21367.13.99.2', '202611011200', '202611011300', '100000',
           'P1^^^&1.3.6.1.4.1.21367.13.99.10&ISO',
           ARRAY['PID-3|P1^^^&1.3.6.1.4.1.21367.13.99.10&ISO', 'PID-5|Nilsson^Agneta',
                 'PID-7|19510203', 'PID-8|F'],
           ARRAY[NULL, NULL, 'Continuity of Care Document'], '34133-9^^2.16.840.1.113883.6.1',
           '1.3.6.1.4.1.21367.13.99.9.' || $1,
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
           ARRAY[NULL, NULL, 'Submission'], '1.3.6.1.4.1.21367.13.99.10.' || $1,
           ARRAY['content_type_code/0', NULL, NULL, 'Summary']
    FROM made m
), association AS (
    INSERT INTO xds_association
        (pkey, record_id, entry_uuid, logical_id, version, status, limited, source_member,
         registered_at, request, association_type, set_status, source_uuid, source_kind, source_pkey,
         source_record, target_uuid, target_kind, target_pkey, target_record)
    SELECT m.pkey, m.pkey, m.member, m.member, 1, 'approved', false, 1, m.at, m.request,
           'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember', 'Original', m.set, 'set',
           m.pkey, m.pkey, m.document, 'document', m.pkey, m.pkey
    FROM made m
), blob AS (
    INSERT INTO xds_blob (pkey, entry_uuid, blob_id, store, wrapped_key, size, sha1, sha256, stored_at)
    SELECT m.pkey, m.document, m.request, 'fs', decode(repeat('a5', 72), 'hex'), 100000,
           decode(repeat('a5', 20), 'hex'), decode(repeat('a5', 32), 'hex'), m.at
    FROM made m
), event AS (
    INSERT INTO audit_event (pkey, at, id, leaf_hash, record)
    SELECT m.pkey, m.at, m.audit, decode(repeat('a5', 32), 'hex'), decode(repeat('a5', 600), 'hex')
    FROM made m
), search AS (
    INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome, member_id,
                              person_id, patient, record_key)
    SELECT m.pkey, m.at, m.audit, m.request, 'ITI-41', '110107', 'C', 0, 1, m.pkey,
           'X' || m.pkey || '^^^&1.3.6.1.4.1.21367.13.99.1&ISO', decode(repeat('a5', 73), 'hex')
    FROM made m
)
INSERT INTO audit_pending (pkey, at, id, leaf_hash)
SELECT m.pkey, m.at, m.audit, decode(repeat('a5', 32), 'hex') FROM made m;
