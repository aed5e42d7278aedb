/* Reading what decides: policies, relations and emergencies of the persons of a request, from
 * memory where their epochs have not moved. */
#include <stdlib.h>
#include <string.h>

#include "consent/consent_store.h"
#include "consent/domain_store.h"
#include "consent/people_store.h"
#include "consent/policy_cache.h"
#include "consent/policy_row.h"
#include "hub/base/pair_index.h"
#include "hub/person_rows.h"

/* --- what holds now -------------------------------------------------------------------------- */

/* Behind POLICY_COLUMNS. */
enum { EPOCH_COLUMN = 9, PEOPLE_COLUMN = 10 };

/* Between queueing and reading. */
struct consent_reading {
    struct rows epoch, rows;
    struct rows epochs;    /* of the persons at the places, where all seem to be known */
    const int64_t *places; /* each once */
    size_t place_count;
    const struct consent_known **known;
    size_t known_count;
    bool at_once; /* what has moved comes in the same flush */
    bool as_of;
    int64_t at_us;
    bool keep; /* in memory: only what a disclosing snapshot saw, which nothing can roll back */
};

static int64_t *distinct(struct arena *a, const int64_t *pkeys, size_t count, size_t *n)
{
    int64_t *out = ARENA_ARRAY(a, count, int64_t);
    struct pair_index seen = pair_index_on(a, count);

    *n = 0;
    for (size_t i = 0; i < count; i++)
        if (pair_index_put(&seen, pkeys[i], 0, *n) == *n)
            out[(*n)++] = pkeys[i];
    return out;
}

static void take_known(struct arena *a, struct consent_reading *r)
{
    r->known = ARENA_ARRAY(a, r->place_count * CONSENT_KNOWN_MAX, const struct consent_known *);
    for (size_t i = 0; i < r->place_count; i++) {
        size_t n = consent_cache_at(a, r->places[i], r->known + r->known_count);

        r->known_count += n;
        r->at_once |= n == CONSENT_KNOWN_MAX; /* there may be more than are known */
    }
}

/* An emergency is of use for a day after its end: no assertion that opened it lives longer. */
#define POLICIES_NOW                                                                               \
    "SELECT e.pkey, e.person_id, p.policy_id, p.version, p.effect, p.member_id, p.valid_from,"     \
    "       p.valid_until, p.rules, e.epoch, " PEOPLE_COLUMNS "  FROM consent_epoch e"             \
    "  LEFT JOIN LATERAL ("                                                                        \
    "       SELECT policy_id, version, effect, member_id, valid_from, valid_until, rules,"         \
    "              " PEOPLE_OF_POLICY "         FROM consent_policy"                               \
    "        WHERE pkey = e.pkey"                                                                  \
    "          AND person_id = e.person_id"                                                        \
    "          AND until IS NULL"                                                                  \
    "        UNION ALL"                                                                            \
    "       SELECT " PEOPLE_RELATION(                                                              \
        "") "         FROM consent_relation"                                                       \
            "        WHERE pkey = e.pkey"                                                          \
            "          AND person_id = e.person_id"                                                \
            "          AND until IS NULL"                                                          \
            "        UNION ALL"                                                                    \
            "       SELECT " PEOPLE_EMERGENCY(                                                     \
                "") "         FROM break_glass"                                                    \
                    "        WHERE pkey = e.pkey"                                                  \
                    "          AND person_id = e.person_id"                                        \
                    "          AND until_at > now() - interval '1 day') AS p ON true"              \
                    " WHERE e.pkey = ANY($1)"

/* Of persons whose epoch has not moved since they were read nothing comes. */
static void queue_changed(struct db *db, struct arena *a, struct consent_reading *r)
{
    static const struct statement CHANGED = {
        "consent_policies_changed",
        POLICIES_NOW "   AND (e.pkey, e.person_id, e.epoch) NOT IN ("
                     "       SELECT place, person, epoch"
                     "         FROM unnest($2::bigint[], $3::bigint[], $4::bigint[])"
                     "              AS known (place, person, epoch))",
    };
    int64_t *places = ARENA_ARRAY(a, r->known_count, int64_t);
    int64_t *persons = ARENA_ARRAY(a, r->known_count, int64_t);
    int64_t *epochs = ARENA_ARRAY(a, r->known_count, int64_t);

    for (size_t i = 0; i < r->known_count; i++) {
        places[i] = r->known[i]->person.pkey;
        persons[i] = r->known[i]->person.person_id;
        epochs[i] = r->known[i]->epoch;
    }
    db_queue(db, &CHANGED, &r->rows, DB_INT8S(r->places, r->place_count),
             DB_INT8S(places, r->known_count), DB_INT8S(persons, r->known_count),
             DB_INT8S(epochs, r->known_count));
}

