#include "gateway/rediscover.h"
#include "gateway/chore.h"

#include <stdatomic.h>

#include "gateway/xcpd.h"
#include "hub/base/clock.h"
#include "hub/base/log.h"
#include "mpi/identity.h"

enum {
    ROWS_MAX = 16, /* of one inquiry */
    SECONDS_PATIENCE = 10,
    SECONDS_IDLE = 10,
    SECONDS_AHEAD = 3600,
    SECONDS_PAUSE = 600, /* until one is tried again that did not answer */
    SECONDS_LEASE = 30,  /* beside what the slowest community may take */
};

#define LOOK_US US_PER_SECOND
#define CHORE   "rediscover"

static const struct transaction again = {
    .name = "ITI-55",
    .isolation = REPEATABLE_READ,
    .audit = {"110112", 'E'},
    .door = DISCLOSES("to communities that know a patient: demographics, before what they said of "
                      "it runs out"),
};

/* One person, and the communities that are asked about it. */
struct subject {
    struct person_ref person;
    const struct partner **partners;
    size_t partner_count;
    struct discoveries discoveries;
    struct call_set set;
};

/* The keeper's thread alone, but for `open`; and `request` and what it holds are the network
 * thread's to read while calls are under way. */
static struct inquiry {
    bool begun, under_way;
    struct uuid owner;
    struct arena arena; /* from begin to end */
    struct errors err;
    struct member_directory *members;
    struct request request;
    struct partners partners;
    struct subject *v;
    size_t n;
    atomic_size_t open;
} inquiry;

/* --- the lease ---------------------------------------------------------------------------------
 */

static const struct statement CLAIM = {
    "gw_again_claim",
    "UPDATE community_chore\n"
    "   SET owner = $2, due_at = now() + make_interval(secs => $3)\n"
    " WHERE name = $1\n"
    "   AND due_at <= now()",
};

static const struct statement RELEASE = {
    "gw_again_release",
    "UPDATE community_chore\n"
    "   SET owner = NULL, due_at = now() + make_interval(secs => $3)\n"
    " WHERE name = $1\n"
    "   AND owner = $2\n"
    "   AND due_at > now()",
};

static const struct statement EPOCH = {
    "gw_again_epoch",
    "SELECT value\n"
    "  FROM epoch\n"
    " WHERE name = 'member'",
};

static double lease_seconds(const struct inquiry *t)
{
    int64_t longest = 0;

    for (size_t i = 0; i < t->partners.n; i++)
        if (t->partners.v[i].hard_us > longest)
            longest = t->partners.v[i].hard_us;
    return SECONDS_LEASE + (double)(longest / US_PER_SECOND);
}

static bool is_of_now(const struct inquiry *t, const struct rows *epoch)
{
    return epoch->count == 1 && row_int(epoch, 0, 0) == t->members->epoch;
}

/* --- about whom --------------------------------------------------------------------------------
 */

/* across places: what runs out soon, wherever it lies */
static const struct statement DUE = {
    "gw_again_due",
    "SELECT pkey, person_id, community_id\n"
    "  FROM community_correlation\n"
    " WHERE expires_at > $1\n"
    "   AND expires_at < $2\n"
    "   AND again_at <= $1\n"
    "   AND used_at > $3\n"
    "   AND patient_id IS NOT NULL\n"
    "   AND asked_at + (expires_at - asked_at) / 2 < $1\n"
    " ORDER BY expires_at\n"
    " LIMIT $4",
};

static const struct statement TRIED = {
    "gw_again_tried",
    "UPDATE community_correlation\n"
    "   SET again_at = $4\n"
    " WHERE (pkey, person_id, community_id) IN\n"
    "       (SELECT p, n, c FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (p, n, c))",
};

static int64_t at(const struct inquiry *t, int64_t seconds)
{
    return t->request.now_us + seconds * US_PER_SECOND;
}

static void queue_due(struct inquiry *t, struct rows *due)
{
    struct request *rq = &t->request;

    db_queue(rq->db, &DUE, due, DB_TIME(rq->now_us), DB_TIME(at(t, SECONDS_AHEAD)),
             DB_TIME(at(t, -rq->config->rediscovery_days * 86400)), DB_INT8(ROWS_MAX));
}

