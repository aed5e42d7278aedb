-- The index live: what stewards do and undo, the golden record, and decisions with their inputs.

ALTER TABLE mpi_record ADD COLUMN said_at timestamptz;
-- across places: all rows there are, once
UPDATE mpi_record SET said_at = at;
ALTER TABLE mpi_record ALTER COLUMN said_at SET NOT NULL;
COMMENT ON COLUMN mpi_record.said_at IS
    'When its source last sent demographics: at, but for versions that only retired or restored an identifier, which keep the former one''s';
COMMENT ON COLUMN mpi_record.event IS
    'What made this version: A01, A04, A05, A08, ... as fed; A40, merge, unmerge (identifiers only); anchor';

ALTER TABLE mpi_block_key
    ADD COLUMN fine bigint NOT NULL DEFAULT 0,
    ADD COLUMN person_pkey bigint,
    ADD COLUMN person_id bigint;
-- across places: all rows there are, once
UPDATE mpi_block_key b
   SET person_pkey = l.person_pkey,
       person_id = l.person_id
  FROM mpi_link l
 WHERE l.pkey = b.pkey
   AND l.record_id = b.record_id
   AND l.until IS NULL;
ALTER TABLE mpi_block_key
    ALTER COLUMN person_pkey SET NOT NULL,
    ALTER COLUMN person_id SET NOT NULL;
ALTER TABLE mpi_block_key DROP CONSTRAINT mpi_block_key_pkey;
ALTER TABLE mpi_block_key ADD PRIMARY KEY (bkey, fine, pkey, record_id);
COMMENT ON COLUMN mpi_block_key.fine IS
    'The same property narrowed by a second one (mpi/core/block.h): what is searched where bkey is crowded';
COMMENT ON COLUMN mpi_block_key.person_pkey IS
    'The person that the record is linked to now, written together with mpi_link; person_id with it';
GRANT UPDATE (person_pkey, person_id, rule, member_id) ON mpi_block_key TO causeway_hub;

-- distribution: bkey
CREATE TABLE mpi_block_crowded (
    bkey  bigint      NOT NULL PRIMARY KEY,
    since timestamptz NOT NULL
);
COMMENT ON TABLE mpi_block_crowded IS
    'Keys that too many records share: they are searched with their refinement, never left out';
COMMENT ON COLUMN mpi_block_crowded.bkey IS 'As mpi_block_key.bkey';
COMMENT ON COLUMN mpi_block_crowded.since IS 'When a search first found it so';
GRANT SELECT, INSERT ON mpi_block_crowded TO causeway_hub;

ALTER TABLE mpi_merge_log DROP CONSTRAINT mpi_merge_log_kind_check;
ALTER TABLE mpi_merge_log ADD CONSTRAINT mpi_merge_log_kind_check
    CHECK (kind IN ('local', 'xad', 'steward', 'link', 'unlink', 'algorithm'));
CREATE INDEX mpi_merge_log_id ON mpi_merge_log (merge_id);
COMMENT ON TABLE mpi_merge_log IS
    'Every move of records between persons with the rows as they were before it: enough to undo it exactly';
COMMENT ON COLUMN mpi_merge_log.pkey IS 'Place of the person that received records; person_id with it';
COMMENT ON COLUMN mpi_merge_log.kind IS
    'local: A40 under a member''s own authority, one record moves; xad: A40 on XAD-PIDs, a whole person; steward: a whole person by hand; link, unlink: one record by hand; algorithm: a record that was alone came to match another person';
COMMENT ON COLUMN mpi_merge_log.before IS
    '{"persons", "links", "identifiers", "xads", "tasks": each row that changed, all columns, as it was; "records": the versions that retired an identifier; "no_links": the pairs that came with it}';

CREATE INDEX mpi_task_id ON mpi_task (task_id);
CREATE INDEX mpi_task_other ON mpi_task (other_pkey, other_record) WHERE state <> 'closed';
COMMENT ON COLUMN mpi_task.resolution IS
    'linked, kept_apart, corrected, dismissed, or the id of the merge that settled it';

-- distribution: pkey
CREATE TABLE mpi_golden (
    pkey         bigint      NOT NULL,
    person_id    bigint      NOT NULL,
    demographics jsonb       NOT NULL,
    sources      jsonb       NOT NULL,
    built_at     timestamptz NOT NULL,
    PRIMARY KEY (pkey, person_id)
);
COMMENT ON TABLE mpi_golden IS
    'What is believed of a person, field by field from the linked records (mpi/golden.h): made again whenever a link or a record changes, never edited. None for a person that was merged away';
COMMENT ON COLUMN mpi_golden.pkey IS 'Place of the person''s row; person_id with it';
COMMENT ON COLUMN mpi_golden.demographics IS 'As mpi_record.demographics; lists have the best value in front';
COMMENT ON COLUMN mpi_golden.sources IS
    'By field: {pkey, record, rule} of the record that it is from; rule: only, agreed, trust, completeness, recency, order';
COMMENT ON COLUMN mpi_golden.built_at IS 'When it was last made';
GRANT SELECT, INSERT, UPDATE, DELETE ON mpi_golden TO causeway_hub;

ALTER TABLE mpi_decision ADD COLUMN inputs jsonb NOT NULL DEFAULT '{}';
CREATE INDEX mpi_decision_id ON mpi_decision (decision_id);
COMMENT ON COLUMN mpi_decision.inputs IS
    'What the core was told beside the record and the candidates: XAD-PID, blocks left out, whom a human keeps it with or apart from; with these a replay gives the same';
