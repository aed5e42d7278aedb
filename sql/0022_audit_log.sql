-- The Merkle log over the audit records (RFC 6962 hashing, checkpoints as C2SP has them).
-- `causeway audit seal` moves what waits in audit_pending into audit_leaf, in gap-free numbers, and
-- advances the tree in the same transaction; audit_head is the lock. Whatever follows the log
-- (syslog, detection) is a cursor over audit_leaf.leaf: leaves commit in the order of their numbers.

-- reference table
CREATE TABLE audit_origin (
    origin_id smallint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    first_leaf bigint NOT NULL,
    parent text COLLATE "C",
    begun timestamptz NOT NULL,
    CHECK ((origin_id = 1) = (parent IS NULL))
);
COMMENT ON TABLE audit_origin IS
    'The trees of the log. There is one, and one more for each restore from a backup: its first leaf is the last checkpoint of the tree before that members hold';
COMMENT ON COLUMN audit_origin.name IS 'Origin line of its checkpoints (C2SP tlog-checkpoint)';
COMMENT ON COLUMN audit_origin.first_leaf IS
    'audit_leaf.leaf of its first leaf: the index in the tree is leaf - first_leaf';
COMMENT ON COLUMN audit_origin.parent IS
    'The signed note that is its first leaf, byte for byte; NULL for the first origin';

-- reference table
CREATE TABLE audit_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    origin_id smallint REFERENCES audit_origin (origin_id),
    size bigint NOT NULL CHECK (size >= 0),
    frontier bytea NOT NULL CHECK (octet_length(frontier) % 32 = 0),
    sealed timestamptz
);
COMMENT ON TABLE audit_head IS
    'One row: where the log ends. Its row lock orders the sealers, so two of them cannot fork the tree';
COMMENT ON COLUMN audit_head.origin_id IS 'The tree that grows; NULL until the first sealer runs';
COMMENT ON COLUMN audit_head.size IS 'Leaves of that tree';
COMMENT ON COLUMN audit_head.frontier IS
    'Roots of its complete subtrees from left to right, 32 bytes each: one for each bit set in size';
COMMENT ON COLUMN audit_head.sealed IS 'When the last leaf was added, by the database''s clock';
INSERT INTO audit_head (size, frontier) VALUES (0, '');

-- distribution: leaf
CREATE TABLE audit_leaf (
    leaf bigint PRIMARY KEY,
    pkey bigint NOT NULL,
    at timestamptz NOT NULL,
    id uuid NOT NULL,
    leaf_hash bytea NOT NULL
);
COMMENT ON TABLE audit_leaf IS
    'The order of the log. Rows stay when their record is erased or its month archived: the hash is what proofs are made of';
COMMENT ON COLUMN audit_leaf.leaf IS 'From 0, without gaps, over all origins';
COMMENT ON COLUMN audit_leaf.pkey IS
    'Of the audit_event row, with at and id; the first leaf of a later origin has no such row';
CREATE INDEX audit_leaf_id ON audit_leaf (id);

-- distribution: node
CREATE TABLE audit_node (
    origin_id smallint NOT NULL,
    level smallint NOT NULL CHECK (level BETWEEN 1 AND 7),
    node bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (origin_id, level, node)
);
COMMENT ON TABLE audit_node IS
    'Roots of complete subtrees of 256, 65536, ... leaves: what lets a proof read a few hundred rows of a log of any size';
COMMENT ON COLUMN audit_node.level IS 'The subtree has 256 to the power of level leaves';
COMMENT ON COLUMN audit_node.node IS
    'Its number in its level, from the left: it covers the leaves from node * 256^level of its tree';

-- distribution: size
CREATE TABLE audit_checkpoint (
    origin_id smallint NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (origin_id, size)
);
COMMENT ON TABLE audit_checkpoint IS
    'What the log has signed. The sealer thins them out: of those older than two days one an hour stays, and each that a member cosigned';
COMMENT ON COLUMN audit_checkpoint.note IS
    'Signed note (C2SP signed-note, tlog-checkpoint): origin, size, root, and the log''s Ed25519 signature';
