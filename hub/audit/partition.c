#include "hub/audit/partition.h"

static const struct statement MAKE = {"audit_partitions_make", "SELECT audit_make_partitions()"};
static const struct statement END = {"audit_partitions_end", "SELECT audit_partitions_end()"};

enum status audit_partitions_make(struct db *db, int64_t *made)
{
    struct rows r;

    db_queue0(db, &MAKE, &r);
    TRY(db_flush(db));
    *made = row_int(&r, 0, 0);
    return OK;
}

enum status audit_partitions_end(struct db *db, int64_t *end_us)
{
    struct rows r;

    db_queue0(db, &END, &r);
    TRY(db_flush(db));
    *end_us = row_time(&r, 0, 0);
    return OK;
}
