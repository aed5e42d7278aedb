#include "hub/audit/group.h"

#include <pthread.h>
#include <stdlib.h>

#include "hub/base/clock.h"

enum {
    REQUESTS_MOST = 64, /* of one commit */
    BYTES_MOST = 1 << 20,
    ROWS_EACH = 16, /* of a request that shares */
    BYTES_EACH = 1 << 16
};

/* What is left to whoever has waited, at least. */
#define LATE_US (5 * US_PER_SECOND)

enum turn {
    WAITS,
    COMMITS, /* for itself and those behind it */
    IS_DONE,
    ALONE,    /* the commit that had its rows failed */
    IN_DOUBT, /* or nobody knows whether it did */
    HAS_MOVED /* what its rows rest on: they are not written */
};

struct waiter {
    const struct audit_ready *ready;
    int64_t deadline_us;
    bool has_moved; /* what the rows rest on, found by whoever commits them */
    enum turn turn;
    pthread_cond_t changed;
    struct waiter *next;
};

struct audit_group {
    pthread_mutex_t lock;
    bool busy; /* somebody commits */
    struct waiter *first, **end;
};

/* Whose rows one commit has. The first one's is the thread that commits. */
struct batch {
    struct waiter *v[REQUESTS_MOST];
    size_t n, bytes;
};

struct audit_group *audit_group_new(void)
{
    struct audit_group *g = calloc(1, sizeof(*g));

    must(g != NULL, "out of memory");
    pthread_mutex_init(&g->lock, NULL);
    g->end = &g->first;
    return g;
}

void audit_group_free(struct audit_group *g)
{
    if (g == NULL)
        return;
    must(!g->busy && g->first == NULL, "audit rows that nobody commits");
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* False when somebody commits already: then it stands in the queue. */
static bool leads(struct audit_group *g, struct waiter *me)
{
    bool first;

    pthread_mutex_lock(&g->lock);
    first = !g->busy;
    g->busy = true;
    if (!first) {
        *g->end = me;
        g->end = &me->next;
    }
    pthread_mutex_unlock(&g->lock);
    return first;
}

/* Returns when it is this one's turn, or another has committed its rows, or tried to. */
static enum turn await_turn(struct audit_group *g, struct waiter *me)
{
    enum turn turn;

    pthread_mutex_lock(&g->lock);
    while (me->turn == WAITS)
        pthread_cond_wait(&me->changed, &g->lock);
    turn = me->turn;
    pthread_mutex_unlock(&g->lock);
    return turn;
}

/* What it is to write these, and to prove what they rest on. */
static size_t weight(const struct audit_ready *ready)
{
    return ready->bytes + (ready->rests_on != NULL ? ready->rests_on->bytes : 0);
}

static void batch_add(struct batch *b, struct waiter *w)
{
    b->v[b->n++] = w;
    b->bytes += weight(w->ready);
}

static void take_waiting(struct audit_group *g, struct batch *b)
{
    pthread_mutex_lock(&g->lock);
    while (g->first != NULL && b->n < REQUESTS_MOST &&
           b->bytes + weight(g->first->ready) <= BYTES_MOST) {
        batch_add(b, g->first);
        g->first = g->first->next;
    }
    if (g->first == NULL)
        g->end = &g->first;
    pthread_mutex_unlock(&g->lock);
}

static void give_turn(struct waiter *w, enum turn turn)
{
    w->turn = turn;
    pthread_cond_signal(&w->changed);
}

/* Lets the others of the batch go, and the first that waits commit next. */
static void hand_on(struct audit_group *g, const struct batch *b, enum turn turn)
{
    pthread_mutex_lock(&g->lock);
    for (size_t i = 1; i < b->n; i++)
        give_turn(b->v[i], b->v[i]->has_moved ? HAS_MOVED : turn);
    if (g->first == NULL) {
        g->busy = false;
    } else {
        struct waiter *next = g->first;

        g->first = next->next;
        if (g->first == NULL)
            g->end = &g->first;
        give_turn(next, COMMITS);
    }
    pthread_mutex_unlock(&g->lock);
}

/* --- writing what a batch has -------------------------------------------------------------- */

static bool rests_on_memory(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i]->ready->rests_on != NULL)
            return true;
    return false;
}

/* In a snapshot that is later than all of them: the one in which the thread that commits has read
 * may be earlier than another's request. */
static enum status prove(struct db *db, struct arena *a, const struct batch *b)
{
    const struct recalled *of[REQUESTS_MOST];
    struct proof proof;
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        if (b->v[i]->ready->rests_on != NULL)
            of[n++] = b->v[i]->ready->rests_on;
    proof_queue(db, a, of, n, &proof);
    TRY(db_flush(db));
    for (size_t i = 0; i < b->n; i++)
        b->v[i]->has_moved =
            b->v[i]->ready->rests_on != NULL && !proof_holds(&proof, b->v[i]->ready->rests_on);
    return OK;
}

static void queue_rows(struct db *db, struct arena *a, const struct batch *b)
{
    const struct audit_ready *ready[REQUESTS_MOST];
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        if (!b->v[i]->has_moved && b->v[i]->ready->n > 0)
            ready[n++] = b->v[i]->ready;
    if (n == 1)
        audit_ready_queue(db, ready[0]);
    else if (n > 1)
        audit_ready_queue_all(db, a, ready, n);
}

/* In the open transaction of the one that commits, or in a new one. Until COMMIT was sent nothing
 * is in doubt. */
static enum status write_rows(struct db *db, struct arena *a, const struct batch *b, bool *sent)
{
    bool proves = rests_on_memory(b), open = db_only_read(db);