/* What is current, by the only current version: no clock is compared. Policies are read by place
 * alone: few persons share one, and consent_decide asks whose each is. The first flush of a
 * request, which may well be its only one, asks for the epochs alone: nearly always they have not
 * moved. Who has no epoch never said anything. */
static void queue_policies(struct db *db, struct arena *a, struct consent_reading *r)
{
    static const struct statement POLICIES = {"consent_policies_now", POLICIES_NOW};
    static const struct statement EPOCHS = {
        "consent_epochs_at",
        "SELECT pkey, person_id, epoch"
        "  FROM consent_epoch"
        " WHERE pkey = ANY($1)",
    };

    if (!r->at_once)
        db_queue(db, &EPOCHS, &r->epochs, DB_INT8S(r->places, r->place_count));
    else if (r->known_count > 0)
        queue_changed(db, a, r);
    else
        db_queue(db, &POLICIES, &r->rows, DB_INT8S(r->places, r->place_count));
}

/* The driver of a request reads the epochs in its first flush (hub/request.c); a command has none.
 */
static void queue_epoch(struct db *db, struct consent_reading *r)
{
    static const struct statement EPOCH = {
        "consent_epoch_of_domain",
        "SELECT value"
        "  FROM epoch"
        " WHERE name = 'consent'",
    };

    db_queue0(db, &EPOCH, &r->epoch);
}

/* How a request reads: with the epoch of its driver, and to be kept. Who has broken glass sees what
 * it has written itself, under an epoch that another change gets should this one be rolled back. */
struct manner {
    bool with_epoch, keep, at_once;
};

static struct manner manner_of(const struct request *rq)
{
    return (struct manner){!request_has_epochs(rq),
                           rq->transaction != NULL &&
                               rq->transaction->isolation == REPEATABLE_READ &&
                               rq->emergencies == NULL && !request_recalls(rq),
                           rq->epochs.result != NULL};
}

static void queue_now(struct db *db, struct arena *a, const int64_t *pkeys, size_t count,
                      struct manner how, struct consent_policies *out)
{
    struct consent_reading *r = ARENA_NEW(a, struct consent_reading);

    out->reading = r;
    r->keep = how.keep;
    r->at_once = how.at_once;
    r->places = distinct(a, pkeys, count, &r->place_count);
    if (how.with_epoch)
        queue_epoch(db, r);
    take_known(a, r);
    queue_policies(db, a, r);
}

static void queue_as_of(struct db *db, struct arena *a, int64_t at_us, struct consent_policies *out)
{
    static const struct statement POLICIES = {
        "consent_policies_as_of",
        "SELECT " POLICY_COLUMNS ", 0::bigint, " PEOPLE_OF_POLICY "  FROM consent_policy"
        " WHERE " OF_PERSONS "   AND since <= $3"
        "   AND (until IS NULL OR until > $3)"
        " UNION ALL"
        " SELECT pkey, person_id, " PEOPLE_RELATION(
            "0, ") "  FROM consent_relation"
                   " WHERE " OF_PERSONS "   AND since <= $3"
                   "   AND (until IS NULL OR until > $3)"
                   " UNION ALL"
                   " SELECT pkey, person_id, " PEOPLE_EMERGENCY(
                       "0, ") "  FROM break_glass"
                              " WHERE " OF_PERSONS "   AND opened_at <= $3"
                              "   AND until_at > $3 - interval '1 day'",
    };
    struct pairs of = pairs_of_persons(a, out->persons, out->person_count);

    out->reading = ARENA_NEW(a, struct consent_reading);
    out->reading->as_of = true;
    out->reading->at_us = at_us;
    db_queue(db, &POLICIES, &out->reading->rows, of.pkeys, of.numbers, DB_TIME(at_us));
}

static void queue_persons(struct db *db, struct arena *a, const struct person_ref *persons,
                          size_t count, int64_t as_of_us, struct manner how,
                          struct consent_policies *out)
{
    int64_t *pkeys = ARENA_ARRAY(a, count, int64_t);

    *out = (struct consent_policies){
        .persons = arena_copy(a, persons, count * sizeof(*persons)),
        .person_count = count,
    };
    for (size_t i = 0; i < count; i++)
        pkeys[i] = persons[i].pkey;
    if (as_of_us == 0)
        queue_now(db, a, pkeys, count, how, out);
    else
        queue_as_of(db, a, as_of_us, out);
}

