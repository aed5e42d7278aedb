-- Where members let answers to asynchronous web service requests be sent.

-- reference table
CREATE TABLE member_reply_to (
    member_id bigint NOT NULL REFERENCES member (member_id),
    address   text   NOT NULL CHECK (address LIKE 'https://%'),
    PRIMARY KEY (member_id, address)
);
COMMENT ON TABLE member_reply_to IS
    'Addresses that a member''s requests may name as wsa:ReplyTo (WS-Addressing, IHE ITI TF-2 Appendix V): their answers are sent there instead of on the same connection. Any other is a fault, so that no sender can point the hub at others';
COMMENT ON COLUMN member_reply_to.address IS 'https URL, compared with wsa:Address character by character';

GRANT SELECT, INSERT, DELETE ON member_reply_to TO causeway_hub;
