#include "consent/consent_store.h"

/* The columns of policy_row, and those that consent_version_row reads after them. */
#define POLICY_COLUMNS                                                                             \
    "pkey, person_id, policy_id, version, effect, member_id, valid_from, valid_until"
#define VERSION_COLUMNS POLICY_COLUMNS ", since, until, recorded_by, ended_by"

/* By pairs: two arrays side by side would try every combination of place and person. */
#define OF_PERSONS                                                                                 \
    "(pkey, person_id) IN ("                                                                       \
    "       SELECT place, person"                                                                  \
    "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, person))"

/* The persons as two parallel arrays, so that the statement names its places. */
struct keys {
    int64_t *pkeys, *ids;
};

static struct keys keys_of(struct arena *a, const struct person_ref *persons, size_t count)
{
    struct keys k = {ARENA_ARRAY(a, count, int64_t), ARENA_ARRAY(a, count, int64_t)};

    for (size_t i = 0; i < count; i++) {
        k.pkeys[i] = persons[i].pkey;
        k.ids[i] = persons[i].person_id;
    }
    return k;
}

static struct str effect_text(enum consent_effect effect)
{
    return effect == CONSENT_PERMIT ? STR("permit") : STR("deny");
}

/* Whatever is not the word "permit" denies. */
static enum consent_effect row_effect(const struct rows *rows, int row, int column)
{
    return str_eq(row_text(rows, row, column), STR("permit")) ? CONSENT_PERMIT : CONSENT_DENY;
}

static int64_t row_time_or(const struct rows *rows, int row, int column, int64_t open)
{
    return row_null(rows, row, column) ? open : row_time(rows, row, column);
}

static struct consent_policy policy_row(const struct rows *rows, int row)
{
    return (struct consent_policy){
        .person = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .id = row_uuid(rows, row, 2),
        .version = row_int(rows, row, 3),
        .effect = row_effect(rows, row, 4),
        .member_id = row_int(rows, row, 5),
        .valid_from_us = row_time_or(rows, row, 6, INT64_MIN),
        .valid_until_us = row_time_or(rows, row, 7, INT64_MAX),
    };
}

/* What is current, by the only current version: no clock is compared. Policies are read by place
 * alone: few persons share one, and consent_decide asks whose each is. */
static void queue_now(struct db *db, const int64_t *pkeys, size_t count,
                      struct consent_policies *out)
{
    static const struct statement STANDARD = {
        "consent_default_now",
        "SELECT effect, version"
        "  FROM consent_default"
        " WHERE until IS NULL",
    };
    static const struct statement POLICIES = {
        "consent_policies_now",
        "SELECT " POLICY_COLUMNS "  FROM consent_policy"
        " WHERE pkey = ANY($1)"
        "   AND until IS NULL",
    };

    db_queue0(db, &STANDARD, &out->standard_rows);
    db_queue(db, &POLICIES, &out->rows, DB_INT8S(pkeys, count));
}

static void queue_as_of(struct db *db, struct keys k, int64_t at_us, struct consent_policies *out)
{
    static const struct statement STANDARD = {
        "consent_default_as_of",
        "SELECT effect, version"
        "  FROM consent_default"
        " WHERE since <= $1"
        "   AND (until IS NULL OR until > $1)",
    };
    static const struct statement POLICIES = {
        "consent_policies_as_of",
        "SELECT " POLICY_COLUMNS "  FROM consent_policy"
        " WHERE " OF_PERSONS "   AND since <= $3"
        "   AND (until IS NULL OR until > $3)",
    };

    db_queue(db, &STANDARD, &out->standard_rows, DB_TIME(at_us));
    db_queue(db, &POLICIES, &out->rows, DB_INT8S(k.pkeys, out->person_count),
             DB_INT8S(k.ids, out->person_count), DB_TIME(at_us));
}

void consent_store_queue(struct db *db, struct arena *a, const struct person_ref *persons,
                         size_t count, int64_t as_of_us, struct consent_policies *out)
{
    struct keys k = keys_of(a, persons, count);

    *out = (struct consent_policies){
        .persons = arena_copy(a, persons, count * sizeof(*persons)),
        .person_count = count,
    };
    if (as_of_us == 0)
        queue_now(db, k.pkeys, count, out);
    else
        queue_as_of(db, k, as_of_us, out);
}

/* Without a default in force, deny of version 0 stands. */
void consent_store_read(struct arena *a, struct consent_policies *out)
{
    out->count = (size_t)out->rows.count;
    out->items = ARENA_ARRAY(a, out->count, struct consent_policy);
    for (int i = 0; i < out->rows.count; i++)
        out->items[i] = policy_row(&out->rows, i);
    if (out->standard_rows.count == 1) {
        out->standard.effect = row_effect(&out->standard_rows, 0, 0);
        out->standard.version = row_int(&out->standard_rows, 0, 1);
    }
    out->readable = true;
}

void consent_queue(struct request *rq, const struct person_ref *persons, size_t count,
                   struct consent_policies *out)
{
    consent_store_queue(rq->db, rq->arena, persons, count, 0, out);
}

