-- What consent denied, beside each audit record: for the report that shows over-denial (45 CFR 171).

ALTER TABLE audit_search
    ADD COLUMN denied_by text[],
    ADD COLUMN denied integer[];
COMMENT ON COLUMN audit_search.denied_by IS
    'Rules of consent (consent/consent.h) that denied something to this request; NULL: none did. The record has the policies as well';
COMMENT ON COLUMN audit_search.denied IS 'How many objects each of denied_by denied';
-- `causeway consent report denials`: requests that nothing was denied to are not in it.
CREATE INDEX audit_search_denied ON audit_search (at, id) WHERE denied_by IS NOT NULL;
