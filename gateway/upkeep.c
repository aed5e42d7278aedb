#include "gateway/upkeep.h"

#include "gateway/prune.h"
#include "gateway/rediscover.h"
#include "hub/base/clock.h"
#include "hub/base/log.h"

static bool prune(struct hub *hub, struct db *db)
{
    static int64_t look_at;
    bool more;

    if (clock_monotonic_us() < look_at)
        return false;
    if (gateway_prune(hub->config, db, &more) != OK)
        log_error("community_prune_failed", "it goes on a moment later");
    if (!more)
        look_at = clock_monotonic_us() + US_PER_SECOND;
    return more;
}

bool gateway_tend(struct hub *hub, struct db *db, struct arena *a)
{
    struct errors *err = ARENA_NEW(a, struct errors);

    rediscover_tend(hub, db);
    errors_init(err, a);
    db_attach(db, a, err,
              clock_monotonic_us() + 10 * US_PER_SECOND); /* it had an arena of its own */
    return prune(hub, db);
}
