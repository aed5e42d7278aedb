-- What of people other communities may be told when they ask who somebody is.

ALTER TABLE community
    ADD COLUMN tells text[] NOT NULL DEFAULT '{}'
        CHECK (tells <@ ARRAY['address', 'telecom', 'mother']);
COMMENT ON COLUMN community.tells IS
    'What an answer to its ITI-55 holds of a patient beside the identifier, the name, the sex and the date of birth, which the profile wants: address, telecom, mother. By its agreement; nothing unless said';
