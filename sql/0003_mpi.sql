-- The master patient index: records that members feed, the people that the hub believes in, and
-- the links between them.
--
-- Every patient-bound row carries a place, pkey, which a record gets once and keeps. Identifiers,
-- XAD-PIDs and block keys are look-ups across persons, placed by a hash of their own. Nothing that
-- a decision rested on is changed or deleted: records and links are versioned.

CREATE SEQUENCE mpi_pkey_seq CACHE 16;
COMMENT ON SEQUENCE mpi_pkey_seq IS 'Places: the next pkey';
CREATE SEQUENCE mpi_record_seq CACHE 16;
COMMENT ON SEQUENCE mpi_record_seq IS 'The next record_id; unique over all places';
CREATE SEQUENCE mpi_person_seq CACHE 16;
COMMENT ON SEQUENCE mpi_person_seq IS 'The next person_id; unique over all places';

-- distribution: pkey
CREATE TABLE mpi_record (
    pkey         bigint      NOT NULL,
    record_id    bigint      NOT NULL,
    version      integer     NOT NULL CHECK (version > 0),
    member_id    bigint      NOT NULL,
    anchor       boolean     NOT NULL,
    event        text        NOT NULL,
    at           timestamptz NOT NULL,
    request      uuid        NOT NULL,
    authorities  text[]      NOT NULL,
    identifiers  text[]      NOT NULL,
    states       smallint[]  NOT NULL,
    demographics jsonb,
    packed       bytea,
    into_pkey    bigint,
    into_record  bigint,
    PRIMARY KEY (pkey, record_id, version),
    CHECK ((into_pkey IS NULL) = (into_record IS NULL)),
    CHECK (cardinality(authorities) = cardinality(identifiers)),
    CHECK (cardinality(authorities) = cardinality(states))
);
COMMENT ON TABLE mpi_record IS
    'One member''s demographics under its own identifier, in immutable versions: the highest is current. An anchor is the hub''s own record of a person, made with the XAD-PID, for documents that name no member''s record';
COMMENT ON COLUMN mpi_record.pkey IS
    'Place: the person''s when the record linked to one on arrival, else a new one; never changes';
COMMENT ON COLUMN mpi_record.record_id IS 'From mpi_record_seq; with pkey the place that documents carry';
COMMENT ON COLUMN mpi_record.version IS 'From 1, without gaps';
COMMENT ON COLUMN mpi_record.member_id IS 'member.member_id of its source; 0: the hub itself (anchors)';
COMMENT ON COLUMN mpi_record.anchor IS 'Carries the XAD-PID of a person and no demographics of a hospital';
COMMENT ON COLUMN mpi_record.event IS 'What made this version: A01, A04, A05, A08, A40, anchor, unmerge';
COMMENT ON COLUMN mpi_record.at IS 'When the hub received it';
COMMENT ON COLUMN mpi_record.request IS 'Id of the request that brought it, as in audit_search.request';
COMMENT ON COLUMN mpi_record.authorities IS 'OIDs of the assigning authorities of identifiers, in the same order';
COMMENT ON COLUMN mpi_record.identifiers IS 'Its identifiers (CX.1), the one that it was first fed under in front';
COMMENT ON COLUMN mpi_record.states IS 'As mpi_identifier.state, in the same order';
COMMENT ON COLUMN mpi_record.demographics IS
    'As received, in UTF-8: names, birth_date, sex, addresses, phones, ... (mpi/record.h); NULL in anchors';
COMMENT ON COLUMN mpi_record.packed IS
    'The normalised comparison fields (mpi/normalise.h, first byte is the form''s version); NULL in anchors';
COMMENT ON COLUMN mpi_record.into_pkey IS
    'The record that its source merged it into (ADT^A40 under the source''s own authority): it follows that one wherever it goes; NULL: none';
COMMENT ON COLUMN mpi_record.into_record IS 'record_id of that one';

-- distribution: pkey
CREATE TABLE mpi_person (
    pkey              bigint      NOT NULL,
    person_id         bigint      NOT NULL,
    place_pkeys       bigint[]    NOT NULL,
    place_records     bigint[]    NOT NULL,
    xad_pid           text        COLLATE "C",
    constituent_pkeys bigint[]    NOT NULL,
    constituent_ids   bigint[]    NOT NULL,
    merged_pkey       bigint,
    merged_id         bigint,
    link_epoch        bigint      NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL,
    PRIMARY KEY (pkey, person_id),
    CHECK (cardinality(place_pkeys) = cardinality(place_records)),
    CHECK (cardinality(constituent_pkeys) = cardinality(constituent_ids)),
    CHECK ((merged_pkey IS NULL) = (merged_id IS NULL)),
    CHECK (merged_id IS NULL OR cardinality(place_pkeys) = 0)
);
COMMENT ON TABLE mpi_person IS
    'The people that the index believes in. The row lists its records, written together with mpi_link, so that a query reads one row and then the documents';
