#include "hub/outbox_sender.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hub/base/halt.h"
#include "hub/base/log.h"
#include "hub/outbox.h"
#include "hub/principal.h"

enum { SENDERS_MAX = 64, TURN = 200, DUE_MAX = 16, DATABASE_SECONDS = 10 };
#define POLL_US (US_PER_SECOND / 4)

struct outbox_sender {
    struct hub *hub;
    struct db *db;
    pthread_mutex_t db_lock;
    pthread_t threads[SENDERS_MAX];
    int thread_count;
    struct halt halt;
};

/* One thread, and the lane that it serves. */
struct serving {
    struct outbox_sender *sender;
    const struct config *config;
    struct uuid owner;
    struct arena arena; /* of one message */
    struct errors err;

    struct arena lane_arena;
    int64_t dkey;
    struct outbox_destination to;
    int failures; /* in a row, before this delivery */
    const struct outbox_carrier *carrier;
    void *connection;

    struct outbox_item item;
    int64_t sequence;
    struct member_directory *members;
};

/* Longer than a connection and an acknowledgement may take. */
static double lease_seconds(const struct config *c)
{
    return (double)(3 * c->outbox_ack_seconds + 5);
}

/* --- the database, one thread at a time ------------------------------------------------------ */

static struct db *take_database(struct serving *t)
{
    struct outbox_sender *s = t->sender;

    pthread_mutex_lock(&s->db_lock);
    errors_init(&t->err, &t->arena);
    db_attach(s->db, &t->arena, &t->err, clock_monotonic_us() + DATABASE_SECONDS * US_PER_SECOND);
    return s->db;
}

static void give_database(struct serving *t)
{
    pthread_mutex_unlock(&t->sender->db_lock);
}

static enum status find_due(struct db *db, struct rows *due)
{
    static const struct statement DUE = {
        "outbox_due",
        /* across places: a poll over the few lanes that there are */
        "SELECT l.dkey"
        "  FROM outbox_lane l"
        " WHERE l.not_before <= now()"
        "   AND l.lease_until <= now()"
        "   AND EXISTS (SELECT FROM outbox_message m"
        "                WHERE m.dkey = l.dkey"
        "                  AND m.state = 'waiting')"
        " ORDER BY l.not_before"
        " LIMIT 16",
    };

    db_queue0(db, &DUE, due);
    return db_flush(db);
}

/* True when the lane is ours now. */
static bool claim(struct serving *t, struct db *db, int64_t dkey)
{
    static const struct statement CLAIM = {
        "outbox_claim",
        "UPDATE outbox_lane"
        "   SET lease_owner = $2,"
        "       lease_until = now() + make_interval(secs => $3)"
        " WHERE dkey = $1"
        "   AND lease_until <= now()"
        "   AND not_before <= now()"
        " RETURNING kind, member_id, address, failures",
    };
    struct rows rows;

    db_queue(db, &CLAIM, &rows, DB_INT8(dkey), DB_UUID(t->owner),
             DB_FLOAT8(lease_seconds(t->config)));
    if (db_flush(db) != OK || rows.count == 0)
        return false;
    arena_reset(&t->lane_arena);
    t->dkey = dkey;
    t->to = (struct outbox_destination){
        .kind = str_c(&t->lane_arena, row_text(&rows, 0, 0)),
        .member_id = row_int(&rows, 0, 1),
        .address = str_dup(&t->lane_arena, row_text(&rows, 0, 2)),
    };
    t->failures = (int)row_int(&rows, 0, 3);
    return true;
}

static bool claim_some_lane(struct serving *t)
{
    struct db *db = take_database(t);
    struct rows due;
    bool ours = false;

    if (find_due(db, &due) == OK)
        for (int i = 0; i < due.count && !ours; i++)
            ours = claim(t, db, row_int(&due, i, 0));
    give_database(t);
    arena_reset(&t->arena);
    return ours;
}

