/* Detection: a cursor over the leaves of the log, batch after batch, each in one transaction.
 *
 * A batch holds the row of audit_watch while it runs, so that of several watchers one works at a
 * time, and its alerts commit with its place in the log: none is lost, none comes twice. Records
 * are judged by audit_search alone, without decrypting them; only before break-glass are the
 * user's last records read, for what was withheld. A process of its own rather than a thread of
 * `serve`: it may be slow, wait for a lock or be niced, and no request notices. */
#pragma once

#include "hub/command/audit/index.h"

struct watch {
    struct operation *operation;
    const struct audit_index *index;
    int64_t batch;                         /* leaves */
    struct arena kept;                     /* the lists; made anew when they changed */
    int64_t lists_state;                   /* what they were read from */
    struct audit_staff *staff;             /* by user */
    const struct audit_staff **colleagues; /* the same by name and birth date */
    size_t staff_count;
    struct person_ref *vips;
    size_t vip_count;
    uint64_t leaves, alerts; /* so far */
};

void watch_begin(struct watch *w, struct operation *o);
void watch_end(struct watch *w);

/* The next leaves. *count is how many there were: 0 at the end of the log, -1 when another process
 * holds the watch. */
enum status watch_batch(struct watch *w, int64_t *count) MUST_CHECK;
/* The day that is not over yet, and break-glass that nobody reviewed: at the end of the log. */
enum status watch_day_so_far(struct watch *w) MUST_CHECK;
