#include "consent/module.h"

#include "consent/domain_store.h"
#include "hub/base/log.h"

static enum status read_domain(struct db *db, struct arena *a)
{
    static const struct statement EPOCH = {
        "consent_epoch_tended",
        "SELECT value"
        "  FROM epoch"
        " WHERE name = 'consent'",
    };
    const struct consent_domain *domain;
    struct rows rows;

    db_begin(db, REPEATABLE_READ);
    db_queue0(db, &EPOCH, &rows);
    TRY(db_flush(db));
    TRY(consent_domain_hold(db, a, row_int(&rows, 0, 0), &domain));
    db_end_reading(db);
    return OK;
}

/* The domain's rules are read when they have changed, and not in the flushes of whoever asks next.
 */
static bool tend(struct hub *hub, struct db *db, struct arena *a)
{
    (void)hub;
    if (read_domain(db, a) == OK)
        return false;
    db_rollback(db);
    log_error("domain_unread", "it is tried again a moment later");
    return false;
}

/* Consent has no door of its own: the gates of other rooms ask it. */
const struct hub_module consent_module = {.name = "consent", .tend = tend};
