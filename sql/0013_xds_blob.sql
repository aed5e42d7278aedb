-- Documents at rest, from their first day to their last: text is packed, the keys' wrapping can be
-- renewed, and what a member removed is kept for a while, out of reach.

ALTER TABLE xds_blob
    ADD COLUMN stored_size bigint CHECK (stored_size >= 0),
    ADD COLUMN removed_at timestamptz;
COMMENT ON COLUMN xds_blob.stored_size IS
    'Bytes of the object in the store where its frames are compressed; NULL: they are not, and its length follows from size';
COMMENT ON COLUMN xds_blob.removed_at IS
    'When a member removed the document (ITI-86): nobody gets it since, and `causeway xds collect` deletes the row, and with it the key, after a time. NULL: it is there';
COMMENT ON COLUMN xds_blob.store IS 'Kind of store that keeps it: fs or s3';

-- The store is compared with this table in the order of the objects' names.
CREATE INDEX xds_blob_object ON xds_blob (blob_id);

GRANT UPDATE (wrapped_key, removed_at), DELETE ON xds_blob TO causeway_hub;