void consent_store_queue(struct db *db, struct arena *a, const struct person_ref *persons,
                         size_t count, int64_t as_of_us, struct consent_policies *out)
{
    queue_persons(db, a, persons, count, as_of_us, (struct manner){true, false, true}, out);
}

/* --- what came ------------------------------------------------------------------------------- */

/* Who came, by a row of each. Rows of one person follow each other as they please; a person of an
 * epoch without policies has one row of NULLs. */
static struct pair_index who_came(struct arena *a, const struct consent_reading *r)
{
    struct pair_index came = pair_index_on(a, (size_t)r->rows.count);

    for (int i = 0; i < r->rows.count; i++)
        (void)pair_index_put(&came, row_int(&r->rows, i, 0), row_int(&r->rows, i, 1), (size_t)i);
    return came;
}

/* Room for all that came and all that is known. */
static void make_room(struct arena *a, struct consent_policies *out)
{
    const struct consent_reading *r = out->reading;
    size_t came = (size_t)r->rows.count, items = came, relations = came, emergencies = came;

    for (size_t i = 0; i < r->known_count; i++) {
        items += r->known[i]->count;
        relations += r->known[i]->relation_count;
        emergencies += r->known[i]->emergency_count;
    }
    out->items = ARENA_ARRAY(a, items, struct consent_policy);
    out->relations = ARENA_ARRAY(a, relations, struct consent_relation);
    out->emergencies = ARENA_ARRAY(a, emergencies, struct consent_emergency);
}

/* Each of these begins with its person. */
static int compare_person(const void *a, const void *b)
{
    const struct person_ref *x = a, *y = b;

    if (x->pkey != y->pkey)
        return x->pkey < y->pkey ? -1 : 1;
    return (x->person_id > y->person_id) - (x->person_id < y->person_id);
}

/* What came of one kind, sorted by person, and taken person by person. */
struct by_person {
    const char *at, *end;
    size_t size; /* of one */
};

static struct by_person by_person(struct arena *a, const void *v, size_t n, size_t size)
{
    char *sorted = arena_copy(a, v, n * size);

    if (n > 1)
        qsort(sorted, n, size, compare_person);
    return (struct by_person){sorted, sorted + n * size, size};
}

static const void *take(struct by_person *list, struct person_ref person, size_t *n)
{
    const char *first = list->at;

    for (*n = 0; list->at < list->end && compare_person(list->at, &person) == 0; (*n)++)
        list->at += list->size;
    return first;
}

/* The persons that came, each with the number of its row, in the order of compare_person. */
struct came {
    struct person_ref person;
    int row;
};

static struct came *each_once(struct arena *a, const struct consent_reading *r,
                              const struct pair_index *index)
{
    struct came *came = ARENA_ARRAY(a, index->n, struct came);
    size_t n = 0;

    for (int i = 0; i < r->rows.count; i++) {
        struct person_ref person = {row_int(&r->rows, i, 0), row_int(&r->rows, i, 1)};

        if (pair_index_find(index, person.pkey, person.person_id) == (size_t)i)
            came[n++] = (struct came){person, i};
    }
    if (n > 1)
        qsort(came, n, sizeof(*came), compare_person);
    return came;
}

/* Keeps what came, person by person, for the next one who asks. */
static void keep(struct arena *a, const struct consent_policies *all,
                 const struct pair_index *index)
{
    const struct consent_reading *r = all->reading;
    const struct came *came = each_once(a, r, index);
    struct by_person policies = by_person(a, all->items, all->count, sizeof(*all->items));
    struct by_person relations =
        by_person(a, all->relations, all->relation_count, sizeof(*all->relations));
    struct by_person emergencies =
        by_person(a, all->emergencies, all->emergency_count, sizeof(*all->emergencies));

    for (size_t i = 0; i < index->n; i++) {
        struct consent_known k = {.person = came[i].person,
                                  .epoch = row_int(&r->rows, came[i].row, EPOCH_COLUMN)};

        k.policies = take(&policies, k.person, &k.count);
        k.relations = take(&relations, k.person, &k.relation_count);
        k.emergencies = take(&emergencies, k.person, &k.emergency_count);
        consent_cache_put(&k);
    }
}

