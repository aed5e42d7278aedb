#include "consent/people_store.h"

#include "consent/people.h"
#include "consent/purpose.h"
#include "hub/person_rows.h"

#define NOW   "until IS NULL"
#define AS_OF "since <= $1 AND (until IS NULL OR until > $1)"

/* --- what is read ---------------------------------------------------------------------------- */

enum { ID = 2, VERSION, WORD, MEMBER, FROM, UNTIL, RULES }; /* the seven */
enum { WHAT, USER, ASSERTION, BIRTH, BY_MINORITY };         /* PEOPLE_COLUMNS */

enum people_kind people_row_kind(const struct rows *rows, int row, int column)
{
    struct str what = row_text(rows, row, column + WHAT);

    return str_eq(what, STR("relation"))    ? PEOPLE_RELATION_ROW
           : str_eq(what, STR("emergency")) ? PEOPLE_EMERGENCY_ROW
                                            : PEOPLE_POLICY;
}

static int64_t time_or(const struct rows *rows, int row, int column, int64_t open)
{
    return row_null(rows, row, column) ? open : row_time(rows, row, column);
}

/* A scope, or a kind, that cannot be read was written by a newer hub: it denies. */
struct consent_relation people_relation_row(struct arena *a, const struct rows *rows, int row,
                                            int column)
{
    struct consent_relation r = {
        .person = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .id = row_uuid(rows, row, ID),
        .version = row_int(rows, row, VERSION),
        .user = row_text(rows, row, column + USER),
        .birth = (int32_t)row_int(rows, row, column + BIRTH),
        .by_minority = row_bool(rows, row, column + BY_MINORITY),
        .valid_from_us = time_or(rows, row, FROM, INT64_MIN),
        .valid_until_us = time_or(rows, row, UNTIL, INT64_MAX),
    };
    struct consent_rule *scope;
    struct errors err;

    r.unreadable = !consent_relation_parse(row_text(rows, row, WORD), &r.kind);
    r.kind = r.unreadable ? CONSENT_PROXY : r.kind;
    if (row_null(rows, row, RULES))
        return r;
    errors_init(&err, a);
    scope = ARENA_NEW(a, struct consent_rule);
    r.unreadable |= consent_rule_read(a, row_text(rows, row, RULES), scope, &err) != OK;
    r.scope = r.unreadable ? NULL : scope;
    return r;
}

struct consent_emergency people_emergency_row(const struct rows *rows, int row, int column)
{
    return (struct consent_emergency){
        .person = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .id = row_uuid(rows, row, ID),
        .member_id = row_int(rows, row, MEMBER),
        .user = row_text(rows, row, column + USER),
        .assertion = row_text(rows, row, column + ASSERTION),
        .opened_us = row_time(rows, row, FROM),
        .until_us = row_time(rows, row, UNTIL),
    };
}

#define AGES(in_force) "SELECT attribute, code, age FROM consent_age WHERE " in_force
#define TERMS(in_force)                                                                            \
    "SELECT purpose, box_minutes, review_hours FROM consent_emergency_purpose WHERE " in_force

void people_domain_queue(struct db *db, int64_t as_of_us, struct people_domain_rows *out)
{
    static const struct statement AGES_NOW = {"consent_ages_now", AGES(NOW)};
    static const struct statement AGES_AS_OF = {"consent_ages_as_of", AGES(AS_OF)};
    static const struct statement TERMS_NOW = {"consent_terms_now", TERMS(NOW)};
    static const struct statement TERMS_AS_OF = {"consent_terms_as_of", TERMS(AS_OF)};

    if (as_of_us == 0) {
        db_queue0(db, &AGES_NOW, &out->ages);
        db_queue0(db, &TERMS_NOW, &out->terms);
    } else {
        db_queue(db, &AGES_AS_OF, &out->ages, DB_TIME(as_of_us));
        db_queue(db, &TERMS_AS_OF, &out->terms, DB_TIME(as_of_us));
    }
}

static struct coded code_of(struct arena *a, const struct rows *rows, int row, int column)
{
    return consent_code_parse(str_dup(a, row_text(rows, row, column)));
}

/* A category of an attribute that this program does not know cannot be told apart from other
 * documents: from its age on all are kept. */
