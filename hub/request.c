#include "hub/run.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hub/audit/group.h"
#include "hub/base/hints.h"
#include "hub/base/log.h"
#include "hub/principal.h"
#include "hub/request_audit.h"
#include "hub/xua.h"

enum { ATTEMPTS = 5, DOUBTED_ONE_IN = 64 };

/* Read in the first flush of every transaction: has the members' directory moved, or the domain's
 * rules of consent, or the value sets that label documents? */
static const struct statement EPOCHS = {
    "hub_epochs",
    "SELECT name, value\n"
    "  FROM epoch\n"
    " WHERE name IN ('member', 'consent', 'labels')",
};

bool request_has_epochs(const struct request *rq)
{
    return rq->epochs_queued;
}

bool request_epoch(const struct request *rq, const char *name, int64_t *value)
{
    for (int i = 0; i < rq->epochs.count; i++)
        if (str_eq(row_text(&rq->epochs, i, 0), str_from(name))) {
            *value = row_int(&rq->epochs, i, 1);
            return true;
        }
    return false;
}

enum status request_alive(struct request *rq)
{
    if (atomic_load(&rq->exchange->cancelled))
        return fail(rq->err, TIMED_OUT, "gone", "The client has gone");
    if (clock_monotonic_us() > rq->deadline_us)
        return fail(rq->err, TIMED_OUT, "deadline", "The request took longer than its deadline");
    return OK;
}

struct str request_id(struct request *rq)
{
    return uuid_text(rq->arena, rq->id);
}

void request_about(struct request *rq, const char *kind, struct str id, struct str detail)
{
    struct audit_object *o = ARENA_NEW(rq->arena, struct audit_object);

    *o = (struct audit_object){.kind = kind, .id = id, .detail = detail, .next = rq->about};
    rq->about = o;
}

struct request_wait {
    const struct transaction *then;
    void (*begin)(struct request *rq, void *p);
    void *p;
};

void request_wait(struct request *rq, const struct transaction *then,
                  void (*begin)(struct request *rq, void *p), void *p)
{
    must(rq->wait == NULL, "a request waits for one thing at a time");
    rq->wait = ARENA_NEW(rq->arena, struct request_wait);
    *rq->wait = (struct request_wait){then, begin, p};
}

void request_shown_all(struct request *rq)
{
    rq->shown_all = true;
}

bool request_recalls(const struct request *rq)
{
    return rq->recalls;
}

void request_wake(struct request *rq)
{
    queue_return(rq->hub->lanes[LANE_MEMBERS], rq->exchange);
}

struct undo {
    void (*fn)(void *);
    void *p;
    struct undo *next;
};

void request_on_rollback(struct request *rq, void (*fn)(void *), void *p)
{
    struct undo *u = ARENA_NEW(rq->arena, struct undo);

    *u = (struct undo){fn, p, rq->undo};
    rq->undo = u;
}

static void undo_all(struct request *rq)
{
    for (; rq->undo != NULL; rq->undo = rq->undo->next)
        rq->undo->fn(rq->undo->p);
}

/* The directory that the handler worked with must be the one in force in its own snapshot. */
static enum status check_directory(struct request *rq)
{
    int64_t epoch;

    if (rq->epochs.result == NULL)
        TRY(db_flush(rq->db)); /* the handler had nothing to flush */
    if (request_epoch(rq, "member", &epoch) && epoch == rq->members->epoch)
        return OK;
    return fail(rq->err, CONFLICT, "members", "The members changed while the request ran");
}

/* A number of this process, for what is kept for this caller at this door. */
static uint64_t asker(const struct request *rq)
{
    return hints_key(principal_hash(rq), (uintptr_t)rq->transaction);
}

/* An assertion's use has to be written down in the transaction that it is used in. */
static bool may_recall(const struct request *rq)
{
    return rq->transaction->recalls && !rq->use.is_due;
}

/* In a transaction that has begun. */
static enum status run_to_commit(struct request *rq, struct reply *rp, struct audit_ready *ready)
{
    struct rows mark = {0};
    void *patient;