/* Of persons whose epoch has not moved. */
static void take_unmoved(const struct pair_index *came, struct consent_policies *out)
{
    const struct consent_reading *r = out->reading;

    for (size_t i = 0; i < r->known_count; i++) {
        const struct consent_known *k = r->known[i];

        if (pair_index_find(came, k->person.pkey, k->person.person_id) != PAIR_NONE)
            continue;
        if (k->count > 0)
            memcpy(out->items + out->count, k->policies, k->count * sizeof(*k->policies));
        if (k->relation_count > 0)
            memcpy(out->relations + out->relation_count, k->relations,
                   k->relation_count * sizeof(*k->relations));
        if (k->emergency_count > 0)
            memcpy(out->emergencies + out->emergency_count, k->emergencies,
                   k->emergency_count * sizeof(*k->emergencies));
        out->count += k->count;
        out->relation_count += k->relation_count;
        out->emergency_count += k->emergency_count;
    }
}

static void row_read(struct arena *a, const struct rows *rows, int row,
                     struct consent_policies *out)
{
    switch (people_row_kind(rows, row, PEOPLE_COLUMN)) {
    case PEOPLE_RELATION_ROW:
        out->relations[out->relation_count++] = people_relation_row(a, rows, row, PEOPLE_COLUMN);
        return;
    case PEOPLE_EMERGENCY_ROW:
        out->emergencies[out->emergency_count++] = people_emergency_row(rows, row, PEOPLE_COLUMN);
        return;
    case PEOPLE_POLICY:
        out->items[out->count++] = consent_policy_row(a, rows, row);
    }
}

static bool is_known(const struct consent_reading *r, struct person_ref person, int64_t epoch)
{
    for (size_t i = 0; i < r->known_count; i++)
        if (person_ref_eq(r->known[i]->person, person) && r->known[i]->epoch == epoch)
            return true;
    return false;
}

/* Has anybody's epoch moved? Then what they say now is read after all. */
static enum status read_moved(struct db *db, struct arena *a, struct consent_reading *r)
{
    for (int i = 0; i < r->epochs.count; i++) {
        struct person_ref person = {row_int(&r->epochs, i, 0), row_int(&r->epochs, i, 1)};

        if (is_known(r, person, row_int(&r->epochs, i, 2)))
            continue;
        r->at_once = true;
        queue_policies(db, a, r);
        return db_flush(db);
    }
    return OK;
}

static void items_read(struct arena *a, struct consent_policies *out)
{
    const struct consent_reading *r = out->reading;
    struct pair_index came = who_came(a, r);

    make_room(a, out);
    for (int i = 0; i < r->rows.count; i++)
        if (!row_null(&r->rows, i, 2))
            row_read(a, &r->rows, i, out);
    if (r->keep && r->rows.count > 0)
        keep(a, out, &came);
    take_unmoved(&came, out);
}

static enum status read_all(struct db *db, struct arena *a, const int64_t *epoch,
                            struct consent_policies *out)
{
    struct consent_reading *r = out->reading;

    if (r->as_of)
        TRY(consent_domain_as_of(db, a, r->at_us, &out->domain));
    else
        TRY(consent_domain_hold(db, a, *epoch, &out->domain));
    TRY(read_moved(db, a, r));
    items_read(a, out);
    out->readable = true;
    return OK;
}

static bool was_read(const struct consent_reading *r)
{
    return r != NULL && (r->rows.result != NULL || r->epochs.result != NULL);
}

enum status consent_store_read(struct db *db, struct arena *a, struct consent_policies *out,
                               struct errors *err)
{
    struct consent_reading *r = out->reading;
    int64_t epoch = 0;

    if (!was_read(r) || (!r->as_of && r->epoch.count != 1))
        return fail(err, INTERNAL, "consent", "the patient's consents were not read");
    if (!r->as_of)
        epoch = row_int(&r->epoch, 0, 0);
    return read_all(db, a, &epoch, out);
}

void consent_queue(struct request *rq, const struct person_ref *persons, size_t count,
                   struct consent_policies *out)
{
    queue_persons(rq->db, rq->arena, persons, count, 0, manner_of(rq), out);
}

void consent_queue_places(struct request *rq, const int64_t *pkeys, size_t count,
                          struct consent_policies *out)
{
    *out = (struct consent_policies){
        .places = arena_copy(rq->arena, pkeys, count * sizeof(*pkeys)),
        .place_count = count,
    };
    queue_now(rq->db, rq->arena, pkeys, count, manner_of(rq), out);
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
    struct consent_reading *r = out->reading;
    int64_t epoch;

    if (was_read(r) && r->epoch.result == NULL && request_epoch(rq, "consent", &epoch))
        TRY(read_all(rq->db, rq->arena, &epoch, out));
    else
        TRY(consent_store_read(rq->db, rq->arena, out, rq->err));
    consent_focus(rq->arena, &rq->principal, rq->now_us, out);
    return OK;
}
