#include "hub/notices.h"

#include <pthread.h>
#include <string.h>

#include "hub/audit/audit.h"
#include "hub/base/log.h"

enum { KEPT = 512, BATCH = 16, REFUSED_BURST = 256 };

#define REFUSED_EVERY_US (US_PER_SECOND / 5)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct notice kept[KEPT];
static size_t kept_count;
static uint64_t uncounted[NOTICE_KINDS]; /* past the bound, since the last write */

/* How each kind stands in the audit log (IHE ITI TF-2 3.20; DICOM PS3.15 A.5.3). */
static const struct {
    const char *transaction;
    struct audit_kind kind;
    enum audit_outcome outcome;
} renderings[NOTICE_KINDS] = {
    [NOTICE_REFUSED_PEER] = {"ITI-19", {"110113", 'E'}, AUDIT_SERIOUS},
    [NOTICE_BROKEN_ANSWER] = {NULL, {"110106", 'R'}, AUDIT_MAJOR},
    [NOTICE_BUSY] = {"BUSY", {"110113", 'E'}, AUDIT_MINOR},
    [NOTICE_STARTED] = {"START", {"110100", 'E'}, AUDIT_SUCCESS},
    [NOTICE_STOPPED] = {"STOP", {"110100", 'E'}, AUDIT_SUCCESS},
    [NOTICE_RELOADED] = {"CONFIG", {"110113", 'E'}, AUDIT_SUCCESS},
};

/* Refused peers are strangers: they must not be able to fill the audit log's disk, nor the list
 * that the corrections of members' records go through. So their rows come at a bounded rate; what
 * is above it is counted, and the count is a row. */
static bool within_rate(const struct notice *n)
{
    static int64_t full_at_us; /* when the whole burst will be free again */
    int64_t from;

    if (n->kind != NOTICE_REFUSED_PEER || n->transaction[0] != '\0')
        return true;
    from = full_at_us > n->at_us ? full_at_us : n->at_us;
    if (from + REFUSED_EVERY_US - n->at_us > REFUSED_BURST * REFUSED_EVERY_US)
        return false;
    full_at_us = from + REFUSED_EVERY_US;
    return true;
}

/* The lock is held. */
static void keep(const struct notice *n)
{
    if (kept_count < KEPT)
        kept[kept_count++] = *n;
    else
        uncounted[n->kind]++;
}

void notice_leave(const struct notice *n)
{
    pthread_mutex_lock(&lock);
    if (within_rate(n))
        keep(n);
    else
        uncounted[n->kind]++;
    pthread_mutex_unlock(&lock);
}

/* Takes up to BATCH of the oldest, and what was only counted when the list is drained by it. */
static size_t take(struct notice *out)
{
    size_t n, left;

    pthread_mutex_lock(&lock);
    n = kept_count < BATCH ? kept_count : BATCH;
    left = kept_count - n;
    memcpy(out, kept, n * sizeof(*out));
    memmove(kept, kept + n, left * sizeof(*kept));
    kept_count = left;
    pthread_mutex_unlock(&lock);
    return n;
}

static void put_back(const struct notice *n, size_t count)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++)
        keep(&n[i]);
    pthread_mutex_unlock(&lock);
}

static enum status queue_one(struct db *db, struct arena *a, const struct notice *n,
                             struct errors *err)
{
    const char *transaction = renderings[n->kind].transaction;
    struct audit_context c = {
        .transaction = transaction != NULL ? transaction : n->transaction,
        .kind = renderings[n->kind].kind,
        .request = n->request,
        .at_us = n->at_us,
        .member_id = n->member_id,
        .member = str_from(n->member),
        .role = STR("system"),
        .peer = str_from(n->peer),
        .fingerprint = n->fingerprint,
    };
    struct audit_list list = {0};
    struct audit_row *row = audit_add(a, &list);

    row->outcome = renderings[n->kind].outcome;
    row->description = str_from(n->text);
    return audit_queue(db, a, &c, &list, err);
}

static enum status write_batch(struct db *db, const struct notice *n, size_t count)
{
    struct arena a;
    struct errors err;
    enum status s = OK;

    arena_init(&a);
    errors_init(&err, &a);
    db_attach(db, &a, &err, clock_monotonic_us() + 10 * US_PER_SECOND);
    db_begin(db, READ_COMMITTED);
    for (size_t i = 0; i < count && s == OK; i++)
        s = queue_one(db, &a, &n[i], &err);
    if (s == OK)
        s = db_commit(db);
    if (s != OK)
        db_rollback(db);
    arena_dispose(&a);
    return s;
}

/* One notice of each kind that overflowed, saying how many there were. */
static void leave_counts(void)
{
    for (int k = 0; k < NOTICE_KINDS; k++) {
        struct notice n = {.kind = (enum notice_kind)k,
                           .at_us = clock_now_us(),
                           .request = uuid_v7(),
                           .transaction = "overflow"};
        uint64_t count;
        struct arena a;

        pthread_mutex_lock(&lock);
        count = uncounted[k];
        uncounted[k] = 0;
        pthread_mutex_unlock(&lock);
        if (count == 0)
            continue;
        arena_init(&a);
        strncpy(n.text,
                str_printf(&a, "%llu more of this kind were counted, not kept",
                           (unsigned long long)count)
                    .p,
                sizeof(n.text) - 1);
        arena_dispose(&a);
        notice_leave(&n);
    }
}

enum status notices_write(struct db *db)
{
    struct notice batch[BATCH];
    size_t n;

    while ((n = take(batch)) > 0) {
        enum status s = write_batch(db, batch, n);

        if (s != OK) {
            put_back(batch, n);
            return s;
        }
        if (n < BATCH)
            leave_counts();
    }
    return OK;
}
