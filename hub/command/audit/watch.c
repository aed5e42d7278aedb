#include "hub/command/audit/watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hub/audit/search.h"
#include "hub/command/audit/alert.h"
#include "hub/command/audit/watch_day.h"
#include "hub/command/audit/watch_lists.h"

#define CARE_US    (RULE_CARE_DAYS * US_PER_DAY)
#define DENIALS_US (RULE_DENIALS_HOURS * 3600 * US_PER_SECOND)

/* Whoever holds the row works; others come again later. */
static const struct statement TAKE = {
    "watch_take",
    "SELECT next_leaf, ticked_at"
    " FROM audit_watch"
    " WHERE name = $1"
    " FOR UPDATE SKIP LOCKED",
};
static const struct statement ADVANCE = {
    "watch_advance",
    "UPDATE audit_watch"
    " SET next_leaf = $1, ticked_at = $2"
    " WHERE name = $3",
};
/* across places: the log's order goes over all of them */
static const struct statement LEAVES = {
    "watch_leaves",
    "SELECT leaf, pkey, at, id"
    " FROM audit_leaf"
    " WHERE leaf >= $1"
    " AND leaf < $2"
    " ORDER BY leaf",
};
/* A batch is a stretch of time, nearly: by that index, then only what is of the batch. Erased
 * records have no row. across places: as above */
static const struct statement ROWS = {
    "watch_rows",
    "SELECT s.pkey, s.at, s.id, s.transaction, s.outcome, s.member_id, s.person_id, s.user_id,"
    "  s.role, s.purpose"
    " FROM audit_search s"
    " WHERE s.at >= $1"
    " AND s.at <= $2"
    " AND (s.pkey, s.at, s.id) IN ("
    "  SELECT l.pkey, l.at, l.id"
    "  FROM unnest($3::bigint[], $4::timestamptz[], $5::uuid[]) AS l (pkey, at, id))"
    " ORDER BY s.at, s.id",
};
/* Had this member fed or submitted anything about this person in the days before? LATERAL: each
 * pair is a look by the key, never a walk. */
static const struct statement CARE = {
    "watch_care",
    "SELECT q.n"
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[])"
    "  WITH ORDINALITY AS q (pkey, person_id, member_id, at, n)"
    " CROSS JOIN LATERAL ("
    "  SELECT 1"
    "  FROM audit_search s"
    "  WHERE s.pkey = q.pkey"
    "  AND s.at <= q.at"
    "  AND s.at >= q.at - make_interval(days => $5)"
    "  AND s.person_id = q.person_id"
    "  AND s.member_id = q.member_id"
    "  AND s.outcome = 0"
    "  AND s.transaction IN ('ITI-8', 'ITI-30', 'ITI-31', 'ITI-44', 'ITI-41', 'ITI-42', 'ITI-61',"
    "   'ITI-65', 'ITI-104')"
    "  LIMIT 1) AS care",
};
/* Care that came to light later closes what no-care found. across places: alerts of several */
static const struct statement EXPLAIN = {
    "watch_explain",
    "INSERT INTO audit_alert_event (akey, seq, at, by_user, state, note)"
    " SELECT a.akey, 1, $5, '', 'explained',"
    "  'the member fed or submitted something about the patient afterwards'"
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[])"
    "  AS q (pkey, person_id, member_id, at)"
    " JOIN audit_alert a ON a.rule = 'no-care' AND a.pkey = q.pkey AND a.person_id = q.person_id"
    "  AND a.member_id = q.member_id AND a.at <= q.at"
    "  AND a.at >= q.at - make_interval(days => $6)"
    " ON CONFLICT (akey, seq) DO NOTHING",
};

struct seen {
    struct audit_position at;
    enum audit_class class;
    int outcome;
    int64_t member_id;
    struct person_ref person; /* 0, 0: none */
    struct str user, role, purpose;
    const struct audit_identity *patient;
    bool care, judged;
};

struct batch {
    struct watch *watch;
    struct request *rq;
    struct seen *rows;
    size_t count;
    struct alerts alerts;
};

