#include "consent/consent_store.h"

#include "consent/policy_row.h"
#include "hub/person_rows.h"

#define VERSION_COLUMNS POLICY_COLUMNS ", since, until, recorded_by, ended_by"

static struct str effect_text(enum consent_effect effect)
{
    return effect == CONSENT_PERMIT ? STR("permit") : STR("deny");
}

static struct db_value time_or_null(int64_t us, int64_t open)
{
    return us == open ? DB_NULL(DB_TYPE_TIME) : DB_TIME(us);
}

void consent_epoch_bump(struct db *db, struct person_ref person)
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

void consent_store_add(struct db *db, struct arena *a, const struct consent_change *change,
                       const struct consent_policy *p)
{
    static const struct statement ADD = {
        "consent_add",
        "INSERT INTO consent_policy (pkey, person_id, policy_id, version, effect, member_id,"
        "       valid_from, valid_until, since, recorded_by, rules)"
        " VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10)",
    };
    struct str rules = p->rules != NULL ? consent_rule_write(a, p->rules) : STR_NONE;

    for (size_t i = 0; i < change->count; i++) {
        struct person_ref person = change->persons[i];

        db_queue(db, &ADD, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id), DB_UUID(p->id),
                 DB_TEXT(effect_text(p->effect)),
                 p->member_id == 0 ? DB_NULL(DB_TYPE_INT8) : DB_INT8(p->member_id),
                 time_or_null(p->valid_from_us, INT64_MIN),
                 time_or_null(p->valid_until_us, INT64_MAX), DB_TIME(change->at_us),
                 DB_TEXT(change->by), DB_TEXT(rules));
        consent_epoch_bump(db, person);
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
    struct pairs of = pairs_of_persons(a, change->persons, change->count);

    db_queue(db, &END, ended, of.pkeys, of.numbers, DB_UUID(policy), DB_TIME(change->at_us),
             DB_TEXT(change->by));
    for (size_t i = 0; i < change->count; i++)
        consent_epoch_bump(db, change->persons[i]);
}

void consent_store_history(struct db *db, struct arena *a, const struct person_ref *persons,
                           size_t count, struct rows *out)
{
    static const struct statement HISTORY = {
        "consent_history",
        "SELECT " VERSION_COLUMNS "  FROM consent_policy"
        " WHERE " OF_PERSONS " ORDER BY since, policy_id, version, person_id",
    };
    struct pairs of = pairs_of_persons(a, persons, count);

    db_queue(db, &HISTORY, out, of.pkeys, of.numbers);
}

struct consent_version consent_version_row(struct arena *a, const struct rows *rows, int row)
{
    return (struct consent_version){
        .policy = consent_policy_row(a, rows, row),
        .since_us = row_time(rows, row, 9),
        .until_us = consent_row_time(rows, row, 10, INT64_MAX),
        .recorded_by = row_text(rows, row, 11),
        .ended_by = row_text(rows, row, 12),
    };
}