    if (open && proves)
        db_end_reading(db);
    if (!open || proves)
        db_begin(db, proves ? REPEATABLE_READ : READ_COMMITTED);
    if (proves)
        TRY(prove(db, a, b));
    queue_rows(db, a, b);
    *sent = true;
    return db_commit(db);
}

/* --- alone ----------------------------------------------------------------------------------- */

static enum status moved(struct errors *err)
{
    return fail(err, CONFLICT, "moved", "what the request took from memory has changed");
}

static enum status commit_own(struct db *db, struct arena *a, struct waiter *me, struct errors *err)
{
    struct batch b = {.n = 0};
    bool sent = false;

    batch_add(&b, me);
    TRY(write_rows(db, a, &b, &sent));
    return me->has_moved ? moved(err) : OK;
}

/* Its work is done and its time went by in another's commit. */
static void attach_anew(struct db *db, struct arena *a, const struct waiter *me, struct errors *err)
{
    int64_t least_us = clock_monotonic_us() + LATE_US;
    bool late = me->deadline_us != 0 && me->deadline_us < least_us;

    db_attach(db, a, err, late ? least_us : me->deadline_us);
}

static void attach_after_failure(struct db *db, struct arena *a, const struct waiter *me,
                                 struct errors *err)
{
    db_rollback(db);
    errors_init(err, a);
    attach_anew(db, a, me, err);
}

/* The refusal may have been of another one's row. */
static enum status commit_again(struct db *db, struct arena *a, struct waiter *me,
                                struct errors *err)
{
    attach_after_failure(db, a, me, err);
    return commit_own(db, a, me, err);
}

/* Ids are in use by nobody else: rows that are there already were committed, all of them, and what
 * they rest on was proven. */
static enum status look_for_rows(struct db *db, struct waiter *me, bool *there)
{
    *there = false;
    if (me->ready->n == 0)
        return OK;
    db_begin(db, READ_COMMITTED);
    TRY(audit_ready_is_there(db, me->ready, there));
    db_end_reading(db);
    return OK;
}

/* Whoever adds rows that are under way waits for them; who adds none, as what they rest on has
 * moved since, does not. (Should they come after all, they say that something was disclosed which
 * was not.) */
static enum status commit_unless_there(struct db *db, struct arena *a, struct waiter *me,
                                       struct errors *err)
{
    enum status s;
    bool there;

    TRY(look_for_rows(db, me, &there));
    if (there)
        return OK;
    attach_after_failure(db, a, me, err);
    s = commit_own(db, a, me, err);
    if (s != CONFLICT)
        return s;
    attach_after_failure(db, a, me, err);
    TRY(look_for_rows(db, me, &there));
    if (there)
        return OK;
    if (me->has_moved)
        return moved(err);
    return fail(err, CONFLICT, "audit", "the audit rows collided with others");
}

/* --- together -------------------------------------------------------------------------------- */

static bool is_in_doubt(enum status of_commit)
{
    return of_commit == UPSTREAM || of_commit == TIMED_OUT;
}

static enum turn turn_after(enum status of_commit, bool sent)
{
    if (of_commit == OK)
        return IS_DONE;
    return sent && is_in_doubt(of_commit) ? IN_DOUBT : ALONE;
}

static enum status commit_all(struct audit_group *g, struct db *db, struct arena *a,
                              struct waiter *me, struct errors *err)
{
    struct batch b = {.n = 0};
    bool sent = false;
    enum status s;

    batch_add(&b, me);
    take_waiting(g, &b);
    s = write_rows(db, a, &b, &sent);
    hand_on(g, &b, turn_after(s, sent));
    if (s == OK && me->has_moved)
        return moved(err);
    if (s == OK || b.n == 1 || (sent && is_in_doubt(s)))
        return s;
    return commit_again(db, a, me, err);
}

/* Everybody would wait for what one asked. */
static bool is_heavy(const struct audit_ready *ready)
{
    return ready->n > ROWS_EACH || weight(ready) > BYTES_EACH;
}

/* Its reading ends before it waits. Its transaction may stand in the way of somebody who stands in
 * the way of the commit that it waits for: a circle that PostgreSQL sees but half of. */
static enum status commit_behind(struct audit_group *g, struct db *db, struct arena *a,
                                 struct waiter *me, struct errors *err)
{
    enum turn turn;

    if (db_only_read(db))
        db_end_reading(db);
    turn = await_turn(g, me);
    if (turn == IS_DONE)
        return OK;
    if (turn == HAS_MOVED)
        return moved(err);
    attach_anew(db, a, me, err);
    if (turn == COMMITS)
        return commit_all(g, db, a, me, err);
    return turn == IN_DOUBT ? commit_unless_there(db, a, me, err) : commit_own(db, a, me, err);
}

/* It has changed something: its rows go with that. */
static enum status commit_changes(struct db *db, const struct audit_ready *ready)
{
    audit_ready_queue(db, ready);
    return db_commit(db);
}

enum status audit_commit(struct audit_group *g, struct db *db, struct arena *a,
                         const struct audit_ready *ready, int64_t deadline_us, struct errors *err)
{
    struct waiter me = {.ready = ready, .deadline_us = deadline_us};
    enum status s;

    if (ready->rests_on == NULL && (g == NULL || !db_only_read(db)))
        return commit_changes(db, ready);
    if (ready->rests_on == NULL && ready->n == 0) {
        db_end_reading(db);
        return OK;
    }
    if (g == NULL || is_heavy(ready))
        return commit_own(db, a, &me, err);
    pthread_cond_init(&me.changed, NULL);
    s = leads(g, &me) ? commit_all(g, db, a, &me, err) : commit_behind(g, db, a, &me, err);
    pthread_cond_destroy(&me.changed);
    return s;
}
