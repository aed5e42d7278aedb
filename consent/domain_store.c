#include "consent/domain_store.h"

#include "consent/code_system.h"
#include "consent/people_store.h"
#include "consent/purpose.h"
#include "hub/base/uuid.h"
#include "hub/shelf.h"

static struct shelf shelf = SHELF_EMPTY;

/* --- reading --------------------------------------------------------------------------------- */

/* In one order, now and when replayed: of several sensitivities that deny, the first is named. */
#define DEFAULTS(in_force)                                                                         \
    "SELECT label, effect, version"                                                                \
    "  FROM consent_default"                                                                       \
    " WHERE " in_force " ORDER BY label COLLATE \"C\""
#define DUTIES(in_force)                                                                           \
    "SELECT label, obligations"                                                                    \
    "  FROM consent_obligation"                                                                    \
    " WHERE " in_force " ORDER BY label COLLATE \"C\""
#define AGREEMENTS(in_force)                                                                       \
    "SELECT agreement_id, version, name, parties, purposes, classes, valid_from, valid_until"      \
    "  FROM agreement"                                                                             \
    " WHERE " in_force " ORDER BY agreement_id"
#define NOW   "until IS NULL"
#define AS_OF "since <= $1 AND (until IS NULL OR until > $1)"

static const struct statement COMMUNITIES_NOW = {
    "consent_communities",
    "SELECT member_id"
    "  FROM community"
    " ORDER BY member_id",
};

struct str consent_code_text(struct arena *a, struct coded code)
{
    if (code.system.n == 0)
        return code.code;
    return str_printf(a, "%.*s^^%.*s", STR_ARG(code.code), STR_ARG(code.system));
}

struct coded consent_code_parse(struct str text)
{
    struct str rest = text, code = str_cut(&rest, '^');

    str_cut(&rest, '^');
    return (struct coded){code, code_system(rest.p != NULL ? rest : STR(""))};
}

/* Strings are copied: the rows end with the request, a shared domain does not. */
static const struct coded *codes_of(struct arena *a, const struct rows *rows, int row, int column,
                                    bool purposes, size_t *count)
{
    struct str *texts;
    struct coded *codes;

    *count = row_texts(a, rows, row, column, &texts);
    codes = ARENA_ARRAY(a, *count, struct coded);
    for (size_t i = 0; i < *count; i++) {
        codes[i] = consent_code_parse(str_dup(a, texts[i]));
        if (purposes)
            codes[i] = consent_purpose(codes[i]);
    }
    return codes;
}

static int64_t time_or(const struct rows *rows, int row, int column, int64_t open)
{
    return row_null(rows, row, column) ? open : row_time(rows, row, column);
}

static struct consent_agreement agreement_row(struct arena *a, const struct rows *rows, int row)
{
    struct consent_agreement g = {
        .id = row_uuid(rows, row, 0),
        .version = row_int(rows, row, 1),
        .name = str_dup(a, row_text(rows, row, 2)),
        .valid_from_us = time_or(rows, row, 6, INT64_MIN),
        .valid_until_us = time_or(rows, row, 7, INT64_MAX),
    };
    int64_t *parties;

    g.party_count = row_ints(a, rows, row, 3, &parties);
    g.parties = parties;
    g.purposes = codes_of(a, rows, row, 4, true, &g.purpose_count);
    g.classes = codes_of(a, rows, row, 5, false, &g.class_count);
    return g;
}

static struct consent_default default_row(const struct rows *rows, int row)
{
    bool permit = str_eq(row_text(rows, row, 1), STR("permit"));

    return (struct consent_default){permit ? CONSENT_PERMIT : CONSENT_DENY, row_int(rows, row, 2)};
}

/* A word that this program does not know was written by a newer one: all of them hold. */
static struct consent_duty duty_row(struct arena *a, const struct rows *rows, int row)
{
    struct consent_duty duty = {.label = str_dup(a, row_text(rows, row, 0))};
    struct str *words;
    size_t n = row_texts(a, rows, row, 1, &words);

    for (size_t i = 0; i < n; i++) {
        enum consent_obligation o;

        duty.obligations |=
            consent_obligation_parse(words[i], &o) ? 1u << o : (1u << CONSENT_OBLIGATION_COUNT) - 1;
    }
    return duty;
}

/* What is read of the domain. */
struct domain_rows {
    struct rows defaults, duties, agreements, communities;
    struct people_domain_rows people;
};

/* Without a general default in force, deny of version 0 stands. */
static struct consent_domain *domain_of(struct arena *a, const struct domain_rows *rows)
{
    const struct rows *defaults = &rows->defaults, *duties = &rows->duties,
                      *agreements = &rows->agreements, *communities = &rows->communities;
    struct consent_domain *d = ARENA_NEW(a, struct consent_domain);
    struct consent_sensitivity *s =
        ARENA_ARRAY(a, (size_t)defaults->count, struct consent_sensitivity);
    struct consent_duty *duty = ARENA_ARRAY(a, (size_t)duties->count, struct consent_duty);
    struct consent_agreement *g =
        ARENA_ARRAY(a, (size_t)agreements->count, struct consent_agreement);
    int64_t *c = ARENA_ARRAY(a, (size_t)communities->count, int64_t);