static void ages_read(struct arena *a, const struct rows *rows, struct consent_domain *out)
{
    struct consent_category *all = ARENA_ARRAY(a, (size_t)rows->count, struct consent_category);

    for (int i = 0; i < rows->count; i++) {
        struct consent_category *c = &all[out->category_count];

        if (str_eq(row_text(rows, i, 0), STR("majority"))) {
            out->majority = (int)row_int(rows, i, 2);
            continue;
        }
        *c = (struct consent_category){.value = code_of(a, rows, i, 1),
                                       .from_age = (int)row_int(rows, i, 2)};
        c->everything = !consent_attribute_parse(row_text(rows, i, 0), &c->what) ||
                        consent_attribute_of(c->what) != CONSENT_OF_OBJECT;
        out->category_count++;
    }
    out->categories = all;
}

void people_domain_read(struct arena *a, const struct people_domain_rows *rows,
                        struct consent_domain *out)
{
    struct consent_emergency_terms *terms =
        ARENA_ARRAY(a, (size_t)rows->terms.count, struct consent_emergency_terms);

    ages_read(a, &rows->ages, out);
    for (int i = 0; i < rows->terms.count; i++)
        terms[i] = (struct consent_emergency_terms){
            .purpose = consent_purpose(code_of(a, &rows->terms, i, 0)),
            .box_us = row_int(&rows->terms, i, 1) * 60 * US_PER_SECOND,
            .review_us = row_int(&rows->terms, i, 2) * 3600 * US_PER_SECOND,
        };
    out->emergencies = terms;
    out->emergency_count = (size_t)rows->terms.count;
}

/* --- the domain's changes -------------------------------------------------------------------- */

void people_age_set(struct db *db, const struct domain_change *change, struct str attribute,
                    struct str code, int age, struct rows *ended)
{
    static const struct statement END = {
        "consent_age_end",
        "UPDATE consent_age"
        "   SET until = $3, ended_by = $4"
        " WHERE attribute = $1"
        "   AND code = $2"
        "   AND until IS NULL"
        " RETURNING age",
    };
    static const struct statement ADD = {
        "consent_age_add",
        "INSERT INTO consent_age (attribute, code, version, age, since, set_by)"
        " SELECT $1, $2, COALESCE(MAX(version), 0) + 1, $3, $4, $5"
        "   FROM consent_age"
        "  WHERE attribute = $1"
        "    AND code = $2",
    };

    consent_domain_bump(db);
    db_queue(db, &END, ended, DB_TEXT(attribute), DB_TEXT(code), DB_TIME(change->at_us),
             DB_TEXT(change->by));
    if (age >= 0)
        db_queue(db, &ADD, NULL, DB_TEXT(attribute), DB_TEXT(code), DB_INT4(age),
                 DB_TIME(change->at_us), DB_TEXT(change->by));
}

void people_terms_set(struct db *db, const struct domain_change *change, struct str purpose,
                      int box_minutes, int review_hours, struct rows *ended)
{
    static const struct statement END = {
        "consent_terms_end",
        "UPDATE consent_emergency_purpose"
        "   SET until = $2, ended_by = $3"
        " WHERE purpose = $1"
        "   AND until IS NULL"
        " RETURNING purpose",
    };
    static const struct statement ADD = {
        "consent_terms_add",
        "INSERT INTO consent_emergency_purpose (purpose, version, box_minutes, review_hours, since,"
        "       set_by)"
        " SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4, $5"
        "   FROM consent_emergency_purpose"
        "  WHERE purpose = $1",
    };

    consent_domain_bump(db);
    db_queue(db, &END, ended, DB_TEXT(purpose), DB_TIME(change->at_us), DB_TEXT(change->by));
    if (box_minutes > 0)
        db_queue(db, &ADD, NULL, DB_TEXT(purpose), DB_INT4(box_minutes), DB_INT4(review_hours),
                 DB_TIME(change->at_us), DB_TEXT(change->by));
}

/* --- relations ------------------------------------------------------------------------------- */

#define OF_PERSONS                                                                                 \
    "(pkey, person_id) IN ("                                                                       \
    "       SELECT place, person"                                                                  \
    "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, person))"

static struct db_value time_or_null(int64_t us, int64_t open)
{
    return us == open ? DB_NULL(DB_TYPE_TIME) : DB_TIME(us);
}

static void bump(struct db *db, const struct consent_change *change)
{
    for (size_t i = 0; i < change->count; i++)
        consent_epoch_bump(db, change->persons[i]);
}

