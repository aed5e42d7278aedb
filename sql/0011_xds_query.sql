-- Stored queries: what they look up by, and who may ask about several patients at once.

ALTER TABLE member ADD COLUMN multi_patient boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN member.multi_patient IS
    'It may ask about several patients at once (ITI-51), as public health does';

-- All versions of one object, and whether there is a later one ($MetadataLevel).
CREATE INDEX xds_document_entry_logical ON xds_document_entry (pkey, logical_id, version);
CREATE INDEX xds_folder_logical ON xds_folder (pkey, logical_id, version);