COMMENT ON COLUMN mpi_person.pkey IS 'Place of the row: that of its first record; never changes';
COMMENT ON COLUMN mpi_person.person_id IS 'From mpi_person_seq';
COMMENT ON COLUMN mpi_person.place_pkeys IS 'pkey of every record that is linked now; the same links as mpi_link holds';
COMMENT ON COLUMN mpi_person.place_records IS 'record_id of each, in the same order';
COMMENT ON COLUMN mpi_person.xad_pid IS
    'The surviving XAD-PID: the id part, the authority is the region''s xad_authority; NULL while none was fed';
COMMENT ON COLUMN mpi_person.constituent_pkeys IS
    'Persons merged into this one, itself in front: consent is decided for each, the strictest wins';
COMMENT ON COLUMN mpi_person.constituent_ids IS 'person_id of each, in the same order';
COMMENT ON COLUMN mpi_person.merged_pkey IS 'The person that this one was merged into; NULL: none';
COMMENT ON COLUMN mpi_person.merged_id IS 'person_id of that one; it may have been merged on';
COMMENT ON COLUMN mpi_person.link_epoch IS
    'Goes up with every change of its links: with consent_epoch the key of what is cached about a person';
COMMENT ON COLUMN mpi_person.changed_at IS 'Last change of links or XAD-PID';

-- distribution: pkey
CREATE TABLE mpi_link (
    pkey        bigint      NOT NULL,
    record_id   bigint      NOT NULL,
    version     integer     NOT NULL CHECK (version > 0),
    person_pkey bigint      NOT NULL,
    person_id   bigint      NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz,
    reason      text        NOT NULL
        CHECK (reason IN ('new', 'anchor', 'identifier', 'demographics', 'merge', 'unmerge', 'steward')),
    decided_by  text        NOT NULL,
    decision_id uuid,
    PRIMARY KEY (pkey, record_id, version)
);
CREATE UNIQUE INDEX mpi_link_current ON mpi_link (pkey, record_id) WHERE until IS NULL;
COMMENT ON TABLE mpi_link IS
    'Which person a record belongs to, in versions; the one without until holds now. A record always has one';
COMMENT ON COLUMN mpi_link.pkey IS 'Place of the record';
COMMENT ON COLUMN mpi_link.version IS 'From 1, without gaps';
COMMENT ON COLUMN mpi_link.person_pkey IS 'Place of the person''s row; differs from pkey after a merge';
COMMENT ON COLUMN mpi_link.until IS 'When the next version took over; NULL: current';
COMMENT ON COLUMN mpi_link.reason IS 'How it came about: steward is a human''s word, which beats the algorithm for good';
COMMENT ON COLUMN mpi_link.decided_by IS 'algorithm, member:NAME (a merge by message) or the steward''s account';
COMMENT ON COLUMN mpi_link.decision_id IS 'mpi_decision of the same place, where the algorithm decided';

-- distribution: ikey
CREATE TABLE mpi_identifier (
    ikey        bigint   NOT NULL,
    authority   text     NOT NULL COLLATE "C",
    id          text     NOT NULL COLLATE "C",
    pkey        bigint   NOT NULL,
    record_id   bigint   NOT NULL,
    person_pkey bigint   NOT NULL,
    person_id   bigint   NOT NULL,
    member_id   bigint   NOT NULL,
    state       smallint NOT NULL CHECK (state IN (1, 2)),
    PRIMARY KEY (ikey, authority, id)
);
COMMENT ON TABLE mpi_identifier IS
    'Any patient identifier -> its record and that record''s person: the look-up in front of everything. XAD-PIDs are identifiers under the region''s xad_authority';
COMMENT ON COLUMN mpi_identifier.ikey IS
    'First 8 bytes, big-endian, of SHA-256 of authority, a vertical bar and id (UTF-8)';
COMMENT ON COLUMN mpi_identifier.authority IS 'OID of the assigning authority, dotted';
COMMENT ON COLUMN mpi_identifier.id IS 'The identifier (CX.1), compared byte by byte';
COMMENT ON COLUMN mpi_identifier.pkey IS 'Place of the record that carries it; record_id with it';
COMMENT ON COLUMN mpi_identifier.person_pkey IS
    'The person that the record is linked to now, written together with mpi_link; person_id with it';