/* --- what the log says ---------------------------------------------------------------------- */

static void seen_read(const struct rows *r, int i, struct seen *s)
{
    *s = (struct seen){
        .at = {row_int(r, i, 0), row_time(r, i, 1), row_uuid(r, i, 2)},
        .class = audit_class_of(row_text(r, i, 3)),
        .outcome = (int)row_int(r, i, 4),
        .member_id = row_int(r, i, 5),
        .user = row_text(r, i, 7),
        .role = row_text(r, i, 8),
        .purpose = row_text(r, i, 9),
    };
    if (!row_null(r, i, 6))
        s->person = (struct person_ref){s->at.pkey, row_int(r, i, 6)};
    s->judged = s->person.person_id != 0 &&
                (s->class == AUDIT_PEOPLE || s->class == AUDIT_QUERY || s->class == AUDIT_RETRIEVE);
}

static enum status rows_read(struct batch *b, const struct rows *leaves)
{
    size_t n = (size_t)leaves->count;
    int64_t *pkeys = ARENA_ARRAY(b->rq->arena, n, int64_t);
    int64_t *ats = ARENA_ARRAY(b->rq->arena, n, int64_t);
    struct uuid *ids = ARENA_ARRAY(b->rq->arena, n, struct uuid);
    int64_t from = INT64_MAX, to = INT64_MIN;
    struct rows r;

    for (size_t i = 0; i < n; i++) {
        pkeys[i] = row_int(leaves, (int)i, 1);
        ats[i] = row_time(leaves, (int)i, 2);
        ids[i] = row_uuid(leaves, (int)i, 3);
        from = ats[i] < from ? ats[i] : from;
        to = ats[i] > to ? ats[i] : to;
    }
    db_queue(b->rq->db, &ROWS, &r, DB_TIME(from), DB_TIME(to), DB_INT8S(pkeys, n), DB_TIMES(ats, n),
             DB_UUIDS(ids, n));
    TRY(db_flush(b->rq->db));
    b->count = (size_t)r.count;
    b->rows = ARENA_ARRAY(b->rq->arena, b->count + 1, struct seen);
    for (size_t i = 0; i < b->count; i++)
        seen_read(&r, (int)i, &b->rows[i]);
    return OK;
}

/* --- what is known of both ------------------------------------------------------------------ */

static enum status identify(struct batch *b)
{
    struct person_ref *persons = ARENA_ARRAY(b->rq->arena, b->count + 1, struct person_ref);
    struct audit_identity *found = ARENA_ARRAY(b->rq->arena, b->count + 1, struct audit_identity);
    size_t n = 0;

    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].judged && b->rows[i].user.n > 0) {
            b->rows[i].patient = &found[n];
            persons[n++] = b->rows[i].person;
        }
    return n > 0 ? b->watch->index->identify(b->rq, persons, n, found) : OK;
}

struct pairs {
    int64_t *pkeys, *persons, *members, *ats;
    size_t *rows, count;
};

static struct pairs pairs_of(struct batch *b, bool (*wanted)(const struct seen *))
{
    struct arena *a = b->rq->arena;
    struct pairs p = {ARENA_ARRAY(a, b->count + 1, int64_t), ARENA_ARRAY(a, b->count + 1, int64_t),
                      ARENA_ARRAY(a, b->count + 1, int64_t), ARENA_ARRAY(a, b->count + 1, int64_t),
                      ARENA_ARRAY(a, b->count + 1, size_t),  0};

    for (size_t i = 0; i < b->count; i++) {
        const struct seen *s = &b->rows[i];

        if (!wanted(s))
            continue;
        p.pkeys[p.count] = s->person.pkey;
        p.persons[p.count] = s->person.person_id;
        p.members[p.count] = s->member_id;
        p.ats[p.count] = s->at.at_us;
        p.rows[p.count++] = i;
    }
    return p;
}

static bool judged(const struct seen *s)
{
    return s->judged;
}