/* The first message of the lane, if the lease is still ours. */
static bool read_head(struct serving *t, struct db *db)
{
    static const struct statement RENEW = {
        "outbox_renew",
        "UPDATE outbox_lane"
        "   SET lease_until = now() + make_interval(secs => $3)"
        " WHERE dkey = $1"
        "   AND lease_owner = $2"
        "   AND lease_until > now()",
    };
    static const struct statement HEAD = {
        "outbox_head",
        "SELECT sequence, message_id, what, attempts, payload"
        "  FROM outbox_message"
        " WHERE dkey = $1"
        "   AND state = 'waiting'"
        " ORDER BY sequence"
        " LIMIT 1",
    };
    struct rows renewed, head;

    db_queue(db, &RENEW, &renewed, DB_INT8(t->dkey), DB_UUID(t->owner),
             DB_FLOAT8(lease_seconds(t->config)));
    db_queue(db, &HEAD, &head, DB_INT8(t->dkey));
    if (db_flush(db) != OK || renewed.affected != 1 || head.count == 0)
        return false;
    t->sequence = row_int(&head, 0, 0);
    t->item = (struct outbox_item){
        .to = t->to,
        .what = row_text(&head, 0, 2),
        .id = row_uuid(&head, 0, 1),
        .attempt = (int)row_int(&head, 0, 3) + 1,
    };
    if (!outbox_open_payload(&t->arena, t->item.id, row_bytea(&head, 0, 4), &t->item.payload))
        t->item.payload = STR_NONE;
    return true;
}

/* --- making the bytes ------------------------------------------------------------------------ */

static const struct outbox_carrier *carrier_of(const struct hub *hub, const char *kind)
{
    for (const struct hub_module *const *m = hub->modules; *m != NULL; m++)
        for (const struct outbox_carrier *c = (*m)->carriers; c != NULL && c->kind != NULL; c++)
            if (strcmp(c->kind, kind) == 0)
                return c;
    return NULL;
}

static enum status queue_audit(struct serving *t, struct request *rq)
{
    struct audit_context c = {
        .transaction = rq->transaction->name,
        .kind = rq->transaction->audit,
        .request = rq->id,
        .at_us = rq->now_us,
        .member_id = t->to.member_id,
        .member = rq->principal.member->name,
        .role = rq->principal.role.code,
        .purpose = rq->principal.purpose.code,
        .peer = t->to.address,
        .endpoint = rq->hub->endpoint,
        .sender = rq->sender,
        .initiator = true,
    };

    return audit_queue(rq->db, rq->arena, &c, &rq->audit, rq->err);
}

static enum status prepare_in_transaction(struct serving *t, struct request *rq, struct str *bytes)
{
    TRY(principal_of_addressee(rq, t->to.member_id));
    if (t->carrier->prepare == NULL) {
        *bytes = t->item.payload;
        return OK;
    }
    db_begin(rq->db, REPEATABLE_READ);
    TRY(t->carrier->prepare(rq, &t->item, bytes));
    TRY(queue_audit(t, rq));
    return db_commit(rq->db);
}

static enum status prepare(struct serving *t, struct db *db, struct str *bytes)
{
    struct request rq = {
        .magic = REQUEST_MAGIC,
        .hub = t->sender->hub,
        .config = t->config,
        .members = t->members,
        .transaction = &t->carrier->transaction,
        .arena = &t->arena,
        .err = &t->err,
        .db = db,
        .id = uuid_v7(),
        .now_us = clock_now_us(),
        .deadline_us = clock_monotonic_us() + DATABASE_SECONDS * US_PER_SECOND,
    };
    enum status s;

    if (t->item.payload.p == NULL)
        return fail(&t->err, INTERNAL, "payload", "its payload cannot be opened");
    s = prepare_in_transaction(t, &rq, bytes);
    if (s != OK)
        db_rollback(db);
    return s;
}

/* --- afterwards ------------------------------------------------------------------------------ */