    for (int i = 0; i < defaults->count; i++) {
        struct str label = row_text(defaults, i, 0);

        if (label.n == 0)
            d->standard = default_row(defaults, i);
        else
            s[d->sensitivity_count++] =
                (struct consent_sensitivity){str_dup(a, label), default_row(defaults, i)};
    }
    for (int i = 0; i < duties->count; i++)
        duty[d->duty_count++] = duty_row(a, duties, i);
    for (int i = 0; i < agreements->count; i++)
        g[d->agreement_count++] = agreement_row(a, agreements, i);
    for (int i = 0; i < communities->count; i++)
        c[d->community_count++] = row_int(communities, i, 0);
    d->sensitivities = s;
    d->duties = duty;
    d->agreements = g;
    d->communities = c;
    people_domain_read(a, &rows->people, d);
    return d;
}

enum status consent_domain_hold(struct db *db, struct arena *a, int64_t epoch,
                                const struct consent_domain **out)
{
    static const struct statement DEFAULTS_NOW = {"consent_defaults_now", DEFAULTS(NOW)};
    static const struct statement DUTIES_NOW = {"consent_duties_now", DUTIES(NOW)};
    static const struct statement AGREEMENTS_NOW = {"consent_agreements_now", AGREEMENTS(NOW)};
    struct domain_rows rows;
    struct consent_domain *d;
    struct shelved *made;

    *out = shelf_take(&shelf, a, epoch);
    if (*out != NULL)
        return OK;
    if (db_recalls(db))
        return NOT_FOUND; /* nobody knows whether these are of one time */
    db_queue0(db, &DEFAULTS_NOW, &rows.defaults);
    db_queue0(db, &DUTIES_NOW, &rows.duties);
    db_queue0(db, &AGREEMENTS_NOW, &rows.agreements);
    db_queue0(db, &COMMUNITIES_NOW, &rows.communities);
    people_domain_queue(db, 0, &rows.people);
    TRY(db_flush(db));
    made = shelf_begin();
    d = domain_of(&made->arena, &rows);
    d->epoch = epoch;
    made->version = epoch;
    made->content = d;
    *out = shelf_put(&shelf, a, made);
    return OK;
}

static const struct statement COMMUNITIES_AS_OF = {
    "consent_communities_as_of",
    "SELECT member_id"
    "  FROM community"
    " WHERE added_at <= $1"
    " UNION"
    " SELECT member_id"
    "   FROM community_past"
    "  WHERE added_at <= $1"
    "    AND removed_at > $1"
    "  ORDER BY member_id",
};

enum status consent_domain_as_of(struct db *db, struct arena *a, int64_t at_us,
                                 const struct consent_domain **out)
{
    static const struct statement DEFAULTS_AS_OF = {"consent_defaults_as_of", DEFAULTS(AS_OF)};
    static const struct statement AGREEMENTS_AS_OF = {"consent_agreements_as_of",
                                                      AGREEMENTS(AS_OF)};
    static const struct statement DUTIES_AS_OF = {"consent_duties_as_of", DUTIES(AS_OF)};
    struct domain_rows rows;

    db_queue(db, &DEFAULTS_AS_OF, &rows.defaults, DB_TIME(at_us));
    db_queue(db, &DUTIES_AS_OF, &rows.duties, DB_TIME(at_us));
    db_queue(db, &AGREEMENTS_AS_OF, &rows.agreements, DB_TIME(at_us));
    db_queue(db, &COMMUNITIES_AS_OF, &rows.communities, DB_TIME(at_us));
    people_domain_queue(db, at_us, &rows.people);
    TRY(db_flush(db));
    *out = domain_of(a, &rows);
    return OK;
}

/* --- changes --------------------------------------------------------------------------------- */

void consent_domain_bump(struct db *db)
{
    static const struct statement BUMP = {
        "consent_region_epoch",
        "UPDATE epoch"
        "   SET value = value + 1"
        " WHERE name = 'consent'",
    };

    db_queue0(db, &BUMP, NULL);
}

void consent_domain_default_end(struct db *db, const struct domain_change *change, struct str label,
                                struct rows *ended)
{
    static const struct statement END = {
        "consent_default_end",
        "UPDATE consent_default"
        "   SET until = $1"
        " WHERE until IS NULL"
        "   AND label = $2"
        " RETURNING version",
    };

    consent_domain_bump(db); /* first: what decides now waits for us, or is before us */
    db_queue(db, &END, ended, DB_TIME(change->at_us), DB_TEXT(label));
}