COMMENT ON COLUMN audit_checkpoint.at IS 'When it was signed, by the sealer''s clock';
CREATE INDEX audit_checkpoint_at ON audit_checkpoint (at);

-- reference table
CREATE TABLE member_cosigner (
    member_id bigint NOT NULL REFERENCES member (member_id),
    name text NOT NULL UNIQUE,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    added timestamptz NOT NULL,
    PRIMARY KEY (member_id, name)
);
COMMENT ON TABLE member_cosigner IS
    'Keys by which members say that a checkpoint agrees with those they saw before (C2SP tlog-cosignature)';
COMMENT ON COLUMN member_cosigner.name IS 'Key name on the signature line';
COMMENT ON COLUMN member_cosigner.public_key IS 'Ed25519 (RFC 8032)';

-- distribution: size
CREATE TABLE audit_cosignature (
    origin_id smallint NOT NULL,
    size bigint NOT NULL,
    name text NOT NULL,
    member_id bigint NOT NULL,
    line text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (origin_id, size, name)
);
COMMENT ON TABLE audit_cosignature IS 'Members'' cosignatures of checkpoints, verified when they came';
COMMENT ON COLUMN audit_cosignature.line IS
    'The signature line of the note, from its em dash, without the newline';
COMMENT ON COLUMN audit_cosignature.at IS 'When the member says that it signed (its own clock)';

-- distribution: pkey
CREATE TABLE audit_erasure (
    pkey bigint NOT NULL,
    at timestamptz NOT NULL,
    id uuid NOT NULL,
    warrant_pkey bigint NOT NULL,
    warrant_at timestamptz NOT NULL,
    warrant_id uuid NOT NULL,
    PRIMARY KEY (pkey, at, id)
);
COMMENT ON TABLE audit_erasure IS
    'Records whose key was destroyed: their leaf stands, nobody can read them any more';
COMMENT ON COLUMN audit_erasure.warrant_id IS
    'The audit record that says who erased it and why (with warrant_pkey and warrant_at): an erasure without one is tampering';

-- reference table
CREATE TABLE audit_archive (
    month date PRIMARY KEY,
    file text NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    records bigint NOT NULL,
    first_leaf bigint NOT NULL,
    last_leaf bigint NOT NULL,
    archived timestamptz NOT NULL,
    keep_until date NOT NULL,
    online boolean NOT NULL
);
COMMENT ON TABLE audit_archive IS
    'Months of the log that were written to a file, checked there, and taken out of the database';
COMMENT ON COLUMN audit_archive.month IS 'Its first day (UTC)';
COMMENT ON COLUMN audit_archive.file IS 'Where it was written; the file may have been moved since';
COMMENT ON COLUMN audit_archive.sha256 IS 'SHA-256 of the whole file';
COMMENT ON COLUMN audit_archive.first_leaf IS 'Of the month''s records, with last_leaf';
COMMENT ON COLUMN audit_archive.keep_until IS
    'The file must be kept until then (audit_retention_years of the configuration)';
COMMENT ON COLUMN audit_archive.online IS 'Restored: its records are in the database again';

-- The queue empties itself; what it leaves behind must go as fast, or each look walks over it.
ALTER TABLE audit_pending SET (autovacuum_vacuum_scale_factor = 0,
                               autovacuum_vacuum_threshold = 20000,
                               autovacuum_vacuum_cost_delay = 0);

GRANT SELECT, INSERT ON audit_origin, audit_leaf, audit_node TO causeway_seal;
GRANT SELECT, UPDATE ON audit_head TO causeway_seal;
GRANT SELECT, INSERT, DELETE ON audit_checkpoint TO causeway_seal;
GRANT SELECT ON audit_cosignature TO causeway_seal;
GRANT SELECT ON audit_origin, audit_head, audit_leaf, audit_node, audit_checkpoint, audit_erasure,
    audit_archive, audit_pending TO causeway_hub;
GRANT SELECT, INSERT ON audit_cosignature TO causeway_hub;
GRANT SELECT, INSERT, DELETE ON member_cosigner TO causeway_hub;
