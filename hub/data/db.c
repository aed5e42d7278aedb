#include "hub/data/db.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "hub/base/clock.h"
#include "hub/base/log.h"
#include "hub/data/db_priv.h"

/* How long past the deadline a client waits for the server's own statement_timeout to answer
 * before it gives the connection up. */
#define DEADLINE_GRACE_US (US_PER_SECOND / 2)
#define ROLLBACK_LIMIT_US (5 * US_PER_SECOND)

static const struct statement BEGIN_READ_COMMITTED = {
    "db_begin_rc",
    "BEGIN ISOLATION LEVEL READ COMMITTED",
};
static const struct statement BEGIN_REPEATABLE_READ = {
    "db_begin_rr",
    "BEGIN ISOLATION LEVEL REPEATABLE READ",
};
static const struct statement SET_DEADLINE = {
    "db_set_deadline",
    "SELECT set_config('statement_timeout', $1, true)",
};
static const struct statement COMMIT = {"db_commit", "COMMIT"};
static const struct statement ROLLBACK = {"db_rollback", "ROLLBACK"};

/* --- faults ------------------------------------------------------------------------------- */

/* SQLSTATE, or its class (two letters), and what it means to the caller. The first that fits. */
static const struct {
    const char *state;
    enum status status;
} meanings[] = {
    {"40001", CONFLICT}, {"40P01", CONFLICT}, {"23505", CONFLICT}, {"57014", TIMED_OUT},
    {"55P03", BUSY},     {"22021", INVALID},  {"25006", UPSTREAM}, {"25P03", UPSTREAM},
    {"08", UPSTREAM},    {"53", UPSTREAM},    {"57P", UPSTREAM},   {"58", UPSTREAM},
};

static enum status meaning_of(const char *state)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
            return meanings[i].status;
    return INTERNAL;
}

static const char *or_none(const char *s)
{
    return s != NULL ? s : "none";
}

/* Our prepared statements no longer fit the schema, or the server has become a standby. */
static bool tells_of_change(const char *state)
{
    return strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0 ||
           strcmp(state, "25006") == 0;
}

/* The server's words may quote values (23505, 22P02): only those about the statement itself are
 * logged. */
static const char *words_of(const char *state, const PGresult *r)
{
    bool about_the_statement = strncmp(state, "42", 2) == 0 || strncmp(state, "57", 2) == 0 ||
                               strncmp(state, "53", 2) == 0;

    return about_the_statement ? or_none(PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY))
                               : "withheld";
}

static enum status refused(struct db *db, const struct statement *s, const PGresult *r)
{
    const char *state = or_none(PQresultErrorField(r, PG_DIAG_SQLSTATE));
    enum status status = meaning_of(state);

    db->stale |= tells_of_change(state);
    if (db->err == NULL)
        return status;
    log_write(status == CONFLICT ? LOG_INFO : LOG_ERROR, "db_refused",
              "statement=%s sqlstate=%s constraint=%s words=%s", s->name, state,
              or_none(PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME)), words_of(state, r));
    return fail(db->err, status, "Database", "the database refused %s with SQLSTATE %s", s->name,
                state);
}

/* --- the queue ---------------------------------------------------------------------------- */

static void queue_clear(struct db *db)
{
    db->first = db->last = NULL;
}

void db_attach(struct db *db, struct arena *a, struct errors *err, int64_t deadline_us)
{
    must(db->stage == OUTSIDE, "a request that left its transaction open");
    db->arena = a;
    db->err = err;
    db->deadline_us = deadline_us;
    db->notes = false;
    queue_clear(db);
}

bool db_only_selects(const struct statement *s)
{
    return strncmp(s->sql, "SELECT", 6) == 0 && strstr(s->sql, "FOR ") == NULL;
}

void db_queue_params(struct db *db, const struct statement *s, struct rows *rows,
                     struct db_params params)
{
    struct queued *q = ARENA_NEW(db->arena, struct queued);

