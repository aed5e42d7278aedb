/* `causeway xds rekey`: wraps the documents' keys under the current master key, page by page, while
 * the hub serves. It may be stopped and run again: what is done is passed over. The documents
 * themselves are not touched. */
#pragma once

#include "hub/data/db.h"
#include "xds/blob.h"

struct rekeying {
    struct db *db;
    struct errors *err;
    struct blobs *blobs;
    void (*advanced)(void *context, uint64_t done);
    void *context;
    /* What it comes to. */
    uint64_t documents, rewrapped, locked; /* locked: no key at hand opens them */
};

enum status xds_rekey(struct rekeying *r) MUST_CHECK;
