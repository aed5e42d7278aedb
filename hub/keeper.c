#include "hub/keeper.h"

#include <stdlib.h>

#include "hub/base/halt.h"
#include "hub/base/log.h"
#include "hub/notices.h"
#include "hub/xua.h"

#define POLL_US       (US_PER_SECOND / 4)
#define TEND_US       (US_PER_SECOND / 10)
#define PARTITIONS_US (3600 * US_PER_SECOND)
#define PRUNE_US      (60 * US_PER_SECOND)

struct keeper {
    struct hub *hub;
    struct db *db;
    struct member_directory *seen; /* whom the connections were last compared with; held */
    pthread_t thread;
    struct halt halt;
};

static const struct statement MAKE_PARTITIONS = {
    "hub_audit_partitions",
    "SELECT audit_make_partitions()",
};

static bool no_longer_admitted(void *context, const struct peer *p)
{
    const struct member_directory *d = context;
    const struct member *m = member_by_cert(d, p->fingerprint, p->chain_valid, clock_now_us());

    return p->member_id != 0 && (m == NULL || m->suspended || m->id != p->member_id);
}

/* By the directory itself and not by its epoch: two threads that refresh it at once may install an
 * older one behind a newer, and let in by it whom the newer one had suspended. */
static void follow_members(struct keeper *k)
{
    struct member_directory *d;

    if (hub_directory_refresh(k->hub, k->db) != OK)
        return;
    d = hub_directory(k->hub);
    if (d == k->seen) {
        member_directory_release(d);
        return;
    }
    net_close_peers(k->hub->net, no_longer_admitted, d);
    log_info("members_read", "epoch=%lld members=%zu", (long long)d->epoch, d->count);
    member_directory_release(k->seen);
    k->seen = d;
}

static void make_partitions(struct keeper *k)
{
    db_queue0(k->db, &MAKE_PARTITIONS, NULL);
    if (db_flush(k->db) != OK)
        log_error("audit_partitions_failed", "retry_seconds=3600");
}

/* Not for long: whom an operator suspends must be out in a quarter of a second. */
static void tend_modules(struct keeper *k, struct arena *a)
{
    int64_t until = clock_monotonic_us() + TEND_US;

    for (const struct hub_module *const *m = k->hub->modules; *m != NULL; m++)
        while ((*m)->tend && (*m)->tend(k->hub, k->db, a) && clock_monotonic_us() < until)
            continue;
}

static void attach(struct keeper *k, struct arena *a, struct errors *err)
{
    errors_init(err, a);
    db_attach(k->db, a, err, clock_monotonic_us() + 10 * US_PER_SECOND);
}

static void *keep(void *p)
{
    struct keeper *k = p;
    int64_t partitions_at = 0, prune_at = 0;
    struct arena a;
    struct errors err;

    arena_init(&a);
    do {
        attach(k, &a, &err);
        follow_members(k);
        if (clock_monotonic_us() >= partitions_at) {
            make_partitions(k);
            partitions_at = clock_monotonic_us() + PARTITIONS_US;
        }
        if (clock_monotonic_us() >= prune_at) {
            if (xua_use_prune(k->db) != OK)
                log_error("assertion_use_unpruned", "retry_seconds=60");
            prune_at = clock_monotonic_us() + PRUNE_US;
        }
        if (notices_write(k->db) != OK)
            log_error("notices_unwritten", "they stay in memory");
        attach(k, &a, &err); /* what wrote the notices had an arena of its own */
        tend_modules(k, &a);
        arena_reset(&a);
    } while (halt_pause(&k->halt, POLL_US));
    if (notices_write(k->db) != OK)
        log_error("notices_lost", "the database could not be reached at the end");
    arena_dispose(&a);
    return NULL;
}

struct keeper *keeper_start(struct hub *hub, struct errors *err)
{
    struct keeper *k = calloc(1, sizeof(*k));

    must(k != NULL, "out of memory");
    k->hub = hub;
    k->db = db_open(hub->config->database, "causeway keeper", err);
    if (k->db == NULL) {
        free(k);
        return NULL;
    }
    halt_init(&k->halt);
    must(pthread_create(&k->thread, NULL, keep, k) == 0, "no thread for the keeper");
    return k;
}

void keeper_stop(struct keeper *k)
{
    halt_ask(&k->halt);
    pthread_join(k->thread, NULL);
    member_directory_release(k->seen);
    db_close(k->db);
    free(k);
}
