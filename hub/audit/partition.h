/* The months of the audit log. A row without a partition stops the effect that it is about, so
 * they are made three months ahead: by `causeway migrate` and by every hub, daily. */
#pragma once

#include "hub/base/err.h"
#include "hub/data/db.h"

/* Below this `readyz` and `doctor` warn. */
#define AUDIT_PARTITION_WARN_US (14 * US_PER_DAY)

/* Makes what is missing; *made tells how many. A transaction of its own. */
enum status audit_partitions_make(struct db *db, int64_t *made) MUST_CHECK;
/* The instant from which rows have no partition. */
enum status audit_partitions_end(struct db *db, int64_t *end_us) MUST_CHECK;