static struct subject *subject_of(struct inquiry *t, struct person_ref person)
{
    for (size_t i = 0; i < t->n; i++)
        if (person_ref_eq(t->v[i].person, person))
            return &t->v[i];
    t->v[t->n] = (struct subject){
        .person = person,
        .partners = ARENA_ARRAY(&t->arena, ROWS_MAX, const struct partner *),
    };
    return &t->v[t->n++];
}

/* Sorts them by person, and notes that they have been tried. */
static void take_due(struct inquiry *t, const struct rows *due)
{
    size_t n = (size_t)due->count;
    int64_t *places = ARENA_ARRAY(&t->arena, n, int64_t);
    int64_t *persons = ARENA_ARRAY(&t->arena, n, int64_t);
    int64_t *communities = ARENA_ARRAY(&t->arena, n, int64_t);

    t->v = ARENA_ARRAY(&t->arena, n, struct subject);
    for (int i = 0; i < due->count; i++) {
        struct subject *s =
            subject_of(t, (struct person_ref){row_int(due, i, 0), row_int(due, i, 1)});
        const struct partner *p = partner_by_id(&t->partners, row_int(due, i, 2));

        places[i] = s->person.pkey;
        persons[i] = s->person.person_id;
        communities[i] = row_int(due, i, 2);
        if (p != NULL && p->discovery_url.n > 0)
            s->partners[s->partner_count++] = p;
    }
    if (n > 0)
        db_queue(t->request.db, &TRIED, NULL, DB_INT8S(places, n), DB_INT8S(persons, n),
                 DB_INT8S(communities, n), DB_TIME(at(t, SECONDS_PAUSE)));
}

/* --- asking ------------------------------------------------------------------------------------
 */

static enum status prepare(struct inquiry *t)
{
    struct request *rq = &t->request;
    struct person_ref *refs = ARENA_ARRAY(&t->arena, t->n, struct person_ref);
    struct mpi_people people;

    for (size_t i = 0; i < t->n; i++)
        refs[i] = t->v[i].person;
    mpi_people_queue(rq, refs, t->n, &people);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, &people));
    for (size_t i = 0; i < t->n; i++) {
        const struct person *p = &people.people[i];
        struct subject *s = &t->v[i];

        rq->patient =
            identifier_cx(&t->arena,
                          (struct identifier){str_from(rq->config->xad_authority), p->xad_pid});
        TRY(xcpd_prepare(rq, p, s->partners, s->partner_count, &s->discoveries));
        s->discoveries.background = true;
    }
    return OK;
}

static size_t questions_of(const struct inquiry *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += t->v[i].discoveries.n;
    return n;
}

static enum status queue_audit(struct inquiry *t)
{
    struct request *rq = &t->request;
    const struct audit_context c = {
        .transaction = again.name,
        .kind = again.audit,
        .request = rq->id,
        .at_us = rq->now_us,
        .role = rq->principal.role.code,
        .purpose = rq->principal.purpose.code,
        .endpoint = rq->hub->endpoint,
        .initiator = true,
    };

    return audit_queue(rq->db, rq->arena, &c, &rq->audit, rq->err);
}

/* Between BEGIN and COMMIT; *ours is false when there is nothing to do, or another hub does it. */
static enum status ask(struct inquiry *t, bool *ours)
{
    struct request *rq = &t->request;
    struct rows epoch, due, claim;

    db_queue0(rq->db, &EPOCH, &epoch);
    partners_queue(rq, &t->partners);
    queue_due(t, &due);
    TRY(db_flush(rq->db));
    partners_read(rq, &t->partners);
    *ours = is_of_now(t, &epoch);
    if (!*ours)
        return OK;
    db_queue(rq->db, &CLAIM, &claim, DB_TEXT(STR(CHORE)), DB_UUID(t->owner),
             DB_FLOAT8(lease_seconds(t)));
    TRY(db_flush(rq->db));
    *ours = claim.affected == 1;
    if (!*ours)
        return OK;
    take_due(t, &due);
    if (t->n > 0)
        TRY(prepare(t));
    if (questions_of(t) == 0)
        db_queue(rq->db, &RELEASE, NULL, DB_TEXT(STR(CHORE)), DB_UUID(t->owner),
                 DB_FLOAT8(due.count == ROWS_MAX ? 0 : SECONDS_IDLE));
    return queue_audit(t);
}

static void one_done(void *context)
{
    struct inquiry *t = context;

    atomic_fetch_sub(&t->open, 1);
}