void people_relation_add(struct db *db, struct arena *a, const struct consent_change *change,
                         const struct consent_relation *r, struct str evidence)
{
    static const struct statement ADD = {
        "consent_relation_add",
        "INSERT INTO consent_relation (pkey, person_id, relation_id, version, user_id, kind,"
        "       by_minority, birth, valid_from, valid_until, scope, evidence, since, recorded_by)"
        " VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    };
    struct str scope = r->scope != NULL ? consent_rule_write(a, r->scope) : STR_NONE;

    for (size_t i = 0; i < change->count; i++)
        db_queue(db, &ADD, NULL, DB_INT8(change->persons[i].pkey),
                 DB_INT8(change->persons[i].person_id), DB_UUID(r->id), DB_TEXT(r->user),
                 DB_TEXT(str_from(consent_relation_word(r->kind))), DB_BOOL(r->by_minority),
                 r->birth != 0 ? DB_INT4(r->birth) : DB_NULL(DB_TYPE_INT4),
                 time_or_null(r->valid_from_us, INT64_MIN),
                 time_or_null(r->valid_until_us, INT64_MAX), DB_TEXT(scope), DB_TEXT(evidence),
                 DB_TIME(change->at_us), DB_TEXT(change->by));
    bump(db, change);
}

void people_birth_correct(struct db *db, struct arena *a, const struct consent_change *change,
                          int32_t birth)
{
    static const struct statement CORRECT = {
        "consent_relation_birth",
        "WITH ended AS ("
        " UPDATE consent_relation"
        "    SET until = $4, ended_by = $5"
        "  WHERE " OF_PERSONS "    AND until IS NULL"
        "    AND birth IS DISTINCT FROM $3"
        " RETURNING pkey, person_id, relation_id, version, user_id, kind, by_minority, valid_from,"
        "           valid_until, scope, evidence),"
        " added AS ("
        " INSERT INTO consent_relation (pkey, person_id, relation_id, version, user_id, kind,"
        "       by_minority, birth, valid_from, valid_until, scope, evidence, since, recorded_by)"
        " SELECT pkey, person_id, relation_id, version + 1, user_id, kind, by_minority, $3,"
        "        valid_from, valid_until, scope, evidence, $4, $5"
        "   FROM ended)"
        " INSERT INTO consent_epoch (pkey, person_id, epoch)"
        " SELECT DISTINCT pkey, person_id, 1"
        "   FROM ended"
        "     ON CONFLICT (pkey, person_id) DO UPDATE"
        "    SET epoch = consent_epoch.epoch + 1",
    };
    struct pairs of = pairs_of_persons(a, change->persons, change->count);

    db_queue(db, &CORRECT, NULL, of.pkeys, of.numbers, DB_INT4(birth), DB_TIME(change->at_us),
             DB_TEXT(change->by));
}

/* The version of before, with an end: one that had not begun yet never counted. */
void people_relation_end(struct db *db, struct arena *a, const struct consent_change *change,
                         struct uuid relation, struct rows *ended)
{
    static const struct statement END = {
        "consent_relation_end",
        "WITH ended AS ("
        " UPDATE consent_relation"
        "    SET until = $4, ended_by = $5"
        "  WHERE " OF_PERSONS "    AND relation_id = $3"
        "    AND until IS NULL"
        "    AND (valid_until IS NULL OR valid_until > $4)"
        " RETURNING pkey, person_id, version, user_id, kind, by_minority, birth, valid_from, scope,"
        "           evidence)"
        " INSERT INTO consent_relation (pkey, person_id, relation_id, version, user_id, kind,"
        "       by_minority, birth, valid_from, valid_until, scope, evidence, since, recorded_by)"
        " SELECT pkey, person_id, $3, version + 1, user_id, kind, by_minority, birth,"
        "        CASE WHEN valid_from < $4 THEN valid_from END, $4, scope, evidence, $4, $5"
        "   FROM ended"
        " RETURNING pkey, person_id",
    };
    struct pairs of = pairs_of_persons(a, change->persons, change->count);

    db_queue(db, &END, ended, of.pkeys, of.numbers, DB_UUID(relation), DB_TIME(change->at_us),
             DB_TEXT(change->by));
    bump(db, change);
}

void people_relation_take_back(struct db *db, struct arena *a, const struct consent_change *change,
                               struct uuid relation, struct rows *ended)
{
    static const struct statement TAKE_BACK = {
        "consent_relation_take_back",
        "UPDATE consent_relation"
        "   SET until = $4, ended_by = $5"
        " WHERE " OF_PERSONS "   AND relation_id = $3"
        "   AND until IS NULL"
        " RETURNING pkey, person_id",
    };
    struct pairs of = pairs_of_persons(a, change->persons, change->count);

    db_queue(db, &TAKE_BACK, ended, of.pkeys, of.numbers, DB_UUID(relation), DB_TIME(change->at_us),
             DB_TEXT(change->by));
    bump(db, change);
}