    rq->epochs = (struct rows){0};
    rq->epochs_queued = true;
    rq->shown_all = false;
    db_queue0(rq->db, &EPOCHS, &rq->epochs);
    xua_use_queue(rq, &mark);
    principal_patient_queue(rq, &patient);
    TRY(rq->transaction->handle(rq, rp));
    if (rq->wait == NULL && rq->route->protocol->finish != NULL)
        TRY(rq->route->protocol->finish(rq, rp));
    TRY(check_directory(rq));
    TRY(xua_use_check(rq, &mark));
    TRY(principal_patient_check(rq, patient));
    TRY(request_alive(rq));
    return request_audit_make(rq, ready);
}

/* A connection that was lost, or given up, while COMMIT was under way: it may have committed. */
static enum status run_in_transaction(struct request *rq, struct reply *rp)
{
    struct audit_ready ready;
    enum status s;
    bool known = true;

    bool notes = may_recall(rq);

    db_begin(rq->db, rq->transaction->isolation);
    if (notes)
        db_note_reads(rq->db);
    s = run_to_commit(rq, rp, &ready);
    if (s == OK && notes && rq->shown_all)
        db_remember(rq->db, asker(rq));
    if (s == OK) {
        s = audit_commit(rq->hub->audit_group, rq->db, rq->arena, &ready, rq->deadline_us, rq->err);
        known = s != UPSTREAM && s != TIMED_OUT;
    }
    if (s != OK && known)
        undo_all(rq);
    if (s == OK && rq->use.is_due)
        rq->use = (struct assertion_use){.is_kept = true};
    rq->undo = NULL;
    return s;
}

static void take_directory(struct request *rq)
{
    if (rq->members != NULL)
        member_directory_release((struct member_directory *)rq->members);
    rq->members = hub_directory(rq->hub);
}

/* What is known of the request before its first attempt. */
struct start {
    const struct transaction *transaction;
    struct audit_object *about;
    struct str patient;
    struct person_ref person;
};

static void forget_attempt(struct request *rq, const struct start *start, struct reply *rp)
{
    db_rollback(rq->db);
    errors_init(rq->err, rq->arena);
    rq->audit = (struct audit_list){0};
    rq->emergencies = NULL;
    rq->transaction = start->transaction;
    rq->about = start->about;
    rq->patient = start->patient;
    rq->person = start->person;
    rq->wait = NULL;
    reply_reset(rp);
}

/* True: all that was asked for was in memory, and it is shown; nobody knows yet whether rightly. */
static bool recall(struct request *rq, struct reply *rp, struct audit_ready *ready,
                   struct recalled *recalled)
{
    enum status s;
    bool whole;

    db_begin_recalling(rq->db, asker(rq));
    rq->recalls = true;
    s = run_to_commit(rq, rp, ready);
    rq->recalls = false;
    whole = db_end_recalling(rq->db, recalled);
    ready->rests_on = recalled;
    return s == OK && whole && rq->shown_all && rq->wait == NULL;
}

/* Of what was remembered a part may move that the caller need not know of: that somebody else's
 * consent about the patient has changed. Its answer takes longer then, once. As one in so many does
 * anyhow, that says nothing. */
static bool is_doubted(void)
{
    return randombytes_uniform(DOUBTED_ONE_IN) == 0;
}

/* The whole road on what is in memory, proven in the commit of its audit rows. True: that is the
 * answer, or the fault, of the request. Else nothing has happened. */
static bool is_answered_from_memory(struct request *rq, struct reply *rp, enum status *s)
{
    struct recalled recalled;
    struct audit_ready ready;

    metrics_hold();
    if (!recall(rq, rp, &ready, &recalled)) {
        metrics_release(false);
        return false;
    }
    recalled.is_doubted = is_doubted();
    *s = audit_commit(rq->hub->audit_group, rq->db, rq->arena, &ready, rq->deadline_us, rq->err);
    metrics_release(*s == OK);
    if (*s == OK) {
        metric_add(METRIC_requests_recalled_total, 1);
    } else if (*s == CONFLICT) {
        recalled_forget(&recalled);
        metric_add(METRIC_requests_moved_total, 1);
    }
    return *s == OK || *s == UPSTREAM || *s == TIMED_OUT;
}

