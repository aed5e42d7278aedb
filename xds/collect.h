/* `causeway xds collect`: takes away what nobody can get any more.
 *
 * Two kinds: objects of the store that no row names (the rest of a submission that a crash cut
 * off), and documents that a member removed (ITI-86) some time ago, whose key is erased first.
 *
 * It cannot race a submission. A submission's object is in the store before its row commits, so an
 * object without a row may be one under way: its row is written by the deadline of its request, or
 * else fails (blob_rows_insert's lease). So the collector takes only objects older than that, waits
 * until every transaction that had written by then has ended (a COMMIT that hangs included), and
 * looks again: what has no row then never will. */
#pragma once

#include "hub/data/db.h"
#include "xds/blob.h"

struct collection {
    struct db *db;
    struct errors *err;
    struct blobs *blobs;
    int64_t orphans_us; /* least age of an orphan: more than request_seconds */
    int64_t removed_us; /* least time since a removal */
    bool dry_run;       /* count, and leave all as it is */
    void (*advanced)(void *context, uint64_t done); /* objects looked at */
    void *context;
    /* What it comes to. */
    uint64_t objects, orphans, removed, kept; /* kept: became somebody's while it waited */
    bool waited_in_vain; /* a transaction stays open: the rest is for the next time */
};

enum status xds_collect(struct collection *c) MUST_CHECK;