static bool cared(const struct seen *s)
{
    return s->class == AUDIT_CARE && s->outcome == 0 && s->person.person_id != 0;
}

static enum status find_care(struct batch *b)
{
    struct pairs p = pairs_of(b, judged);
    struct rows r;

    if (p.count == 0)
        return OK;
    db_queue(b->rq->db, &CARE, &r, DB_INT8S(p.pkeys, p.count), DB_INT8S(p.persons, p.count),
             DB_INT8S(p.members, p.count), DB_TIMES(p.ats, p.count), DB_INT4(RULE_CARE_DAYS));
    TRY(db_flush(b->rq->db));
    for (int i = 0; i < r.count; i++)
        b->rows[p.rows[row_int(&r, i, 0) - 1]].care = true;
    return OK;
}

/* What the user was refused about this patient in the hours before: failures, and answers from
 * which something was withheld, as their records say. */
static enum status count_denials(struct batch *b, const struct seen *s, size_t *denials)
{
    struct audit_filter f = {
        .user = s->user,
        .from_us = s->at.at_us - DENIALS_US,
        .to_us = s->at.at_us,
        .limit = AUDIT_SEARCH_MAX,
    };
    struct audit_found found;

    *denials = 0;
    TRY(audit_search(b->rq->db, b->rq->arena, &f, &found));
    for (size_t i = 0; i < found.count; i++) {
        const struct audit_entry *e = &found.items[i];

        if (e->pkey == s->person.pkey && e->person_id == s->person.person_id &&
            (e->outcome != 0 || str_find_str(e->record, STR("\"description\":\"withheld")) >= 0))
            ++*denials;
    }
    return OK;
}

static int minute_of_week(int64_t at_us)
{
    time_t at = (time_t)(at_us / US_PER_SECOND);
    struct tm local;

    localtime_r(&at, &local);
    return (local.tm_wday + 6) % 7 * MINUTES_OF_DAY + local.tm_hour * 60 + local.tm_min;
}

/* --- judging -------------------------------------------------------------------------------- */

static enum status judge(struct batch *b, const struct seen *s)
{
    const struct audit_staff *staff = watch_staff_of(b->watch, s->user);
    struct audit_access a = {
        .role = s->role,
        .purpose = s->purpose,
        .minute_of_week = minute_of_week(s->at.at_us),
        .staff = staff,
        .patient = s->patient,
        .patient_is = staff != NULL && s->patient != NULL
                          ? watch_colleague(b->watch, staff->organization, s->patient)
                          : NULL,
        .class = s->class,
        .vip = watch_is_vip(b->watch, s->person),
        .care = s->care,
        .emergency = audit_purpose_emergency(s->purpose),
    };
    unsigned found;

    if (a.emergency && s->user.n > 0)
        TRY(count_denials(b, s, &a.denials));
    found = audit_rules_access(&a);
    for (enum audit_rule rule = 0; rule < AUDIT_RULE_COUNT; rule++)
        if ((found & AUDIT_RULE_BIT(rule)) != 0)
            alert_add(&b->alerts, rule, s->user, s->member_id, s->person, &s->at);
    return OK;
}

static void explain(struct batch *b)
{
    struct pairs p = pairs_of(b, cared);

    if (p.count > 0)
        db_queue(b->rq->db, &EXPLAIN, NULL, DB_INT8S(p.pkeys, p.count),
                 DB_INT8S(p.persons, p.count), DB_INT8S(p.members, p.count),
                 DB_TIMES(p.ats, p.count), DB_TIME(b->rq->now_us), DB_INT4(RULE_CARE_DAYS));
}

static enum status store(struct batch *b)
{
    struct rows *stored = ARENA_ARRAY(b->rq->arena, b->alerts.count + 1, struct rows);

    alerts_queue(b->rq->db, &b->alerts, b->rq->now_us, stored);
    explain(b);
    TRY(db_flush(b->rq->db));
    for (size_t i = 0; i < b->alerts.count; i++)
        b->watch->alerts += (uint64_t)stored[i].affected;
    return OK;
}

