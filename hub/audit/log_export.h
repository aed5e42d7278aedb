/* Writes the log, or a stretch of it, as hub/audit/log_check.h reads it.
 *
 * What lies outside the stretch goes in as subtrees, so that the whole still has the root that was
 * signed. Statements of their own, in order of the leaves: the log only grows, and what is erased
 * or archived meanwhile shows as such. audit_init must have run: each record is opened once, so
 * that one whose key was altered or destroyed does not pass for whole. */
#pragma once

#include <stdio.h>

#include "hub/audit/tree.h"

struct log_export {
    struct db *db;
    FILE *to;
    int64_t from, end;                   /* leaves from, to just before end; end -1: all */
    int64_t month_from_us, month_end_us; /* an archive: other leaves without their record */
    bool archive;                        /* with the rows that its records are found by */
    bool strays;                         /* also look for records that no leaf names */
    void (*progress)(void *context, int64_t leaf);
    void *context;
    uint64_t records; /* out: written with their bytes */
};

/* Attaches the db anew, batch by batch. */
enum status log_export_write(struct log_export *e, struct errors *err) MUST_CHECK;
