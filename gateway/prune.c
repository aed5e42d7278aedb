#include "gateway/prune.h"

#include "gateway/chore.h"
#include "gateway/correlation.h"
#include "hub/base/clock.h"

enum { BATCH = 500, PAUSE_SECONDS = 600, KINDS = 3 };

#define CHORE "prune"

static const struct statement LOCK = {
    "gw_prune_lock",
    "SELECT 1\n"
    "  FROM community_chore\n"
    " WHERE name = $1\n"
    "   AND due_at <= now()\n"
    "   FOR UPDATE SKIP LOCKED",
};

static const struct statement DONE = {
    "gw_prune_done",
    "UPDATE community_chore\n"
    "   SET due_at = now() + make_interval(secs => $2)\n"
    " WHERE name = $1",
};

/* What has been renewed since it was found stays: hence the second look at its time. */
static const struct statement PRUNE[KINDS] = {
    /* across places: what has expired, wherever it lies */
    {"gw_prune_correlations", "DELETE FROM community_correlation\n"
                              " WHERE (pkey, person_id, community_id) IN\n"
                              "       (SELECT pkey, person_id, community_id\n"
                              "          FROM community_correlation\n"
                              "         WHERE expires_at < $1\n"
                              "         ORDER BY expires_at\n"
                              "         LIMIT $2)\n"
                              "   AND expires_at < $1"},
    /* across places: what has expired, wherever it lies */
    {"gw_prune_patients", "DELETE FROM community_patient\n"
                          " WHERE (ikey, community_id, authority, patient_id) IN\n"
                          "       (SELECT ikey, community_id, authority, patient_id\n"
                          "          FROM community_patient\n"
                          "         WHERE expires_at < $1\n"
                          "         ORDER BY expires_at\n"
                          "         LIMIT $2)\n"
                          "   AND expires_at < $1"},
    /* across places: what was seen too long ago, wherever it lies */
    {"gw_prune_documents", "DELETE FROM community_document\n"
                           " WHERE (ukey, community_id, unique_id) IN\n"
                           "       (SELECT ukey, community_id, unique_id\n"
                           "          FROM community_document\n"
                           "         WHERE seen_at < $1\n"
                           "         ORDER BY seen_at\n"
                           "         LIMIT $2)\n"
                           "   AND seen_at < $1"},
};

/* Between BEGIN and COMMIT. */
static enum status batch(const struct config *config, struct db *db, bool *more)
{
    int64_t expired = clock_now_us() - config->community_memory_days * US_PER_DAY;
    int64_t seen = expired - KNOWN_DOCUMENT_HOURS * 3600 * US_PER_SECOND;
    int64_t gone = 0;
    struct rows lock, pruned[KINDS];

    db_queue(db, &LOCK, &lock, DB_TEXT(STR(CHORE)));
    TRY(db_flush(db));
    if (lock.count == 0)
        return OK;
    for (int i = 0; i < KINDS; i++)
        db_queue(db, &PRUNE[i], &pruned[i], DB_TIME(i < KINDS - 1 ? expired : seen),
                 DB_INT8(BATCH));
    TRY(db_flush(db));
    for (int i = 0; i < KINDS; i++) {
        gone += pruned[i].affected;
        *more = *more || pruned[i].affected == BATCH;
    }
    metric_add(METRIC_community_rows_pruned_total, (uint64_t)gone);
    if (!*more)
        db_queue(db, &DONE, NULL, DB_TEXT(STR(CHORE)), DB_FLOAT8(PAUSE_SECONDS));
    return OK;
}

enum status gateway_prune(const struct config *config, struct db *db, bool *more)
{
    enum status s;
    bool is_due;

    *more = false;
    TRY(chore_look(db, CHORE, &is_due));
    if (!is_due)
        return OK;
    db_begin(db, READ_COMMITTED);
    s = batch(config, db, more);
    if (s == OK)
        s = db_commit(db);
    if (s != OK)
        db_rollback(db);
    return s;
}