static enum status judge_rows(struct batch *b)
{
    TRY(identify(b));
    TRY(find_care(b));
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].judged)
            TRY(judge(b, &b->rows[i]));
    return store(b);
}

/* Days that are over when this batch's last record was made; the first batch begins to count. */
static enum status judge_days(struct batch *b, int64_t *ticked_us)
{
    int64_t last = b->count > 0 ? watch_day_of(b->rows[b->count - 1].at.at_us) : INT64_MIN;

    if (b->count > 0 && *ticked_us == INT64_MIN)
        *ticked_us = watch_day_of(b->rows[0].at.at_us);
    for (; b->count > 0 && *ticked_us < last; *ticked_us += US_PER_DAY)
        TRY(watch_day(b->watch, b->rq, *ticked_us));
    return OK;
}

/* --- a batch -------------------------------------------------------------------------------- */

static enum status work(struct watch *w, struct request *rq, int64_t *count)
{
    struct batch b = {.watch = w, .rq = rq, .alerts = {.arena = rq->arena}};
    struct rows taken, leaves;
    int64_t next, ticked;

    db_queue(rq->db, &TAKE, &taken, DB_TEXT(STR("detection")));
    TRY(db_flush(rq->db));
    *count = -1;
    if (taken.count == 0)
        return OK;
    next = row_int(&taken, 0, 0);
    ticked = row_time(&taken, 0, 1);
    db_queue(rq->db, &LEAVES, &leaves, DB_INT8(next), DB_INT8(next + w->batch));
    TRY(db_flush(rq->db));
    *count = leaves.count;
    if (leaves.count == 0)
        return OK;
    TRY(watch_lists_read(w, rq));
    TRY(rows_read(&b, &leaves));
    TRY(judge_rows(&b));
    TRY(judge_days(&b, &ticked));
    db_queue(rq->db, &ADVANCE, NULL, DB_INT8(row_int(&leaves, leaves.count - 1, 0) + 1),
             DB_TIME(ticked), DB_TEXT(STR("detection")));
    return OK;
}

static enum status so_far(struct watch *w, struct request *rq, int64_t *count)
{
    struct rows taken;
    int64_t ticked;

    (void)count;
    db_queue(rq->db, &TAKE, &taken, DB_TEXT(STR("detection")));
    TRY(db_flush(rq->db));
    if (taken.count == 0)
        return OK;
    ticked = row_time(&taken, 0, 1);
    TRY(watch_lists_read(w, rq));
    if (ticked != INT64_MIN)
        TRY(watch_day(w, rq, ticked));
    return watch_overdue(w, rq);
}

/* One transaction on memory of its own. */
static enum status in_transaction(struct watch *w,
                                  enum status (*fn)(struct watch *, struct request *, int64_t *),
                                  int64_t *count)
{
    struct request rq = *operation_request(w->operation);
    struct arena batch;
    enum status status;

    arena_init(&batch);
    rq.arena = &batch;
    rq.now_us = clock_now_us();
    db_attach(rq.db, &batch, rq.err, 0);
    db_begin(rq.db, READ_COMMITTED);
    status = fn(w, &rq, count);
    if (status == OK)
        status = db_commit(rq.db);
    if (status != OK)
        db_rollback(rq.db);
    db_attach(rq.db, w->operation->args.arena, rq.err, 0);
    arena_dispose(&batch);
    return status;
}

void watch_begin(struct watch *w, struct operation *o)
{
    *w = (struct watch){.operation = o, .index = audit_index(), .batch = 2000};
    arena_init(&w->kept);
}

void watch_end(struct watch *w)
{
    arena_dispose(&w->kept);
}

enum status watch_batch(struct watch *w, int64_t *count)
{
    TRY(in_transaction(w, work, count));
    if (*count > 0)
        w->leaves += (uint64_t)*count;
    return OK;
}

enum status watch_day_so_far(struct watch *w)
{
    int64_t count;

    return in_transaction(w, so_far, &count);
}