/* Competitors that collided wait a little, each for another time. */
static void back_off(int attempt)
{
    usleep(1000u * (1u << attempt) + randombytes_uniform(2000));
}

static enum status run_handler(struct request *rq, struct reply *rp)
{
    const struct start start = {rq->transaction, rq->about, rq->patient, rq->person};
    enum status s = OK;

    if (may_recall(rq)) {
        if (is_answered_from_memory(rq, rp, &s))
            return s;
        undo_all(rq);
        forget_attempt(rq, &start, rp);
        db_attach(rq->db, rq->arena, rq->err, rq->deadline_us);
    }
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (attempt > 0) {
            forget_attempt(rq, &start, rp);
            back_off(attempt);
            metric_add(METRIC_requests_retried_total, 1);
            TRY(hub_directory_refresh(rq->hub, rq->db));
            take_directory(rq);
            TRY(principal_build(rq));
            TRY(principal_admit(rq));
            TRY(principal_prove(rq));
        }
        s = run_in_transaction(rq, rp);
        if (s != CONFLICT)
            break;
    }
    return s;
}

static enum status record_failure(struct request *rq, enum status status, struct reply *rp)
{
    struct audit_ready ready;
    struct errors audit_errors;

    request_audit_failure(rq, status);
    errors_init(&audit_errors, rq->arena);
    db_attach(rq->db, rq->arena, &audit_errors, clock_monotonic_us() + 5 * US_PER_SECOND);
    db_begin(rq->db, READ_COMMITTED);
    if (rq->route->protocol->keep_failure != NULL)
        TRY(rq->route->protocol->keep_failure(rq, rp));
    TRY(request_audit_make(rq, &ready));
    return audit_commit(NULL, rq->db, rq->arena, &ready, 0, &audit_errors);
}

/* Renders the failure, and sends nothing of it before it is on record. */
static void answer_failure(struct request *rq, enum status status, struct reply *rp)
{
    const struct protocol *protocol = rq->route->protocol;

    db_rollback(rq->db);
    if (rq->err->first == NULL)
        fail(rq->err, status, "internal", "The request failed for a reason that was not recorded");
    reply_reset(rp);
    protocol->render_failure(rq, status, rp);
    if (rq->route->admin || record_failure(rq, status, rp) == OK)
        return;
    db_rollback(rq->db);
    log_error("audit_unwritable", "status=%s", status_name(status));
    errors_init(rq->err, rq->arena);
    fail(rq->err, UPSTREAM, "unavailable",
         "The hub cannot reach its database; send it again later");
    reply_reset(rp);
    protocol->render_failure(rq, UPSTREAM, rp);
}

/* The admin listener's doors: no member, no transaction of the hub's, no audit. */
static enum status run_admin(struct request *rq, struct reply *rp)
{
    TRY(rq->route->protocol->open(rq));
    return rq->transaction->handle(rq, rp);
}

/* Success is checked against the directory in force, with the transaction; a refusal has none, so
 * it looks again before it turns away whom the operator has let in a moment ago. */
static enum status prove_person(struct request *rq)
{
    const struct transaction *asked = rq->transaction;
    struct audit_object *about = rq->about;
    int64_t epoch = rq->members->epoch;
    enum status s = principal_prove(rq);

    if (s == OK)
        return OK;
    TRY(hub_directory_refresh(rq->hub, rq->db));
    take_directory(rq);
    if (rq->members->epoch == epoch)
        return s;
    errors_init(rq->err, rq->arena);
    rq->transaction = asked;
    rq->about = about;
    TRY(principal_build(rq));
    TRY(principal_admit(rq));
    return principal_prove(rq);
}

static enum status run_member(struct request *rq, struct reply *rp)
{
    TRY(principal_build(rq));
    log_context(request_id(rq), rq->principal.member->name);
    TRY(rq->route->protocol->open(rq));
    TRY(principal_admit(rq));
    TRY(prove_person(rq));
    return run_handler(rq, rp);
}

