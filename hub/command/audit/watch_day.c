#include "hub/command/audit/watch_day.h"

#include "hub/command/audit/alert.h"
#include "hub/command/audit/watch_lists.h"

/* across places: a user's day is spread over them */
static const struct statement DAYS = {
    "watch_days",
    "SELECT s.user_id, max(s.role),"
    "  count(DISTINCT (s.pkey, s.person_id)) FILTER (WHERE s.person_id IS NOT NULL),"
    "  count(*) FILTER (WHERE s.event = '110112'),"
    "  count(*) FILTER (WHERE s.event = '110106'),"
    "  count(DISTINCT s.patient)"
    " FROM audit_search s"
    " WHERE s.at >= $1"
    " AND s.at < $2"
    " AND s.user_id IS NOT NULL"
    " AND s.role IS DISTINCT FROM 'operator'"
    " GROUP BY s.user_id"
    " ORDER BY s.user_id",
};
static const struct statement LAST_DAYS = {
    "watch_last_days",
    "SELECT q.n, last.day"
    " FROM unnest($1::text[]) WITH ORDINALITY AS q (user_id, n)"
    " CROSS JOIN LATERAL ("
    "  SELECT (extract(epoch FROM d.day) / 86400)::bigint AS day"
    "  FROM audit_user_day d"
    "  WHERE d.user_id = q.user_id"
    "  AND d.day < $2::timestamptz::date"
    "  ORDER BY d.day DESC"
    "  LIMIT 1) AS last",
};
/* across places: peers are everybody of a role */
static const struct statement PEERS = {
    "watch_peers",
    "SELECT d.role, count(*), avg(d.patients)::float8, coalesce(stddev_pop(d.patients), 0)::float8"
    " FROM audit_user_day d"
    " WHERE d.day >= ($1::timestamptz - make_interval(days => $2))::date"
    " AND d.day < $1::timestamptz::date"
    " GROUP BY d.role",
};
static const struct statement KEEP = {
    "watch_keep_day",
    "INSERT INTO audit_user_day (user_id, day, role, patients, queries, retrievals)"
    " VALUES ($1, $2::timestamptz::date, $3, $4, $5, $6)"
    " ON CONFLICT (user_id, day)"
    " DO UPDATE SET role = excluded.role, patients = excluded.patients,"
    "  queries = excluded.queries, retrievals = excluded.retrievals",
};
/* across places: what a user did is spread over them */
static const struct statement STEPS = {
    "watch_steps",
    "SELECT s.user_id, s.pkey, s.at, s.id, s.patient"
    " FROM audit_search s"
    " WHERE s.user_id = ANY($1)"
    " AND s.at >= $2"
    " AND s.at < $3"
    " AND s.patient IS NOT NULL"
    " AND s.event IN ('110112', '110106')"
    " ORDER BY s.user_id, s.at, s.id",
};
/* across places: likewise */
static const struct statement RECORDS = {
    "watch_records",
    "SELECT s.pkey, s.at, s.id"
    " FROM audit_search s"
    " WHERE s.user_id = $1"
    " AND s.at >= $2"
    " AND s.at < $3"
    " ORDER BY s.at, s.id"
    " LIMIT $4",
};
/* across places: the queue is everybody's */
static const struct statement OVERDUE = {
    "watch_overdue",
    "SELECT s.pkey, s.at, s.id, s.user_id, s.member_id, s.person_id"
    " FROM audit_search s"
    " WHERE (s.purpose IN ('BTG', 'ETREAT', 'EMERGENCY', 'EMER') OR s.event = '110127')"
    " AND s.at < $1"
    " AND s.at >= $1 - make_interval(days => 90)"
    " AND NOT EXISTS ("
    "  SELECT 1"
    "  FROM audit_review v"
    "  WHERE v.pkey = s.pkey AND v.at = s.at AND v.id = s.id)"
    " AND NOT EXISTS ("
    "  SELECT 1"
    "  FROM break_glass b"
    "  WHERE b.pkey = s.pkey AND b.person_id = s.person_id AND b.user_id = s.user_id"
    "  AND b.opened_at <= s.at AND b.until_at > s.at)"
    " ORDER BY s.at, s.id"
    " LIMIT 1000",
};
/* across places: likewise. What was done in an emergency is its task; each escalates once. */
static const struct statement ESCALATE = {
    "watch_escalate",
    "UPDATE break_glass"
    " SET escalated_at = $1"
    " WHERE reviewed_at IS NULL"
    " AND escalated_at IS NULL"
    " AND review_due_at < $1"
    " RETURNING pkey, opened_at, emergency_id, user_id, member_id, person_id",
};