void consent_domain_default(struct db *db, const struct domain_change *change, struct str label,
                            enum consent_effect effect)
{
    static const struct statement ADD = {
        "consent_default_add",
        "INSERT INTO consent_default (version, effect, since, set_by, label)"
        " SELECT COALESCE(MAX(version), 0) + 1, $1, $2, $3, $4"
        "   FROM consent_default",
    };

    consent_domain_default_end(db, change, label, NULL);
    db_queue(db, &ADD, NULL, DB_TEXT(effect == CONSENT_PERMIT ? STR("permit") : STR("deny")),
             DB_TIME(change->at_us), DB_TEXT(change->by), DB_TEXT(label));
}

static struct db_value obligation_words(struct arena *a, unsigned obligations)
{
    struct str *words = ARENA_ARRAY(a, CONSENT_OBLIGATION_COUNT, struct str);
    size_t n = 0;

    for (int o = 0; o < CONSENT_OBLIGATION_COUNT; o++)
        if (obligations & 1u << o)
            words[n++] = str_from(consent_obligation_word((enum consent_obligation)o));
    return DB_TEXTS(words, n);
}

void consent_domain_duty(struct db *db, struct arena *a, const struct domain_change *change,
                         struct str label, unsigned obligations, struct rows *ended)
{
    static const struct statement END = {
        "consent_obligation_end",
        "UPDATE consent_obligation"
        "   SET until = $2, ended_by = $3"
        " WHERE label = $1"
        "   AND until IS NULL"
        " RETURNING version",
    };
    static const struct statement ADD = {
        "consent_obligation_add",
        "INSERT INTO consent_obligation (label, version, obligations, since, set_by)"
        " SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4"
        "   FROM consent_obligation"
        "  WHERE label = $1",
    };

    consent_domain_bump(db);
    db_queue(db, &END, ended, DB_TEXT(label), DB_TIME(change->at_us), DB_TEXT(change->by));
    if (obligations != 0)
        db_queue(db, &ADD, NULL, DB_TEXT(label), obligation_words(a, obligations),
                 DB_TIME(change->at_us), DB_TEXT(change->by));
}

void consent_domain_agreement_end(struct db *db, const struct domain_change *change,
                                  struct str name, struct rows *ended)
{
    static const struct statement END = {
        "agreement_end",
        "UPDATE agreement"
        "   SET until = $2, ended_by = $3"
        " WHERE name = $1"
        "   AND until IS NULL"
        " RETURNING agreement_id, version",
    };

    consent_domain_bump(db);
    db_queue(db, &END, ended, DB_TEXT(name), DB_TIME(change->at_us), DB_TEXT(change->by));
}

static struct db_value texts_or_null(struct arena *a, const struct coded *codes, size_t count)
{
    struct str *texts = ARENA_ARRAY(a, count, struct str);

    for (size_t i = 0; i < count; i++)
        texts[i] = consent_code_text(a, codes[i]);
    return count > 0 ? DB_TEXTS(texts, count) : DB_NULL(DB_TYPE_TEXTS);
}

static struct db_value time_or_null(int64_t us, int64_t open)
{
    return us == open ? DB_NULL(DB_TYPE_TIME) : DB_TIME(us);
}

void consent_domain_agree(struct db *db, struct arena *a, const struct domain_change *change,
                          const struct consent_agreement *g, struct str document)
{
    static const struct statement ADD = {
        "agreement_add",
        "INSERT INTO agreement (agreement_id, version, name, parties, purposes, classes,"
        "       valid_from, valid_until, document, since, recorded_by)"
        " SELECT COALESCE((array_agg(agreement_id))[1], $1), COALESCE(MAX(version), 0) + 1, $2, $3,"
        "       $4, $5, $6, $7, $8, $9, $10"
        "   FROM agreement"
        "  WHERE name = $2",
    };

    consent_domain_agreement_end(db, change, g->name, NULL);
    db_queue(db, &ADD, NULL, DB_UUID(uuid_v7()), DB_TEXT(g->name),
             g->party_count > 0 ? DB_INT8S(g->parties, g->party_count) : DB_NULL(DB_TYPE_INT8S),
             texts_or_null(a, g->purposes, g->purpose_count),
             texts_or_null(a, g->classes, g->class_count),
             time_or_null(g->valid_from_us, INT64_MIN), time_or_null(g->valid_until_us, INT64_MAX),
             DB_TEXT(document), DB_TIME(change->at_us), DB_TEXT(change->by));
}

void consent_domain_agreements(struct db *db, struct rows *out)
{
    static const struct statement LIST = {
        "agreements",
        "SELECT name, parties, purposes, classes, valid_from, valid_until, document, agreement_id,"
        "       version, since, recorded_by"
        "  FROM agreement"
        " WHERE until IS NULL"
        " ORDER BY name",
    };

    db_queue0(db, &LIST, out);
}