    db->changes |= !db_only_selects(s);
    *q = (struct queued){.statement = s, .rows = rows, .params = params};
    if (rows != NULL)
        *rows = (struct rows){0};
    if (db->last != NULL)
        db->last->next = q;
    else
        db->first = q;
    db->last = q;
}

void db_queue_values(struct db *db, const struct statement *s, struct rows *rows,
                     const struct db_value *values, size_t count)
{
    db_queue_params(db, s, rows, db_params_encode(db->arena, values, count));
}

/* The server is told of a deadline unless the connection's own limit says nearly the same. */
static void queue_deadline(struct db *db)
{
    int64_t left_us = db->deadline_us - clock_monotonic_us();
    int64_t left_ms = left_us / 1000;

    if (left_us <= db->limit_us && left_us > db->limit_us - DEADLINE_GRACE_US / 2)
        return;
    if (left_ms < 1)
        left_ms = 1; /* 0 would mean none */
    db_queue(db, &SET_DEADLINE, NULL, DB_TEXT(str_printf(db->arena, "%lld", (long long)left_ms)));
}

void db_begin(struct db *db, enum isolation isolation)
{
    must(db->stage == OUTSIDE, "a transaction within a transaction");
    must(db->first == NULL, "statements that were queued before their transaction");
    db->stage = BEGUN;
    db_queue0(db, isolation == READ_COMMITTED ? &BEGIN_READ_COMMITTED : &BEGIN_REPEATABLE_READ,
              NULL);
    if (db->deadline_us != 0)
        queue_deadline(db);
    db->begin = db->last;
    db->changes = db->notes = false;
}

/* --- sending ------------------------------------------------------------------------------ */

static size_t bucket_of(const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h % PREPARED_BUCKETS;
}

static struct prepared *prepared_of(struct db *db, const struct queued *q)
{
    struct prepared **bucket = &db->prepared[bucket_of(q->statement->name)];
    size_t bytes = (size_t)q->params.count * sizeof(Oid);
    struct prepared *p = *bucket;

    while (p != NULL && strcmp(p->statement->name, q->statement->name) != 0)
        p = p->next;
    if (p == NULL) {
        p = ARENA_NEW(&db->session, struct prepared);
        *p =
            (struct prepared){.statement = q->statement, .count = q->params.count, .next = *bucket};
        p->types = arena_copy(&db->session, q->params.types, bytes);
        *bucket = p;
    }
    must(p->statement == q->statement || strcmp(p->statement->sql, q->statement->sql) == 0,
         "two statements of one name");
    must(p->count == q->params.count && memcmp(p->types, q->params.types, bytes) == 0,
         "a statement whose parameters change their types");
    return p;
}

static bool send_one(struct db *db, struct queued *q)
{
    const struct db_params *v = &q->params;
    struct prepared *p = prepared_of(db, q);
    const char *name = q->statement->name;

    q->prepares = p->known ? NULL : p;
    if (q->prepares != NULL &&
        !PQsendPrepare(db->conn, name, q->statement->sql, v->count, v->types))
        return false;
    p->known = true;
    return PQsendQueryPrepared(db->conn, name, v->count, v->values, v->lengths, v->formats, 1);
}

/* Waits for the socket; false when the deadline and its grace are over. */
static bool wait_for(struct db *db, short events)
{
    struct pollfd p = {.fd = PQsocket(db->conn), .events = events};
    int timeout_ms = -1, n;

    do {
        if (db->deadline_us != 0) {
            int64_t left = db->deadline_us + DEADLINE_GRACE_US - clock_monotonic_us();

            timeout_ms = left > 0 ? (int)(left / 1000) + 1 : 0;
        }
        n = poll(&p, 1, timeout_ms);
    } while (n < 0 && errno == EINTR);
    must(n >= 0, "poll on the database's socket");
    return n > 0;
}