/* 1, 2, 4, ... seconds up to outbox_pause_seconds, and up to a quarter more, so that what failed
 * together does not come back together. */
static double pause_seconds(const struct config *c, int failures)
{
    double most = (double)c->outbox_pause_seconds, pause = 1;

    for (int i = 1; i < failures && pause < most; i++)
        pause *= 2;
    if (pause > most)
        pause = most;
    return pause * (1 + (double)randombytes_uniform(250) / 1000);
}

static void remove_head(struct serving *t, struct db *db)
{
    static const struct statement DELIVERED = {
        "outbox_delivered",
        "DELETE FROM outbox_message"
        " WHERE dkey = $1"
        "   AND sequence = $2",
    };
    static const struct statement HEALTHY = {
        "outbox_healthy",
        "UPDATE outbox_lane"
        "   SET failures = 0"
        " WHERE dkey = $1"
        "   AND failures > 0",
    };

    db_queue(db, &DELIVERED, NULL, DB_INT8(t->dkey), DB_INT8(t->sequence));
    if (t->failures > 0)
        db_queue(db, &HEALTHY, NULL, DB_INT8(t->dkey));
    t->failures = 0;
}

static void note_failure(struct serving *t, struct db *db, bool dead, struct str trouble)
{
    static const struct statement FAILED = {
        "outbox_failed",
        "UPDATE outbox_message"
        "   SET attempts = $3,"
        "       state = $4,"
        "       trouble = $5,"
        "       tried_at = now()"
        " WHERE dkey = $1"
        "   AND sequence = $2",
    };

    db_queue(db, &FAILED, NULL, DB_INT8(t->dkey), DB_INT8(t->sequence), DB_INT4(t->item.attempt),
             DB_TEXT(dead ? STR("dead") : STR("waiting")), DB_TEXT(trouble));
    metric_add(dead ? METRIC_outbox_dead_total : METRIC_outbox_failures_total, 1);
    log_warn(dead ? "outbox_dead_letter" : "outbox_failed", "kind=%s what=%.*s attempt=%d why=%.*s",
             t->to.kind, STR_ARG(t->item.what), t->item.attempt, STR_ARG(trouble));
}

/* Leaves the lane, for a while when it failed. */
static void release(struct serving *t, bool failed)
{
    static const struct statement RELEASE = {
        "outbox_release",
        "UPDATE outbox_lane"
        "   SET lease_owner = NULL,"
        "       lease_until = '-infinity',"
        "       failures = $3,"
        "       not_before = now() + make_interval(secs => $4)"
        " WHERE dkey = $1"
        "   AND lease_owner = $2",
    };
    struct db *db = take_database(t);

    t->failures += failed;
    db_queue(db, &RELEASE, NULL, DB_INT8(t->dkey), DB_UUID(t->owner), DB_INT4(t->failures),
             DB_FLOAT8(failed ? pause_seconds(t->config, t->failures) : 0));
    if (db_flush(db) != OK)
        log_warn("outbox_release", "the lease runs out by itself");
    give_database(t);
    if (t->connection != NULL && t->carrier != NULL)
        t->carrier->close(t->connection);
    t->connection = NULL;
}

/* What became of the head. False: leave the lane. */
static bool settle(struct serving *t, struct db *db, enum outbox_verdict v, struct str trouble)
{
    bool too_often = t->item.attempt >= t->config->outbox_attempts;

    if (v == OUTBOX_DELIVERED)
        remove_head(t, db);
    else
        note_failure(t, db, v == OUTBOX_REFUSED || too_often, trouble);
    return db_flush(db) == OK && v == OUTBOX_DELIVERED;
}

/* --- one message ----------------------------------------------------------------------------- */

enum step { STEP_GO_ON, STEP_EMPTY, STEP_FAILED };

static enum outbox_verdict deliver(struct serving *t, struct str bytes, struct outbox_delivery *d)
{
    enum outbox_verdict v;