COMMENT ON COLUMN mpi_identifier.member_id IS 'Member that feeds it; 0: issued by the hub';
COMMENT ON COLUMN mpi_identifier.state IS '1 active; 2 merged into another by ADT^A40: it stands for nobody any more';

-- distribution: ikey
CREATE TABLE mpi_xad (
    ikey          bigint      NOT NULL,
    xad_pid       text        NOT NULL COLLATE "C",
    person_pkey   bigint      NOT NULL,
    person_id     bigint      NOT NULL,
    status        text        NOT NULL CHECK (status IN ('active', 'subsumed')),
    subsumed_by   text        COLLATE "C",
    issued_at     timestamptz NOT NULL,
    subsumed_at   timestamptz,
    PRIMARY KEY (ikey, xad_pid),
    CHECK ((status = 'subsumed') = (subsumed_by IS NOT NULL)),
    CHECK ((status = 'subsumed') = (subsumed_at IS NOT NULL))
);
COMMENT ON TABLE mpi_xad IS
    'XAD-PIDs and their merges, an edge each: A into B, then B into C, is a chain (ITI TF-2 3.8.4.2.4). A subsumed one has no content; an unmerge revives it';
COMMENT ON COLUMN mpi_xad.ikey IS 'As mpi_identifier.ikey, of xad_authority and xad_pid';
COMMENT ON COLUMN mpi_xad.xad_pid IS 'The id part';
COMMENT ON COLUMN mpi_xad.person_pkey IS 'The person that it was issued for, whatever was merged since; person_id with it';
COMMENT ON COLUMN mpi_xad.subsumed_by IS 'XAD-PID into which it was merged, as named at that moment; NULL: active';

-- distribution: pkey
CREATE TABLE mpi_no_link (
    pkey           bigint      NOT NULL,
    record_id      bigint      NOT NULL,
    other_pkey     bigint      NOT NULL,
    other_record   bigint      NOT NULL,
    since          timestamptz NOT NULL,
    until          timestamptz,
    decided_by     text        NOT NULL,
    why            text        NOT NULL DEFAULT '',
    PRIMARY KEY (pkey, record_id, other_pkey, other_record, since)
);
COMMENT ON TABLE mpi_no_link IS
    'Two records that a steward keeps apart for good. Stored twice, once under each record''s place';
COMMENT ON COLUMN mpi_no_link.pkey IS 'Place of the one record';
COMMENT ON COLUMN mpi_no_link.other_pkey IS 'Place of the other';
COMMENT ON COLUMN mpi_no_link.until IS 'When the steward took it back; NULL: it holds';
COMMENT ON COLUMN mpi_no_link.decided_by IS 'The steward''s account';

-- distribution: bkey
CREATE TABLE mpi_block_key (
    bkey      bigint   NOT NULL,
    pkey      bigint   NOT NULL,
    record_id bigint   NOT NULL,
    version   integer  NOT NULL,
    rule      smallint NOT NULL,
    member_id bigint   NOT NULL,
    packed    bytea    NOT NULL,
    PRIMARY KEY (bkey, pkey, record_id)
);
COMMENT ON TABLE mpi_block_key IS
    'Candidates: which records share a hashed property (a rule of mpi/match.h and its value). Each row carries the comparison fields, so that scoring needs no second hop';
COMMENT ON COLUMN mpi_block_key.bkey IS
    'First 8 bytes, big-endian, of SHA-256 of the rule''s number and the normalised values';
COMMENT ON COLUMN mpi_block_key.pkey IS 'Place of the record; record_id with it';
COMMENT ON COLUMN mpi_block_key.version IS 'mpi_record.version that the fields are of: a replay reads the same';
COMMENT ON COLUMN mpi_block_key.rule IS 'Number of the blocking rule, for counts; part of the hash';
COMMENT ON COLUMN mpi_block_key.member_id IS 'Source of the record';
COMMENT ON COLUMN mpi_block_key.packed IS 'As mpi_record.packed';