static void log_failure(const struct request *rq, enum status status)
{
    const struct failure *f = rq->err->first;

    log_write(status == INTERNAL || status == UPSTREAM ? LOG_ERROR : LOG_INFO, "request_failed",
              "transaction=%s status=%s code=%s", rq->transaction ? rq->transaction->name : "?",
              status_name(status), f ? f->code : "");
}

static void leave_outcome(struct request *rq, enum status status)
{
    struct outcome *o = ARENA_NEW(rq->arena, struct outcome);
    const struct member *m = rq->principal.member;

    o->transaction = rq->transaction ? rq->transaction->name : "?";
    o->status = status_name(status);
    o->flushes = db_flushes(rq->db) - rq->flushes_before;
    if (m != NULL) {
        snprintf(o->member, sizeof(o->member), "%.*s", STR_ARG(m->name));
        o->member_id = m->id;
    }
    rq->exchange->user = o;
}

static struct request *begin(struct hub *hub, struct exchange *ex)
{
    struct request *rq = ARENA_NEW(&ex->arena, struct request);

    *rq = (struct request){
        .magic = REQUEST_MAGIC,
        .hub = hub,
        .config = hub->config,
        .exchange = ex,
        .route = ex->route,
        .arena = &ex->arena,
        .err = ARENA_NEW(&ex->arena, struct errors),
        .id = ex->id,
    };
    log_context(request_id(rq), STR_NONE);
    take_directory(rq);
    return rq;
}

/* With this worker's connection, and time of its own. */
static void go_on(struct request *rq, struct db *db)
{
    const struct member *m = rq->principal.member;

    log_context(request_id(rq), m != NULL ? m->name : STR_NONE);
    errors_init(rq->err, rq->arena);
    rq->db = db;
    rq->now_us = clock_now_us();
    rq->deadline_us = clock_monotonic_us() + rq->config->request_seconds * US_PER_SECOND;
    rq->flushes_before += db_flushes(db);
    db_attach(db, rq->arena, rq->err, rq->deadline_us);
}

static enum status run(struct request *rq, bool woken)
{
    struct reply *rp = &rq->exchange->reply;

    if (woken)
        return run_handler(rq, rp);
    return rq->route->admin ? run_admin(rq, rp) : run_member(rq, rp);
}

/* From `begin` on it is another's. */
static void sleep_on(struct request *rq)
{
    struct request_wait *w = rq->wait;

    rq->flushes_before -= db_flushes(rq->db);
    rq->wait = NULL;
    rq->db = NULL;
    rq->transaction = w->then;
    rq->audit = (struct audit_list){0};
    rq->emergencies = NULL;
    rq->exchange->waiting = rq;
    reply_reset(&rq->exchange->reply);
    log_context(STR_NONE, STR_NONE);
    w->begin(rq, w->p);
}

/* The answer's time is rounded up, failures alike: what it took to leave something out is a part of
 * it (tests/e2e/test_consent_timing.py). */
static void even_out(const struct request *rq, struct exchange *ex)
{
    int64_t step = rq->config->answer_step_ms * 1000, took;

    if (step == 0 || rq->transaction == NULL || rq->transaction->door.kind != DOOR_DISCLOSES)
        return;
    took = clock_monotonic_us() - ex->received_us;
    ex->not_before_us = ex->received_us + (took / step + 1) * step;
}

bool request_run(struct hub *hub, struct db *db, struct exchange *ex)
{
    bool woken = ex->waiting != NULL;
    struct request *rq = woken ? ex->waiting : begin(hub, ex);
    enum status s;

    go_on(rq, db);
    s = run(rq, woken);
    if (s == OK && rq->wait != NULL) {
        sleep_on(rq);
        return false;
    }
    if (s != OK) {
        log_failure(rq, s);
        answer_failure(rq, s, &ex->reply);
    }
    leave_outcome(rq, s);
    even_out(rq, ex);
    member_directory_release((struct member_directory *)rq->members);
    log_context(STR_NONE, STR_NONE);
    return true;
}
