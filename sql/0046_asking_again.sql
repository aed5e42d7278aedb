-- Asking communities again who a patient is there, before what they said runs out, where the operator wants it.

ALTER TABLE community_correlation
    ADD COLUMN used_at  timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN again_at timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN community_correlation.used_at IS
    'When somebody last asked about the person here, to the day; nobody is asked about for ever';
COMMENT ON COLUMN community_correlation.again_at IS
    'The hub asks again by itself at this time at the earliest: it has just tried';

ALTER TABLE community_chore ADD COLUMN owner uuid;
COMMENT ON TABLE community_chore IS
    'What hubs do about other communities by themselves, one hub at a time: who does it holds the lock on its row, or, where it waits for answers, is its owner until due_at';
COMMENT ON COLUMN community_chore.name IS
    'prune: takes away what is out of date (gateway/prune.h); rediscover: asks again (gateway/rediscover.h)';
COMMENT ON COLUMN community_chore.owner IS 'The hub that is at it, a number of its own; NULL: none is';
INSERT INTO community_chore (name) VALUES ('rediscover');
GRANT UPDATE (owner) ON community_chore TO causeway_hub;
