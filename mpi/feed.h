/* Feeding the index: add or update one member's record (ITI-8, ITI-44, ITI-30).
 *
 * Runs inside the request's transaction (READ COMMITTED) and flushes as it goes; what it writes is
 * queued when it returns and goes out with the next flush. It locks first and searches later
 * (mpi/keys.h), so that two feeds of one new patient make one person; where
 * something moved between its first look and its locks it returns CONFLICT, and the request
 * driver runs the handler again. */
#pragma once

#include "hub/request.h"
#include "mpi/record.h"

struct mpi_feed {
    int64_t member_id;
    const struct identifier *ids; /* of the member's own authorities, and the XAD-PID where this
                                     member feeds it; the first one known names the record */
    size_t id_count;              /* at least 1 */
    struct mpi_demographics demographics;
    const char *event; /* "A01", ...: what the version is told to come from */
};

struct mpi_fed {
    struct place place; /* of the record */
    struct person_ref person;
    struct str xad_pid; /* the person's; STR_NONE while none was fed */
    bool created;       /* the record is new */
};

struct mpi_feeding;

/* The first look goes out with the caller's own first flush; `feed` must outlive the second call,
 * which does the rest. */
struct mpi_feeding *mpi_feed_queue(struct request *rq, const struct mpi_feed *feed);

/* INVALID with code RetiredIdentifier (merged into another by A40), ForeignIdentifier (another
 * member's), OtherXadPid (the person has another XAD-PID: merge these). */
enum status mpi_feed(struct request *rq, struct mpi_feeding *feeding,
                     struct mpi_fed *out) MUST_CHECK;
