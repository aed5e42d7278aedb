-- For auditors: what else the log is searched by; saved searches; investigation files; reviews of
-- emergency access; and detection: whom the rules know, what they found, how far they have read.

-- Every request pays for its row, so what is indexed is what is rare or asked for by name: rows
-- without a person's name, in the everyday purpose, or that succeeded, enter no index of these.
ALTER TABLE audit_search
    ADD COLUMN user_id text COLLATE "C",
    ADD COLUMN role text COLLATE "C",
    ADD COLUMN purpose text COLLATE "C",
    ADD COLUMN documents bigint[];
COMMENT ON COLUMN audit_search.user_id IS
    'Who asked, as proven: alias<user@issuer>, or the operator''s login name; NULL: a member''s machine. At most 400 bytes: the record has all of it';
COMMENT ON COLUMN audit_search.role IS 'Code of the role, as the assertion said it; "system" for a machine, "operator" for a command';
COMMENT ON COLUMN audit_search.purpose IS 'Code of the purpose of use';
COMMENT ON COLUMN audit_search.documents IS
    'Documents of the record, each the first 8 bytes, big-endian, of SHA-256 of its uniqueId; NULL: none';
CREATE INDEX audit_search_user ON audit_search (user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_search_purpose ON audit_search (purpose, at, id)
    WHERE purpose NOT IN ('TREAT', 'TREATMENT', 'NORM');
CREATE INDEX audit_search_failed ON audit_search (at, id) WHERE outcome <> 0;
-- A short pending list: merging it is one request's work, and every search reads it.
CREATE INDEX audit_search_documents ON audit_search USING gin (documents)
    WITH (gin_pending_list_limit = 256) WHERE documents IS NOT NULL;
-- The queue of `causeway audit review`: emergency access, by its purpose or by its event.
CREATE INDEX audit_search_emergency ON audit_search (at, id)
    WHERE purpose IN ('BTG', 'ETREAT', 'EMERGENCY', 'EMER') OR event = '110127';

-- reference table
CREATE TABLE audit_saved (
    name text COLLATE "C" PRIMARY KEY,
    options text[] NOT NULL,
    saved_at timestamptz NOT NULL,
    saved_by text NOT NULL
);
COMMENT ON TABLE audit_saved IS 'Searches of the log that auditors named: `causeway audit search --saved NAME`';
COMMENT ON COLUMN audit_saved.options IS 'Name and value of each option, one after the other, as they were given';
COMMENT ON COLUMN audit_saved.saved_by IS 'The operator''s login name';
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_saved TO causeway_hub;

-- distribution: case_name
CREATE TABLE audit_case_entry (
    case_name text COLLATE "C" NOT NULL,
    seq integer NOT NULL,
    at timestamptz NOT NULL,
    by_user text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('open', 'note', 'assign', 'record', 'alert', 'close', 'reopen')),
    text text NOT NULL,
    record_pkey bigint,
    record_at timestamptz,
    record_id uuid,
    akey bigint,
    PRIMARY KEY (case_name, seq)
);
COMMENT ON TABLE audit_case_entry IS
    'Investigation files, entry by entry: a file is what its entries say. Never updated, never deleted';
COMMENT ON COLUMN audit_case_entry.seq IS 'From 1, the opening; without gaps';
COMMENT ON COLUMN audit_case_entry.by_user IS 'The operator''s login name';
COMMENT ON COLUMN audit_case_entry.text IS
    'open: what is investigated; assign: to whom; close: the finding; else a note';
COMMENT ON COLUMN audit_case_entry.record_pkey IS 'kind record: audit_event, with record_at and record_id';
COMMENT ON COLUMN audit_case_entry.akey IS 'kind alert: audit_alert';
GRANT SELECT, INSERT ON audit_case_entry TO causeway_hub;

-- distribution: pkey
CREATE TABLE audit_review (
    pkey bigint NOT NULL,
    at timestamptz NOT NULL,
    id uuid NOT NULL,
    seq integer NOT NULL,
    reviewed_at timestamptz NOT NULL,
    by_user text NOT NULL,
    finding text NOT NULL CHECK (finding IN ('justified', 'unjustified')),
    note text NOT NULL,
    PRIMARY KEY (pkey, at, id, seq)
);
COMMENT ON TABLE audit_review IS
    'What reviewers found of emergency accesses; a later finding stands above an earlier one. Never updated, never deleted';
COMMENT ON COLUMN audit_review.pkey IS 'The access: audit_event, with at and id';
COMMENT ON COLUMN audit_review.by_user IS 'The operator''s login name';
GRANT SELECT, INSERT ON audit_review TO causeway_hub;

-- reference table
CREATE TABLE audit_recipient (
    member_id bigint PRIMARY KEY REFERENCES member (member_id),
    name text NOT NULL,
    address text NOT NULL
);
COMMENT ON TABLE audit_recipient IS
    'Name and postal address of a member, as an accounting of disclosures tells them (45 CFR 164.528(b)(2)(ii))';
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_recipient TO causeway_hub;