struct user_day {
    struct str user, role;
    struct audit_day figures;
    int64_t numbers; /* different patient numbers asked for */
    struct audit_position walk[ALERT_RECORDS];
    size_t walk_count;
};

struct days {
    struct watch *watch;
    struct request *rq;
    int64_t from_us;
    struct user_day *users;
    size_t count;
    struct alerts alerts;
};

int64_t watch_day_of(int64_t at_us)
{
    return at_us / US_PER_DAY * US_PER_DAY;
}

static enum status days_read(struct days *d)
{
    struct rows r;

    db_queue(d->rq->db, &DAYS, &r, DB_TIME(d->from_us), DB_TIME(d->from_us + US_PER_DAY));
    TRY(db_flush(d->rq->db));
    d->count = (size_t)r.count;
    d->users = ARENA_ARRAY(d->rq->arena, d->count + 1, struct user_day);
    for (int i = 0; i < r.count; i++) {
        struct user_day *u = &d->users[i];
        const struct audit_staff *staff;

        u->user = row_text(&r, i, 0);
        staff = watch_staff_of(d->watch, u->user);
        u->role = staff != NULL && staff->role.n > 0 ? staff->role : row_text(&r, i, 1);
        u->figures = (struct audit_day){
            .patients = row_int(&r, i, 2),
            .queries = row_int(&r, i, 3),
            .retrievals = row_int(&r, i, 4),
            .day = d->from_us / US_PER_DAY,
            .last_day = INT64_MIN,
        };
        u->numbers = row_int(&r, i, 5);
    }
    return OK;
}

static void peers_read(struct days *d, const struct rows *peers)
{
    for (size_t i = 0; i < d->count; i++)
        for (int p = 0; p < peers->count; p++)
            if (str_eq(row_text(peers, p, 0), d->users[i].role)) {
                d->users[i].figures.peers = row_int(peers, p, 1);
                d->users[i].figures.peers_mean = row_float(peers, p, 2);
                d->users[i].figures.peers_deviation = row_float(peers, p, 3);
            }
}

static enum status past_read(struct days *d)
{
    struct str *users = ARENA_ARRAY(d->rq->arena, d->count, struct str);
    struct rows last, peers;

    for (size_t i = 0; i < d->count; i++)
        users[i] = d->users[i].user;
    db_queue(d->rq->db, &LAST_DAYS, &last, DB_TEXTS(users, d->count), DB_TIME(d->from_us));
    db_queue(d->rq->db, &PEERS, &peers, DB_TIME(d->from_us), DB_INT4(RULE_VOLUME_DAYS));
    TRY(db_flush(d->rq->db));
    for (int i = 0; i < last.count; i++)
        d->users[row_int(&last, i, 0) - 1].figures.last_day = row_int(&last, i, 1);
    peers_read(d, &peers);
    return OK;
}

/* The steps of one user, which stand together in the answer. */
static void walk_read(struct arena *a, struct user_day *u, const struct rows *r, int from, int to)
{
    size_t n = (size_t)(to - from), first;
    struct audit_step *steps = ARENA_ARRAY(a, n + 1, struct audit_step);

    for (size_t i = 0; i < n; i++) {
        steps[i].at_us = row_time(r, from + (int)i, 2);
        steps[i].patient = row_text(r, from + (int)i, 4);
    }
    u->figures.walk = audit_walk_longest(steps, n, &first);
    for (size_t i = first;
         i < n && u->walk_count < ALERT_RECORDS && u->walk_count < u->figures.walk; i++) {
        int row = from + (int)i;

        u->walk[u->walk_count++] =
            (struct audit_position){row_int(r, row, 1), row_time(r, row, 2), row_uuid(r, row, 3)};
    }
}

/* Only those who asked for enough different numbers can have walked along them. */
static enum status walks_read(struct days *d)
{
    struct str *users = ARENA_ARRAY(d->rq->arena, d->count, struct str);
    size_t n = 0;
    struct rows r;
    int at = 0;

    for (size_t i = 0; i < d->count; i++)
        if (d->users[i].numbers >= RULE_WALK_LENGTH)
            users[n++] = d->users[i].user;
    if (n == 0)
        return OK;
    db_queue(d->rq->db, &STEPS, &r, DB_TEXTS(users, n), DB_TIME(d->from_us),
             DB_TIME(d->from_us + US_PER_DAY));
    TRY(db_flush(d->rq->db));
    for (size_t i = 0; i < d->count && at < r.count; i++) {
        int from = at;

        while (at < r.count && str_eq(row_text(&r, at, 0), d->users[i].user))
            at++;
        if (at > from)
            walk_read(d->rq->arena, &d->users[i], &r, from, at);
    }
    return OK;
}

