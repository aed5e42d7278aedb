/* What `causeway doctor` examines. Each check is one function that looks at one thing and leaves
 * findings: what is so, and for each problem what to do about it. */
#pragma once

#include "hub/command/cli.h"

enum doctor_level { DOCTOR_FINE, DOCTOR_SKIPPED, DOCTOR_WARNING, DOCTOR_PROBLEM };

struct doctor_finding {
    const char *check;
    enum doctor_level level;
    struct str text;
    const char *advice; /* NULL when there is nothing to do */
    struct doctor_finding *next;
};

struct doctor {
    struct cli_args args;
    struct config config;
    bool configured; /* the configuration could be read */
    struct db *db;   /* NULL: no connection */
    bool migrated;   /* the tables are what this program expects */
    int64_t now_us;
    const char *check; /* the one under way */
    struct doctor_finding *first, *last;
};

void doctor_say(struct doctor *d, enum doctor_level level, const char *advice, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Says the failures that were recorded since the last call, as problems, and forgets them. */
void doctor_say_failures(struct doctor *d, const char *advice);
/* Sends what is queued. False: said as a problem. */
bool doctor_flush(struct doctor *d);

/* An instant after which something stops working: a problem from 7 days before, a warning from 60.
 */
void doctor_say_expiry(struct doctor *d, struct str what, int64_t at_us, const char *advice);

/* doctor_database.c */
void doctor_connection(struct doctor *d);
void doctor_durability(struct doctor *d);
void doctor_migrations(struct doctor *d);
void doctor_privileges(struct doctor *d);
void doctor_partitions(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_members(struct doctor *d);
void doctor_xad_source(struct doctor *d);
void doctor_audit_key(struct doctor *d);
void doctor_audit_log(struct doctor *d);

/* doctor_files.c */
void doctor_certificate(struct doctor *d);
void doctor_authorities(struct doctor *d);
void doctor_revocation(struct doctor *d);
void doctor_master_key(struct doctor *d);
void doctor_store(struct doctor *d);
void doctor_descriptors(struct doctor *d);
