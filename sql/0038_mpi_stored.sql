-- What the index keeps of HL7 v3 feeds, and which versions a reindexing makes.

COMMENT ON TABLE hl7_message IS
    'Every HL7 v2 message but queries, with the acknowledgement that it got, in the transaction of its effect; a refused one in a transaction of its own; and every HL7 v3 feed (ITI-44) that was accepted. An identical one is answered from here';
COMMENT ON COLUMN hl7_message.sha256 IS
    'Of the message''s bytes as they came, without the frame; of v3 the interaction without the SOAP envelope';
COMMENT ON COLUMN hl7_message.application IS
    'MSH-3.1; empty where the header could not be read. v3: the sending device''s id';
COMMENT ON COLUMN hl7_message.control_id IS
    'MSH-10; feeds use one again after a while. v3: the message''s id';
COMMENT ON COLUMN hl7_message.type IS 'MSH-9 as ADT^A01. v3: the interaction, as PRPA_IN201301UV02';
COMMENT ON COLUMN hl7_message.answer IS
    'MSA-1 of ack (v3: AA for CA). AE and AR are the dead letters: no effect, kept to be looked at and sent again';
COMMENT ON COLUMN mpi_record.event IS
    'What made this version: A01, A04, A05, A08, ... as fed; A40, merge, unmerge (identifiers only); reindex (packed anew, nothing else); anchor';
