/* How far the sealer is behind: for metrics, readyz and doctor. */
#pragma once

#include "hub/base/err.h"
#include "hub/data/db.h"

/* From this age of the oldest record that waits, they warn. */
#define SEAL_LAG_WARN_US (300 * US_PER_SECOND)

enum { SEAL_PENDING_MAX = 100000 }; /* more are not counted */

struct seal_status {
    int64_t pending;           /* records that no leaf has yet, up to SEAL_PENDING_MAX */
    int64_t oldest_age_us;     /* of these; 0: none */
    int64_t size;              /* leaves under the last checkpoint; 0: none yet */
    int64_t checkpoint_age_us; /* -1: none yet */
};

void seal_status_queue(struct db *db, struct rows *rows); /* read after the flush */
void seal_status_read(const struct rows *rows, struct seal_status *out);

/* Empty, or what to tell the operator. */
struct str seal_status_warning(struct arena *a, const struct seal_status *s);
void seal_status_metrics(struct strbuf *b, const struct seal_status *s);