-- distribution: pkey
CREATE TABLE mpi_decision (
    pkey        bigint      NOT NULL,
    decision_id uuid        NOT NULL,
    record_id   bigint      NOT NULL,
    version     integer     NOT NULL,
    at          timestamptz NOT NULL,
    request     uuid        NOT NULL,
    model_hash  bytea       NOT NULL CHECK (octet_length(model_hash) = 32),
    outcome     text        NOT NULL CHECK (outcome IN ('link', 'review', 'new')),
    person_pkey bigint,
    person_id   bigint,
    reasons     text[]      NOT NULL,
    candidates  jsonb       NOT NULL,
    truncated   boolean     NOT NULL,
    PRIMARY KEY (pkey, decision_id)
);
CREATE INDEX mpi_decision_record ON mpi_decision (pkey, record_id, version);
COMMENT ON TABLE mpi_decision IS
    'What the matching core decided about a version of a record, with the versions of everything it saw: it can be explained and replayed';
COMMENT ON COLUMN mpi_decision.decision_id IS 'UUIDv7';
COMMENT ON COLUMN mpi_decision.record_id IS 'The record, at this place, that was matched';
COMMENT ON COLUMN mpi_decision.version IS 'Its version';
COMMENT ON COLUMN mpi_decision.model_hash IS 'mpi_model.model_hash';
COMMENT ON COLUMN mpi_decision.person_pkey IS 'The person that it was linked to (link), or most resembles (review); NULL: none';
COMMENT ON COLUMN mpi_decision.reasons IS 'Codes of mpi/match.h, the deciding one first';
COMMENT ON COLUMN mpi_decision.candidates IS
    'Array of {pkey, record, version, person_pkey, person, weight, vector, reasons}, best first';
COMMENT ON COLUMN mpi_decision.truncated IS 'There were more candidates than the core looks at';

-- distribution: pkey
CREATE TABLE mpi_task (
    pkey              bigint      NOT NULL,
    task_id           uuid        NOT NULL,
    kind              text        NOT NULL
        CHECK (kind IN ('possible_duplicate', 'overlay', 'identifier_conflict', 'torn_association')),
    state             text        NOT NULL CHECK (state IN ('open', 'assigned', 'closed')),
    opened_at         timestamptz NOT NULL,
    record_id         bigint      NOT NULL,
    version           integer     NOT NULL,
    person_pkey       bigint      NOT NULL,
    person_id         bigint      NOT NULL,
    other_pkey        bigint,
    other_record      bigint,
    other_person_pkey bigint,
    other_person_id   bigint,
    decision_id       uuid,
    detail            jsonb       NOT NULL,
    assigned_to       text,
    closed_at         timestamptz,
    closed_by         text,
    resolution        text,
    PRIMARY KEY (pkey, task_id),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX mpi_task_open ON mpi_task (kind, opened_at) WHERE state <> 'closed';
CREATE INDEX mpi_task_record ON mpi_task (pkey, record_id) WHERE state <> 'closed';
COMMENT ON TABLE mpi_task IS 'What a steward should look at';
COMMENT ON COLUMN mpi_task.pkey IS 'Place of the record that it is about; record_id with it';
COMMENT ON COLUMN mpi_task.task_id IS 'UUIDv7: sorts by age';
COMMENT ON COLUMN mpi_task.kind IS
    'possible_duplicate: this record may be that person; overlay: a record stopped resembling its own past; identifier_conflict: a message named identifiers of different records; torn_association: documents of one association came apart';
COMMENT ON COLUMN mpi_task.person_pkey IS 'The person of the record when the task was opened; links say where it is now';
COMMENT ON COLUMN mpi_task.other_pkey IS 'Place of the other record, where there is one; other_record with it';
COMMENT ON COLUMN mpi_task.other_person_pkey IS 'The other person when the task was opened';
COMMENT ON COLUMN mpi_task.detail IS 'Reasons, and the fields that differ (their names, not their values)';
COMMENT ON COLUMN mpi_task.resolution IS 'What the steward decided: linked, kept_apart, corrected, ...';

-- reference table
CREATE TABLE mpi_model (
    model_hash   bytea       NOT NULL PRIMARY KEY CHECK (octet_length(model_hash) = 32),
    name         text        NOT NULL,
    content      text        NOT NULL,
    added_at     timestamptz NOT NULL,
    added_by     text        NOT NULL,
    activated_at timestamptz,
    activated_by text
);
COMMENT ON TABLE mpi_model IS
    'Parameters of the matching core. Never changed: the one activated last decides';
COMMENT ON COLUMN mpi_model.model_hash IS 'SHA-256 of content';
COMMENT ON COLUMN mpi_model.content IS 'The model file, byte by byte (JSON)';
COMMENT ON COLUMN mpi_model.activated_at IS 'NULL: never';

INSERT INTO mpi_model (model_hash, name, content, added_at, added_by, activated_at, activated_by)
SELECT sha256(convert_to(c.content, 'UTF8')), 'exact-1', c.content, now(), 'migration', now(), 'migration'
  FROM (VALUES ('{"model":"exact-1"}')) AS c (content);

-- distribution: pkey
CREATE TABLE mpi_merge_log (
    pkey          bigint      NOT NULL,
    merge_id      uuid        NOT NULL,
    person_id     bigint      NOT NULL,
    other_pkey    bigint      NOT NULL,
    other_id      bigint      NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('local', 'xad', 'steward')),
    at            timestamptz NOT NULL,
    request       uuid        NOT NULL,
    decided_by    text        NOT NULL,
    before        jsonb       NOT NULL,
    undone_at     timestamptz,
    undone_by     text,
    PRIMARY KEY (pkey, merge_id)
);
COMMENT ON TABLE mpi_merge_log IS
    'Every merge with the rows as they were before it: enough to undo it exactly';
