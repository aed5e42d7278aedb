/* The index made again from the records, as this program normalises and blocks: after an upgrade
 * that changed either, and after a doubt.
 *
 * First every record: packed again from its demographics (a new version where that differs:
 * decisions keep the one that they rested on), its look-up keys and its rows for demographic
 * queries added where they miss. Then every look-up key: those that their record no longer has go.
 * Between the two a record is found by its old keys and its new ones. Rows of mpi_search that no
 * record has any more stay: who searches compares what was found.
 *
 * Safe beside feeds and merges: each page is a transaction of its own that locks the records'
 * persons, reads again, then writes. May be stopped, and begun again. */
#pragma once

#include "hub/request.h"

struct progress;

struct mpi_reindexing {
    struct progress *progress;
    uint64_t records;    /* looked at */
    uint64_t normalised; /* of them: packed otherwise than before */
    uint64_t keys;       /* looked at */
    uint64_t stale;      /* of them: taken away */
};

/* On rq->db, outside of any transaction; rq->arena and rq->err are reset from page to page. */
enum status mpi_reindex(struct request *rq, struct mpi_reindexing *r) MUST_CHECK;
/* How many records there are, about: the database's own estimate. */
enum status mpi_reindex_size(struct request *rq, uint64_t *records) MUST_CHECK;