/* Writes everything, reading meanwhile: a server whose answers nobody takes stops reading. */
static enum status send_all(struct db *db)
{
    int left;

    for (struct queued *q = db->first; q != NULL; q = q->next)
        if (!send_one(db, q))
            return db_lost(db, UPSTREAM, "it takes no statement");
    if (!PQpipelineSync(db->conn))
        return db_lost(db, UPSTREAM, "it takes no statement");
    while ((left = PQflush(db->conn)) == 1) {
        if (!wait_for(db, POLLIN | POLLOUT))
            return db_lost(db, TIMED_OUT, "the deadline passed while sending");
        if (!PQconsumeInput(db->conn))
            return db_lost(db, UPSTREAM, "it hung up");
    }
    return left == 0 ? OK : db_lost(db, UPSTREAM, "it hung up");
}

/* --- receiving ---------------------------------------------------------------------------- */

/* The next result, or NULL at the end of a statement's. */
static enum status take(struct db *db, PGresult **out)
{
    while (PQisBusy(db->conn)) {
        if (!wait_for(db, POLLIN))
            return db_lost(db, TIMED_OUT, "no answer before the deadline");
        if (!PQconsumeInput(db->conn))
            return db_lost(db, UPSTREAM, "it hung up");
    }
    *out = PQgetResult(db->conn);
    if (PQstatus(db->conn) == CONNECTION_OK)
        return OK;
    PQclear(*out);
    return db_lost(db, UPSTREAM, "it hung up");
}

static void clear_result(void *r)
{
    PQclear(r);
}

static void rows_fill(struct db *db, struct rows *rows, PGresult *r)
{
    struct str tuples = str_from(PQcmdTuples(r));
    uint64_t affected = 0;

    str_to_u64(tuples, &affected);
    *rows = (struct rows){r, PQntuples(r), (int64_t)affected};
    arena_defer(db->arena, clear_result, r);
}

/* Takes the one result of a Parse or of an execution, with the NULL behind it. *status is the
 * flush's: the first refusal of a pipeline stays, what the server then skips is silent. */
static enum status collect_one(struct db *db, const struct queued *q, struct rows *rows,
                               enum status *status, bool *done)
{
    PGresult *r, *end;
    ExecStatusType kind;

    TRY(take(db, &r));
    kind = PQresultStatus(r);
    *done = kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK;
    if (!*done && kind != PGRES_PIPELINE_ABORTED && *status == OK)
        *status = refused(db, q->statement, r);
    if (*done && rows != NULL)
        rows_fill(db, rows, r);
    else
        PQclear(r);
    TRY(take(db, &end));
    if (end == NULL)
        return OK;
    PQclear(end);
    return db_lost(db, UPSTREAM, "it ended within a flush");
}

/* A server that ends itself (57P01) may say so in place of the last result. */
static enum status collect_all(struct db *db, const struct queued *q, enum status *status)
{
    PGresult *sync;
    bool done, ended;

    for (; q != NULL; q = q->next) {
        if (q->prepares != NULL) {
            TRY(collect_one(db, q, NULL, status, &done));
            q->prepares->known = done;
        }
        TRY(collect_one(db, q, q->rows, status, &done));
    }
    TRY(take(db, &sync));
    ended = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return ended ? OK : db_lost(db, UPSTREAM, "it ended within a flush");
}

/* After a refusal no result of the flush is to be seen. */
static enum status forget_rows(const struct queued *q, enum status status)
{
    for (; q != NULL; q = q->next)
        if (q->rows != NULL)
            *q->rows = (struct rows){0};
    return status;
}

static enum status exchange(struct db *db)
{
    enum status refusal = OK, broken;
    struct queued *sent = db->first;

    db->flushes++;
    broken = send_all(db);
    if (broken == OK)
        broken = collect_all(db, sent, &refusal);
    queue_clear(db);
    if (broken == OK && refusal == OK) {
        db_note(db, sent);
        return OK;
    }
    return forget_rows(sent, broken != OK ? broken : refusal);
}

