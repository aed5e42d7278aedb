-- Where the bytes of this hub's documents lie. The bytes themselves are in the store that store_dir
-- names (xds/store.h), encrypted; what opens them is here.

-- distribution: pkey
CREATE TABLE xds_blob (
    pkey        bigint      NOT NULL,
    entry_uuid  uuid        NOT NULL,
    blob_id     uuid        NOT NULL,
    store       text        NOT NULL CHECK (store <> ''),
    wrapped_key bytea       NOT NULL CHECK (octet_length(wrapped_key) = 72),
    size        bigint      NOT NULL CHECK (size >= 0),
    sha1        bytea       NOT NULL CHECK (octet_length(sha1) = 20),
    sha256      bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    stored_at   timestamptz NOT NULL,
    PRIMARY KEY (pkey, entry_uuid)
);

COMMENT ON TABLE xds_blob IS
    'The stored bytes of a document entry that this hub''s repository keeps (ITI-41). Written in the transaction that registers the entry, after bytes and folder were fsynced: an object of the store without a row here is the rest of a submission that failed.';
COMMENT ON COLUMN xds_blob.pkey IS 'Place of the entry (xds_document_entry.pkey); never changes';
COMMENT ON COLUMN xds_blob.entry_uuid IS 'The entry (entryUUID); each has bytes of its own, even where several share a uniqueId';
COMMENT ON COLUMN xds_blob.blob_id IS 'Name of the object in the store: UUIDv7, so objects of one time lie together';
COMMENT ON COLUMN xds_blob.store IS 'Kind of store that keeps it: fs';
COMMENT ON COLUMN xds_blob.wrapped_key IS
    'Key of this document alone, wrapped under a key derived from the hub''s master key (24 bytes nonce, 32 key, 16 tag; XChaCha20-Poly1305). Deleting the row makes the bytes unreadable for ever, whatever copies of them exist';
COMMENT ON COLUMN xds_blob.size IS 'Bytes of the document itself';
COMMENT ON COLUMN xds_blob.sha1 IS 'SHA-1 of the document, as XDS asks for (DocumentEntry.hash)';
COMMENT ON COLUMN xds_blob.sha256 IS 'SHA-256 of the document, for `causeway xds verify`';
COMMENT ON COLUMN xds_blob.stored_at IS 'When the hub took it in';

GRANT SELECT, INSERT ON xds_blob TO causeway_hub;
