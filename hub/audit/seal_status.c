#include "hub/audit/seal_status.h"

#include <inttypes.h>

#include "hub/base/clock.h"

/* across places: what waits, waits in all of them. */
static const struct statement STATUS = {
    "seal_status",
    "SELECT count(p.at), extract(epoch FROM now() - min(p.at))::float8,"
    " coalesce(max(c.size), 0), extract(epoch FROM now() - max(c.at))::float8"
    " FROM audit_head h"
    " LEFT JOIN LATERAL (SELECT size, at FROM audit_checkpoint"
    "  WHERE origin_id = h.origin_id ORDER BY size DESC LIMIT 1) AS c ON true"
    " LEFT JOIN (SELECT at FROM audit_pending LIMIT 100000) AS p ON true",
};

void seal_status_queue(struct db *db, struct rows *rows)
{
    db_queue0(db, &STATUS, rows);
}

static int64_t microseconds(const struct rows *r, int column, int64_t none)
{
    double seconds = row_null(r, 0, column) ? 0 : row_float(r, 0, column);

    if (row_null(r, 0, column))
        return none;
    return seconds > 0 ? (int64_t)(seconds * (double)US_PER_SECOND) : 0;
}

void seal_status_read(const struct rows *rows, struct seal_status *out)
{
    *out = (struct seal_status){
        .pending = row_int(rows, 0, 0),
        .oldest_age_us = microseconds(rows, 1, 0),
        .size = row_int(rows, 0, 2),
        .checkpoint_age_us = microseconds(rows, 3, -1),
    };
}

struct str seal_status_warning(struct arena *a, const struct seal_status *s)
{
    if (s->oldest_age_us < SEAL_LAG_WARN_US)
        return STR("");
    return str_printf(a,
                      "%" PRId64 "%s audit records wait to be sealed, the oldest for %" PRId64
                      " minutes",
                      s->pending, s->pending >= SEAL_PENDING_MAX ? " or more" : "",
                      s->oldest_age_us / (60 * US_PER_SECOND));
}

static void gauge(struct strbuf *b, const char *name, const char *help, int64_t value)
{
    strbuf_addf(b, "# HELP causeway_%s %s\n# TYPE causeway_%s gauge\ncauseway_%s %" PRId64 "\n",
                name, help, name, name, value);
}

void seal_status_metrics(struct strbuf *b, const struct seal_status *s)
{
    gauge(b, "audit_unsealed", "Audit records that wait to be sealed, up to 100000", s->pending);
    gauge(b, "audit_unsealed_seconds", "Age of the oldest of them",
          s->oldest_age_us / US_PER_SECOND);
    gauge(b, "audit_checkpoint_leaves", "Leaves under the last signed checkpoint", s->size);
    gauge(b, "audit_checkpoint_seconds", "Age of that checkpoint; -1: there is none",
          s->checkpoint_age_us < 0 ? -1 : s->checkpoint_age_us / US_PER_SECOND);
}