static void send_out(struct inquiry *t)
{
    atomic_store(&t->open, t->n);
    t->under_way = true;
    metric_add(METRIC_community_asked_again_total, questions_of(t));
    for (size_t i = 0; i < t->n; i++) {
        struct subject *s = &t->v[i];

        s->set = (struct call_set){
            .v = s->discoveries.calls,
            .n = s->discoveries.n,
            .arena = &t->arena,
            .done = one_done,
            .context = t,
        };
        callout_start(t->request.hub->callout, &s->set);
    }
}

/* --- an inquiry --------------------------------------------------------------------------------
 */

static void attach(struct inquiry *t, struct db *db)
{
    errors_init(&t->err, &t->arena);
    db_attach(db, &t->arena, &t->err, clock_monotonic_us() + SECONDS_PATIENCE * US_PER_SECOND);
    t->request.now_us = clock_now_us();
    t->request.deadline_us = clock_monotonic_us() + SECONDS_PATIENCE * US_PER_SECOND;
    t->request.db = db;
}

static void begin(struct inquiry *t, struct hub *hub, struct db *db)
{
    if (!t->begun) {
        t->owner = uuid_v4();
        arena_init(&t->arena);
        t->begun = true;
    }
    t->members = hub_directory(hub);
    t->n = 0;
    t->request = (struct request){
        .magic = REQUEST_MAGIC,
        .hub = hub,
        .config = hub->config,
        .members = t->members,
        .transaction = &again,
        .arena = &t->arena,
        .err = &t->err,
        .principal = {.role.code = STR("system"),
                      .purpose.code = str_from(hub->config->rediscovery_purpose)},
        .id = uuid_v7(),
    };
    attach(t, db);
}

static void end(struct inquiry *t)
{
    t->under_way = false;
    member_directory_release(t->members);
    t->members = NULL;
    arena_reset(&t->arena);
}

/* Between BEGIN and COMMIT. */
static enum status judge(struct inquiry *t)
{
    struct request *rq = &t->request;
    struct rows epoch, release;

    db_queue(rq->db, &RELEASE, &release, DB_TEXT(STR(CHORE)), DB_UUID(t->owner), DB_FLOAT8(0));
    db_queue0(rq->db, &EPOCH, &epoch);
    TRY(db_flush(rq->db));
    if (release.affected != 1 || !is_of_now(t, &epoch))
        return fail(rq->err, CONFLICT, "lease",
                    "another hub is at it, or the members have changed");
    for (size_t i = 0; i < t->n; i++)
        TRY(xcpd_conclude(rq, &t->v[i].discoveries));
    return OK;
}

static void commit(struct inquiry *t, enum status s, const char *step)
{
    struct db *db = t->request.db;

    if (s == OK)
        s = db_commit(db);
    if (s == OK)
        return;
    db_rollback(db);
    t->n = 0;
    if (s != CONFLICT) /* another hub was at it, or a request that asked for itself */
        log_warn("community_again", "step=%s status=%s", step, status_name(s));
}

static void finish(struct inquiry *t, struct db *db)
{
    attach(t, db);
    db_begin(db, again.isolation);
    commit(t, judge(t), "judge");
    end(t);
}

static void start(struct inquiry *t, struct hub *hub, struct db *db)
{
    bool ours = false, is_due;

    begin(t, hub, db);
    if (chore_look(db, CHORE, &is_due) == OK && is_due) {
        db_begin(db, again.isolation);
        commit(t, ask(t, &ours), "ask");
    }
    if (ours && questions_of(t) > 0)
        send_out(t);
    else
        end(t);
}

void rediscover_tend(struct hub *hub, struct db *db)
{
    static int64_t look_at;

    if (inquiry.under_way) {
        if (atomic_load(&inquiry.open) == 0)
            finish(&inquiry, db);
        return;
    }
    if (hub->config->rediscovery_purpose[0] == '\0' || clock_monotonic_us() < look_at)
        return;
    look_at = clock_monotonic_us() + LOOK_US;
    start(&inquiry, hub, db);
}

void rediscover_stop(void)
{
    if (!inquiry.begun)
        return;
    if (inquiry.under_way)
        end(&inquiry);
    arena_dispose(&inquiry.arena);
    inquiry.begun = false;
}

void rediscover_doors(door_visitor *visit, void *to)
{
    const struct door_place place = {.kind = "background", .name = again.name, .door = &again.door};

    visit(to, &place);
}
