/* What the rules see in a whole day of a user, and in break-glass that waits too long. */
#pragma once

#include "hub/command/audit/watch.h"

/* Midnight (UTC) before. */
int64_t watch_day_of(int64_t at_us);
/* Judges every user's day that begins there, and keeps its figures. May be run again while the day
 * goes on. In the caller's transaction. */
enum status watch_day(struct watch *w, struct request *rq, int64_t day_us) MUST_CHECK;
/* Emergency access of the last 90 days that nobody reviewed in time. */
enum status watch_overdue(struct watch *w, struct request *rq) MUST_CHECK;