void consent_queue_places(struct request *rq, const int64_t *pkeys, size_t count,
                          struct consent_policies *out)
{
    *out = (struct consent_policies){
        .places = arena_copy(rq->arena, pkeys, count * sizeof(*pkeys)),
        .place_count = count,
    };
    queue_now(rq->db, pkeys, count, out);
}

static bool at_places(const struct consent_policies *p, struct person_ref person)
{
    for (size_t i = 0; i < p->place_count; i++)
        if (p->places[i] == person.pkey)
            return true;
    return false;
}

bool consent_covers(struct consent_policies *out, const struct person_ref *persons, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!at_places(out, persons[i]))
            return false;
    out->persons = persons;
    out->person_count = count;
    return true;
}

enum status consent_read(struct request *rq, struct consent_policies *out)
{
    if (out->rows.result == NULL || out->standard_rows.result == NULL)
        return fail(rq->err, INTERNAL, "consent", "the patient's consents were not read");
    consent_store_read(rq->arena, out);
    return OK;
}

static struct db_value time_or_null(int64_t us, int64_t open)
{
    return us == open ? DB_NULL(DB_TYPE_TIME) : DB_TIME(us);
}

static void bump(struct db *db, struct person_ref person)
{
    static const struct statement BUMP = {
        "consent_epoch_bump",
        "INSERT INTO consent_epoch (pkey, person_id, epoch)"
        " VALUES ($1, $2, 1)"
        " ON CONFLICT (pkey, person_id) DO UPDATE"
        "   SET epoch = consent_epoch.epoch + 1",
    };

    db_queue(db, &BUMP, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id));
}

void consent_store_add(struct db *db, const struct consent_change *change,
                       const struct consent_policy *p)
{
    static const struct statement ADD = {
        "consent_add",
        "INSERT INTO consent_policy (pkey, person_id, policy_id, version, effect, member_id,"
        "       valid_from, valid_until, since, recorded_by)"
        " VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9)",
    };

    for (size_t i = 0; i < change->count; i++) {
        struct person_ref person = change->persons[i];

        db_queue(db, &ADD, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id), DB_UUID(p->id),
                 DB_TEXT(effect_text(p->effect)),
                 p->member_id == 0 ? DB_NULL(DB_TYPE_INT8) : DB_INT8(p->member_id),
                 time_or_null(p->valid_from_us, INT64_MIN),
                 time_or_null(p->valid_until_us, INT64_MAX), DB_TIME(change->at_us),
                 DB_TEXT(change->by));
        bump(db, person);
    }
}

void consent_store_end(struct db *db, struct arena *a, const struct consent_change *change,
                       struct uuid policy, struct rows *ended)
{
    static const struct statement END = {
        "consent_end",
        "UPDATE consent_policy"
        "   SET until = $4, ended_by = $5"
        " WHERE " OF_PERSONS "   AND policy_id = $3"
        "   AND until IS NULL"
        " RETURNING pkey, person_id",
    };
    struct keys k = keys_of(a, change->persons, change->count);

    db_queue(db, &END, ended, DB_INT8S(k.pkeys, change->count), DB_INT8S(k.ids, change->count),
             DB_UUID(policy), DB_TIME(change->at_us), DB_TEXT(change->by));
    for (size_t i = 0; i < change->count; i++)
        bump(db, change->persons[i]);
}

void consent_store_history(struct db *db, struct arena *a, const struct person_ref *persons,
                           size_t count, struct rows *out)
{
    static const struct statement HISTORY = {
        "consent_history",
        "SELECT " VERSION_COLUMNS "  FROM consent_policy"
        " WHERE " OF_PERSONS " ORDER BY since, policy_id, version, person_id",
    };
    struct keys k = keys_of(a, persons, count);

    db_queue(db, &HISTORY, out, DB_INT8S(k.pkeys, count), DB_INT8S(k.ids, count));
}

void consent_store_default(struct db *db, enum consent_effect effect, int64_t at_us, struct str by)
{
    static const struct statement END = {
        "consent_default_end",
        "UPDATE consent_default"
        "   SET until = $1"
        " WHERE until IS NULL",
    };
    static const struct statement ADD = {
        "consent_default_add",
        "INSERT INTO consent_default (version, effect, since, set_by)"
        " SELECT COALESCE(MAX(version), 0) + 1, $1, $2, $3"
        "   FROM consent_default",
    };
    static const struct statement BUMP = {
        "consent_region_epoch",
        "UPDATE epoch"
        "   SET value = value + 1"
        " WHERE name = 'consent'",
    };

    db_queue(db, &END, NULL, DB_TIME(at_us));
    db_queue(db, &ADD, NULL, DB_TEXT(effect_text(effect)), DB_TIME(at_us), DB_TEXT(by));
    db_queue0(db, &BUMP, NULL);
}

struct consent_version consent_version_row(const struct rows *rows, int row)
{
    return (struct consent_version){
        .policy = policy_row(rows, row),
        .since_us = row_time(rows, row, 8),
        .until_us = row_time_or(rows, row, 9, INT64_MAX),
        .recorded_by = row_text(rows, row, 10),
        .ended_by = row_text(rows, row, 11),
    };
}
