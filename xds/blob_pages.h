/* All rows of xds_blob in the order of the objects' names, a page at a time: for the commands that
 * walk the repository. The connection is attached to the page's arena meanwhile. One thread. */
#pragma once

#include "hub/data/db.h"
#include "xds/blob.h"

struct blob_record {
    struct blob_ref ref;
    int64_t pkey;
    struct uuid entry;
    struct str sha1, sha256;
    int64_t removed_us; /* 0: it is there */
};

struct blob_pages {
    struct db *db;
    struct errors *err;
    struct arena arena; /* of the page */
    struct rows rows;
    int at;
    struct uuid last;
    struct blob_record record;
    bool begun;
};

void blob_pages_begin(struct blob_pages *p, struct db *db, struct errors *err);
/* The next one, until the one after it is asked for; NULL at the end. */
enum status blob_pages_next(struct blob_pages *p, const struct blob_record **out) MUST_CHECK;
void blob_pages_end(struct blob_pages *p);
