-- What is remembered of other communities is taken away once it has outlived its use.

-- reference table
CREATE TABLE community_chore (
    name   text        NOT NULL PRIMARY KEY,
    due_at timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE community_chore IS
    'What hubs do about other communities by themselves, one hub at a time: who does it holds the lock on its row';
COMMENT ON COLUMN community_chore.name IS 'prune: takes away what is out of date (gateway/prune.h)';
COMMENT ON COLUMN community_chore.due_at IS 'Nobody needs to do it before';
INSERT INTO community_chore (name) VALUES ('prune');
GRANT SELECT ON community_chore TO causeway_hub;
GRANT UPDATE (due_at) ON community_chore TO causeway_hub;

CREATE INDEX community_correlation_expiry ON community_correlation (expires_at);
CREATE INDEX community_patient_expiry ON community_patient (expires_at);
CREATE INDEX community_document_age ON community_document (seen_at);