COMMENT ON COLUMN mpi_merge_log.pkey IS 'Place of the surviving person; person_id with it';
COMMENT ON COLUMN mpi_merge_log.merge_id IS 'UUIDv7';
COMMENT ON COLUMN mpi_merge_log.other_pkey IS 'Place of the person that gave records away; other_id with it';
COMMENT ON COLUMN mpi_merge_log.kind IS
    'local: A40 under a member''s own authority, one record moves; xad: A40 on XAD-PIDs, a whole person; steward: by hand';
COMMENT ON COLUMN mpi_merge_log.decided_by IS 'member:NAME or the steward''s account';
COMMENT ON COLUMN mpi_merge_log.before IS
    '{"persons": [...], "links": [...], "identifiers": [...], "xads": [...]}: each row that changed, all columns, as it was';
COMMENT ON COLUMN mpi_merge_log.undone_at IS 'When an unmerge restored them; NULL: it holds';

-- distribution: stripe
CREATE TABLE mpi_lock (
    stripe integer NOT NULL PRIMARY KEY CHECK (stripe BETWEEN 0 AND 65535)
);
COMMENT ON TABLE mpi_lock IS
    'Locks for what has no row yet: SELECT ... FOR UPDATE of the stripe of an identifier or block key, ascending, one statement each, before the search. All 65,536 rows are there from the start and never change';
COMMENT ON COLUMN mpi_lock.stripe IS 'The topmost 16 bits of an ikey or bkey';

INSERT INTO mpi_lock (stripe)
SELECT n
  FROM generate_series(0, 65535) AS s (n);

GRANT USAGE ON SEQUENCE mpi_pkey_seq, mpi_record_seq, mpi_person_seq TO causeway_hub;
GRANT SELECT, INSERT ON mpi_record TO causeway_hub;
GRANT SELECT, INSERT ON mpi_person TO causeway_hub;
GRANT UPDATE (place_pkeys, place_records, xad_pid, constituent_pkeys, constituent_ids, merged_pkey,
    merged_id, link_epoch, changed_at) ON mpi_person TO causeway_hub;
GRANT SELECT, INSERT ON mpi_link TO causeway_hub;
GRANT UPDATE (until) ON mpi_link TO causeway_hub;
GRANT SELECT, INSERT ON mpi_identifier TO causeway_hub;
GRANT UPDATE (person_pkey, person_id, state) ON mpi_identifier TO causeway_hub;
GRANT SELECT, INSERT ON mpi_xad TO causeway_hub;
GRANT UPDATE (status, subsumed_by, subsumed_at) ON mpi_xad TO causeway_hub;
GRANT SELECT, INSERT ON mpi_no_link TO causeway_hub;
GRANT UPDATE (until) ON mpi_no_link TO causeway_hub;
GRANT SELECT, INSERT, DELETE ON mpi_block_key TO causeway_hub;
GRANT UPDATE (version, packed) ON mpi_block_key TO causeway_hub;
GRANT SELECT, INSERT ON mpi_decision TO causeway_hub;
GRANT SELECT, INSERT ON mpi_task TO causeway_hub;
GRANT UPDATE (state, assigned_to, closed_at, closed_by, resolution) ON mpi_task TO causeway_hub;
GRANT SELECT, INSERT ON mpi_model TO causeway_hub;
GRANT UPDATE (activated_at, activated_by) ON mpi_model TO causeway_hub;
GRANT SELECT, INSERT ON mpi_merge_log TO causeway_hub;
GRANT UPDATE (undone_at, undone_by) ON mpi_merge_log TO causeway_hub;
-- FOR UPDATE asks for the privilege; the rows themselves never change.
GRANT SELECT, UPDATE ON mpi_lock TO causeway_hub;
