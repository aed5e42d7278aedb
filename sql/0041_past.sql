-- What past decisions rested on and was not kept: suspensions that ended, members that were
-- communities once, and persons as they were before an unmerge (`causeway consent decide --as-of`).

-- reference table
CREATE TABLE member_suspension (
    member_id bigint      NOT NULL REFERENCES member (member_id),
    since     timestamptz NOT NULL,
    until     timestamptz,
    PRIMARY KEY (member_id, since)
);
CREATE UNIQUE INDEX member_suspension_current
    ON member_suspension (member_id)
    WHERE until IS NULL;
COMMENT ON TABLE member_suspension IS
    'When each member was suspended; written together with member.suspended_at. Those that ended before this table was made are not in it';
COMMENT ON COLUMN member_suspension.since IS 'First instant of it';
COMMENT ON COLUMN member_suspension.until IS 'First instant at which it was admitted again; NULL: it is suspended';
INSERT INTO member_suspension (member_id, since)
SELECT member_id, suspended_at
  FROM member
 WHERE suspended_at IS NOT NULL;
GRANT SELECT, INSERT ON member_suspension TO causeway_hub;
GRANT UPDATE (until) ON member_suspension TO causeway_hub;

-- reference table
CREATE TABLE community_past (
    member_id  bigint      NOT NULL REFERENCES member (member_id),
    home       text        NOT NULL,
    added_at   timestamptz NOT NULL,
    removed_at timestamptz NOT NULL,
    PRIMARY KEY (member_id, added_at)
);
COMMENT ON TABLE community_past IS
    'Members that were communities, and are none any more: agreements of the whole region did not bind them then';
COMMENT ON COLUMN community_past.home IS 'As community.home was';
COMMENT ON COLUMN community_past.added_at IS 'As community.added_at was';
COMMENT ON COLUMN community_past.removed_at IS 'First instant at which it was none any more';
GRANT SELECT, INSERT ON community_past TO causeway_hub;

ALTER TABLE mpi_merge_log ADD COLUMN undone_before jsonb;
COMMENT ON COLUMN mpi_merge_log.undone_before IS
    'The two persons'' rows as they were before the unmerge, all columns; NULL: it holds, or an earlier hub took it back';
GRANT UPDATE (undone_before) ON mpi_merge_log TO causeway_hub;
