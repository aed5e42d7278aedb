/* Time. Instants are microseconds since 1970-01-01T00:00:00Z; deadlines use the monotonic clock.
 * Any thread; the two for tests only before threads start. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY    (86400 * US_PER_SECOND)

int64_t clock_now_us(void);               /* wall clock, UTC */
int64_t clock_monotonic_us(void);         /* for durations and deadlines */
void clock_set_for_tests(int64_t now_us); /* freezes clock_now_us(); 0 lets it run again */
void clock_shift_for_tests(int64_t us);   /* clock_now_us() is so much ahead from now on */

/* 2026-11-22T15:04:05.123456Z */
struct str clock_iso(struct arena *a, int64_t us);
/* 20261122150405, the HL7 v2 DTM and XDS form, in UTC */
struct str clock_dtm(struct arena *a, int64_t us);

/* Reads an HL7 DTM: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ] (HL7 v2.5 2.A.22), without a
 * zone taken as UTC. *from is its first microsecond, *to the first one after it: 2026 covers a
 * year, 202611 a month. False when it is not a DTM or names no date of the calendar. */
bool clock_parse_dtm(struct str s, int64_t *from, int64_t *to);

/* Reads xs:dateTime / ISO 8601 with a zone or Z; also plain YYYY-MM-DD (midnight UTC). */
bool clock_parse_iso(struct str s, int64_t *us);