    *d = (struct outbox_delivery){
        .config = t->config,
        .members = t->members,
        .item = &t->item,
        .bytes = bytes,
        .connection = &t->connection,
        .arena = &t->arena,
    };
    v = t->carrier->deliver(d);
    if (v == OUTBOX_DELIVERED) {
        metric_add(METRIC_outbox_delivered_total, 1);
        return v;
    }
    if (t->connection != NULL)
        t->carrier->close(t->connection);
    t->connection = NULL;
    return v;
}

static struct str words_of(const struct serving *t)
{
    return t->err.first != NULL ? str_from(t->err.first->code) : STR("it cannot be made");
}

/* Reads, makes and audits under the database's lock; sends without it; settles under it. */
static enum step serve_one(struct serving *t)
{
    struct db *db = take_database(t);
    struct outbox_delivery d;
    struct str bytes = STR_NONE;
    enum outbox_verdict v;
    enum status s;
    bool done;

    if (!read_head(t, db)) {
        give_database(t);
        return STEP_EMPTY;
    }
    s = t->carrier != NULL ? prepare(t, db, &bytes)
                           : fail(&t->err, INTERNAL, "carrier", "there is no such carrier");
    if (s != OK || bytes.p == NULL) {
        struct str why = words_of(t);

        db_attach(db, &t->arena, &t->err, clock_monotonic_us() + DATABASE_SECONDS * US_PER_SECOND);
        done = settle(t, db, s == OK ? OUTBOX_DELIVERED : OUTBOX_RETRY, why);
        give_database(t);
        return done ? STEP_GO_ON : STEP_FAILED;
    }
    give_database(t);
    v = deliver(t, bytes, &d);
    db = take_database(t);
    done = settle(t, db, v, str_from(d.trouble));
    give_database(t);
    return done || v == OUTBOX_REFUSED ? STEP_GO_ON : STEP_FAILED;
}

static void serve_lane(struct serving *t)
{
    enum step step = STEP_GO_ON;

    t->carrier = carrier_of(t->sender->hub, t->to.kind);
    for (int i = 0; i < TURN && step == STEP_GO_ON && !halt_asked(&t->sender->halt); i++) {
        t->members = hub_directory(t->sender->hub);
        step = serve_one(t);
        member_directory_release(t->members);
        arena_reset(&t->arena);
    }
    release(t, step == STEP_FAILED);
    arena_reset(&t->arena);
}

static void *run(void *p)
{
    struct outbox_sender *s = p;
    struct serving t = {.sender = s, .config = s->hub->config, .owner = uuid_v4()};

    arena_init(&t.arena);
    arena_init(&t.lane_arena);
    while (!halt_asked(&s->halt)) {
        if (claim_some_lane(&t))
            serve_lane(&t);
        else
            (void)halt_pause(&s->halt, POLL_US);
    }
    arena_dispose(&t.arena);
    arena_dispose(&t.lane_arena);
    return NULL;
}

struct outbox_sender *outbox_sender_start(struct hub *hub, struct errors *err)
{
    struct outbox_sender *s = calloc(1, sizeof(*s));

    must(s != NULL, "out of memory");
    s->hub = hub;
    s->db = db_open(hub->config->database, "causeway sender", err);
    if (s->db == NULL) {
        free(s);
        return NULL;
    }
    pthread_mutex_init(&s->db_lock, NULL);
    halt_init(&s->halt);
    for (int i = 0; i < hub->config->outbox_senders; i++) {
        must(pthread_create(&s->threads[i], NULL, run, s) == 0, "no thread for a sender");
        s->thread_count++;
    }
    return s;
}

void outbox_sender_stop(struct outbox_sender *s)
{
    halt_ask(&s->halt);
    for (int i = 0; i < s->thread_count; i++)
        pthread_join(s->threads[i], NULL);
    db_close(s->db);
    free(s);
}