/* Takes the answer that db_end_reading left behind: it has come long since. A connection that has
 * none is given up, and that is no fault of whoever is next. */
static void settle(struct db *db)
{
    const struct queued commit = {.statement = &COMMIT};
    struct errors *err = db->err;
    enum status refusal = OK;

    if (!db->owed)
        return;
    db->owed = false;
    db->err = NULL;
    if (collect_all(db, &commit, &refusal) == OK && refusal != OK)
        db_disconnect(db);
    db->err = err;
}

static bool usable(struct db *db)
{
    settle(db);
    return db->conn != NULL && !db->stale && db_alive(db);
}

enum status db_flush(struct db *db)
{
    enum status status;

    if (db->stage == BROKEN)
        return fail(db->err, INTERNAL, "Database", "the transaction has already failed");
    if (db->first == NULL)
        return OK;
    if (db->deadline_us != 0 && clock_monotonic_us() >= db->deadline_us)
        return fail(db->err, TIMED_OUT, "Database", "the request's deadline has passed");
    if (db->stage == RECALLING)
        return db_recall(db);
    if (db->stage != OPEN && !usable(db))
        TRY(db_reconnect(db));
    status = exchange(db);
    if (db->stage != OUTSIDE)
        db->stage = status == OK ? OPEN : BROKEN;
    return status;
}

/* --- the ends of a transaction ------------------------------------------------------------ */

enum status db_commit(struct db *db)
{
    struct rows done;

    must(db->stage != OUTSIDE, "a commit without a transaction");
    if (db->stage == BEGUN && db->last == db->begin) { /* nothing to do */
        queue_clear(db);
        db->stage = OUTSIDE;
        return OK;
    }
    db_queue0(db, &COMMIT, &done);
    TRY(db_flush(db));
    db->stage = OUTSIDE;
    must(strcmp(PQcmdStatus(done.result), "COMMIT") == 0, "COMMIT that rolled back unnoticed");
    return OK;
}

bool db_only_read(const struct db *db)
{
    return db->stage == OPEN && db->first == NULL && !db->changes;
}

/* The answer is waited for where it says whether the statement is prepared: once a connection. */
void db_end_reading(struct db *db)
{
    struct errors *err = db->err;
    enum status refusal = OK, broken;
    const struct queued *commit;

    must(db_only_read(db), "changes that nobody would wait for");
    db->err = NULL;
    db_queue0(db, &COMMIT, NULL);
    commit = db->last;
    broken = send_all(db);
    db->owed = broken == OK && commit->prepares == NULL;
    if (broken == OK && !db->owed)
        broken = collect_all(db, commit, &refusal);
    if (broken == OK && refusal != OK)
        db_disconnect(db);
    queue_clear(db);
    db->stage = OUTSIDE;
    db->err = err;
}

/* Only a connection that is between two flushes can say ROLLBACK; another is given up. */
static bool can_roll_back(const struct db *db)
{
    PGTransactionStatusType t = PQtransactionStatus(db->conn);

    return PQstatus(db->conn) == CONNECTION_OK && (t == PQTRANS_INTRANS || t == PQTRANS_INERROR);
}

void db_rollback(struct db *db)
{
    struct errors *err = db->err;
    int64_t deadline_us = db->deadline_us;

    queue_clear(db);
    settle(db);
    db->stage = OUTSIDE;
    if (db->conn == NULL || PQtransactionStatus(db->conn) == PQTRANS_IDLE)
        return;
    db->err = NULL;
    db->deadline_us = clock_monotonic_us() + ROLLBACK_LIMIT_US;
    db_queue0(db, &ROLLBACK, NULL);
    if (!can_roll_back(db) || exchange(db) != OK)
        db_disconnect(db);
    queue_clear(db);
    db->err = err;
    db->deadline_us = deadline_us;
}

uint64_t db_flushes(const struct db *db)
{
    return db->flushes;
}
