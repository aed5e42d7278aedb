#include "gateway/upkeep.h"

#include "gateway/prune.h"
#include "hub/base/clock.h"
#include "hub/base/log.h"

bool gateway_tend(struct hub *hub, struct db *db, struct arena *a)
{
    static int64_t look_at;
    bool more;

    (void)a;
    if (clock_monotonic_us() < look_at)
        return false;
    if (gateway_prune(hub->config, db, &more) != OK)
        log_error("community_prune_failed", "it goes on a moment later");
    if (!more)
        look_at = clock_monotonic_us() + US_PER_SECOND;
    return more;
}
