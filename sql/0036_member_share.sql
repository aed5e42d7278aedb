-- What one member may have of the hub, beside the others: its weight, and caps of its own.

ALTER TABLE member
    ADD COLUMN weight integer NOT NULL DEFAULT 100 CHECK (weight BETWEEN 1 AND 10000),
    ADD COLUMN request_rate integer CHECK (request_rate BETWEEN 1 AND 1000000),
    ADD COLUMN most_waiting integer CHECK (most_waiting BETWEEN 1 AND 100000),
    ADD COLUMN most_running integer CHECK (most_running BETWEEN 1 AND 256);
COMMENT ON COLUMN member.weight IS
    'Of the workers'' time, when more is asked than they can do: a member of 200 has twice as much as one of 100, the usual';
COMMENT ON COLUMN member.request_rate IS
    'Requests a second of each hub process, and as many at once; NULL: the configuration''s member_rate';
COMMENT ON COLUMN member.most_waiting IS
    'Requests that may wait for a worker, in each hub process; NULL: the configuration''s member_waiting';
COMMENT ON COLUMN member.most_running IS
    'Requests that workers may have at a time, in each hub process; NULL: the configuration''s member_running';