-- reference table
CREATE TABLE audit_staff (
    user_id text COLLATE "C" PRIMARY KEY,
    organization text NOT NULL,
    role text NOT NULL,
    family text NOT NULL,
    given text NOT NULL,
    birth_date text NOT NULL,
    street text NOT NULL,
    city text NOT NULL,
    postcode text NOT NULL,
    hours text NOT NULL,
    loaded_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_staff IS
    'Who works where, as the members'' personnel offices say: `causeway audit staff load`. For the detection rules alone';
COMMENT ON COLUMN audit_staff.user_id IS 'As audit_search.user_id, or the part of it before @ or between < and >';
COMMENT ON COLUMN audit_staff.organization IS 'OID of the organization (member.organization) or the member''s name';
COMMENT ON COLUMN audit_staff.role IS 'physician, nurse, pharmacist, clerk, billing, researcher, administrator, or another word';
COMMENT ON COLUMN audit_staff.birth_date IS 'YYYY-MM-DD, or empty';
COMMENT ON COLUMN audit_staff.hours IS '"mon-fri 07:00-19:00", in the watcher''s time zone; empty: any time';
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_staff TO causeway_hub;

-- reference table
CREATE TABLE audit_vip (
    patient text COLLATE "C" PRIMARY KEY,
    reason text NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL
);
COMMENT ON TABLE audit_vip IS 'Patients whose every access is looked at: public figures, employees, whoever asked for it';
COMMENT ON COLUMN audit_vip.patient IS 'An identifier, CX; whose it is now is asked of the index each time';
GRANT SELECT, INSERT, DELETE ON audit_vip TO causeway_hub;

-- reference table
CREATE TABLE audit_watch (
    name text PRIMARY KEY,
    next_leaf bigint NOT NULL,
    ticked_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_watch IS
    'How far detection has read the log. Its row is the lock: one process at a time holds it while it reads a batch';
COMMENT ON COLUMN audit_watch.next_leaf IS 'audit_leaf.leaf of the next record';
COMMENT ON COLUMN audit_watch.ticked_at IS 'By the records'' times: until when users'' days have been judged';
INSERT INTO audit_watch (name, next_leaf, ticked_at) VALUES ('detection', 0, '-infinity');
GRANT SELECT, UPDATE ON audit_watch TO causeway_hub;

-- distribution: user_id
CREATE TABLE audit_user_day (
    user_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    role text NOT NULL,
    patients integer NOT NULL,
    queries integer NOT NULL,
    retrievals integer NOT NULL,
    PRIMARY KEY (user_id, day)
);
COMMENT ON TABLE audit_user_day IS 'What each user did on each day (UTC): peers are compared by it, and silence is seen';
COMMENT ON COLUMN audit_user_day.role IS 'From audit_staff, else as the last record of the day said it';
COMMENT ON COLUMN audit_user_day.patients IS 'Different patients whose data was asked for';
CREATE INDEX audit_user_day_day ON audit_user_day (day);
GRANT SELECT, INSERT, UPDATE ON audit_user_day TO causeway_hub;

-- distribution: akey
CREATE TABLE audit_alert (
    akey bigint PRIMARY KEY,
    rule text NOT NULL,
    at timestamptz NOT NULL,
    raised_at timestamptz NOT NULL,
    user_id text COLLATE "C",
    member_id bigint,
    pkey bigint,
    person_id bigint,
    why text NOT NULL,
    record_pkeys bigint[] NOT NULL,
    record_ats timestamptz[] NOT NULL,
    record_ids uuid[] NOT NULL
);
COMMENT ON TABLE audit_alert IS
    'What the detection rules found: one row a rule, user, patient and day. Never updated, never deleted';
COMMENT ON COLUMN audit_alert.akey IS
    'First 8 bytes, big-endian, of SHA-256 of what makes it one alert: rule, user or member, patient, day';
COMMENT ON COLUMN audit_alert.rule IS 'As `causeway audit alerts rules` lists them';
COMMENT ON COLUMN audit_alert.at IS 'Of the first record behind it';
COMMENT ON COLUMN audit_alert.pkey IS 'The patient (with person_id); NULL: none, or several';
COMMENT ON COLUMN audit_alert.why IS 'For the auditor, in words';
COMMENT ON COLUMN audit_alert.record_pkeys IS 'The records behind it: audit_event, with record_ats and record_ids; at most 50';
CREATE INDEX audit_alert_time ON audit_alert (at, akey);
CREATE INDEX audit_alert_no_care ON audit_alert (pkey, person_id, member_id) WHERE rule = 'no-care';
GRANT SELECT, INSERT ON audit_alert TO causeway_hub;

-- distribution: akey
CREATE TABLE audit_alert_event (
    akey bigint NOT NULL REFERENCES audit_alert (akey),
    seq integer NOT NULL,
    at timestamptz NOT NULL,
    by_user text NOT NULL,
    state text NOT NULL CHECK (state IN ('closed', 'explained', 'reopened')),
    note text NOT NULL,
    PRIMARY KEY (akey, seq)
);
COMMENT ON TABLE audit_alert_event IS
    'What became of an alert: the last event is its state; without one it is open. Never updated, never deleted';
COMMENT ON COLUMN audit_alert_event.by_user IS 'The operator''s login name; empty: the detection itself';
COMMENT ON COLUMN audit_alert_event.state IS 'explained: a care relationship came to light afterwards';
GRANT SELECT, INSERT ON audit_alert_event TO causeway_hub;
