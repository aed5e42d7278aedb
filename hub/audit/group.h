/* Group commit: requests that only read have nothing to commit but their audit rows, so one of them
 * commits those of all that are ready. None returns before its rows are committed (ARCHITECTURE.md,
 * promise 2).
 *
 * Nobody waits to be joined. Who comes while nobody commits does so at once, with its own rows; who
 * comes meanwhile waits, and one of those is next, for all of them. Who waits holds no transaction.
 *
 * How long: until the commit that is under way has ended, by the deadline of the one that makes it,
 * and then those of the requests before one's own, 64 at a time. Nobody leaves the queue, as its
 * rows are in another's hands: whose own deadline passes there, or whose client goes, has disclosed
 * what its rows say, and is answered. */
#pragma once

#include "hub/audit/audit.h"

struct audit_group;

struct audit_group *audit_group_new(void);
void audit_group_free(struct audit_group *g);

/* Commits the transaction with these rows; where they rest on what was recalled, there is none, and
 * it is proven first, for all that are ready in one flush: CONFLICT, and no row is written, if that
 * has changed. One that changed something, one of many rows or of large
 * ones, and everything where g is NULL, commits for itself. Should a commit for several fail, each
 * tries its own: what stands in one request's rows fails no other. Where nobody knows whether it
 * failed, each writes its own if they are not there. As db_commit: UPSTREAM and TIMED_OUT leave
 * open whether it happened. deadline_us is that of db_attach; whoever has waited gets five seconds
 * at least for what is left to write. Memory from a; err is what the connection reports to. */
enum status audit_commit(struct audit_group *g, struct db *db, struct arena *a,
                         const struct audit_ready *ready, int64_t deadline_us,
                         struct errors *err) MUST_CHECK;