static struct str why(struct arena *a, enum audit_rule rule, const struct audit_day *f)
{
    const char *definition = audit_rule_texts[rule].definition;

    if (rule == AUDIT_RULE_VOLUME)
        return str_printf(a, "%s: %lld patients; %lld days of peers, mean %.1f, deviation %.1f",
                          definition, (long long)f->patients, (long long)f->peers, f->peers_mean,
                          f->peers_deviation);
    if (rule == AUDIT_RULE_WALK)
        return str_printf(a, "%s: %zu in a row", definition, f->walk);
    if (rule == AUDIT_RULE_FISHING)
        return str_printf(a, "%s: %lld queries, %lld retrievals", definition, (long long)f->queries,
                          (long long)f->retrievals);
    return str_printf(a, "%s: %lld days", definition, (long long)(f->day - f->last_day));
}

static enum status raise(struct days *d, struct user_day *u, enum audit_rule rule)
{
    struct audit_position records[ALERT_RECORDS];
    size_t n = rule == AUDIT_RULE_WALK ? u->walk_count : 0;
    struct rows r;

    for (size_t i = 0; i < n; i++)
        records[i] = u->walk[i];
    if (n == 0) {
        db_queue(d->rq->db, &RECORDS, &r, DB_TEXT(u->user), DB_TIME(d->from_us),
                 DB_TIME(d->from_us + US_PER_DAY), DB_INT8(ALERT_RECORDS));
        TRY(db_flush(d->rq->db));
        for (; n < (size_t)r.count; n++)
            records[n] = (struct audit_position){row_int(&r, (int)n, 0), row_time(&r, (int)n, 1),
                                                 row_uuid(&r, (int)n, 2)};
    }
    for (size_t i = 0; i < n; i++)
        alert_add(&d->alerts, rule, u->user, 0, (struct person_ref){0, 0}, &records[i])->why =
            why(d->rq->arena, rule, &u->figures);
    return OK;
}

static enum status judge(struct days *d, struct user_day *u)
{
    unsigned found = audit_rules_day(&u->figures);

    for (enum audit_rule rule = 0; rule < AUDIT_RULE_COUNT; rule++)
        if ((found & AUDIT_RULE_BIT(rule)) != 0)
            TRY(raise(d, u, rule));
    db_queue(d->rq->db, &KEEP, NULL, DB_TEXT(u->user), DB_TIME(d->from_us), DB_TEXT(u->role),
             DB_INT4((int)u->figures.patients), DB_INT4((int)u->figures.queries),
             DB_INT4((int)u->figures.retrievals));
    return OK;
}

static enum status store(struct watch *w, struct request *rq, const struct alerts *alerts)
{
    struct rows *stored = ARENA_ARRAY(rq->arena, alerts->count + 1, struct rows);

    alerts_queue(rq->db, alerts, rq->now_us, stored);
    TRY(db_flush(rq->db));
    for (size_t i = 0; i < alerts->count; i++)
        w->alerts += (uint64_t)stored[i].affected;
    return OK;
}

enum status watch_day(struct watch *w, struct request *rq, int64_t day_us)
{
    struct days d = {.watch = w, .rq = rq, .from_us = day_us, .alerts = {.arena = rq->arena}};

    TRY(days_read(&d));
    if (d.count == 0)
        return OK;
    TRY(past_read(&d));
    TRY(walks_read(&d));
    for (size_t i = 0; i < d.count; i++)
        TRY(judge(&d, &d.users[i]));
    return store(w, rq, &d.alerts);
}

static void overdue_add(struct alerts *alerts, const struct rows *r)
{
    for (int i = 0; i < r->count; i++) {
        struct audit_position at = {row_int(r, i, 0), row_time(r, i, 1), row_uuid(r, i, 2)};
        struct person_ref person = {row_null(r, i, 5) ? 0 : at.pkey, row_int(r, i, 5)};

        alert_add(alerts, AUDIT_RULE_OVERDUE, row_text(r, i, 3), row_int(r, i, 4), person, &at);
    }
}

enum status watch_overdue(struct watch *w, struct request *rq)
{
    struct alerts alerts = {.arena = rq->arena};
    struct rows accesses, tasks;

    db_queue(rq->db, &OVERDUE, &accesses,
             DB_TIME(rq->now_us - RULE_REVIEW_HOURS * 3600 * US_PER_SECOND));
    db_queue(rq->db, &ESCALATE, &tasks, DB_TIME(rq->now_us));
    TRY(db_flush(rq->db));
    overdue_add(&alerts, &accesses);
    overdue_add(&alerts, &tasks);
    return store(w, rq, &alerts);
}
