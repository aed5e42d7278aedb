#include "consent/label_store.h"

#include <pthread.h>
#include <stdlib.h>

/* --- reading ---------------------------------------------------------------------------------- */

enum { SET_ID, NAME, LABELS, CONFIDENTIALITY, FIELD, SYSTEM, CODE, PREFIX, VERSION };

/* One row at least, with the version: it is read together with what it stands for. */
#define SETS(in_force)                                                                             \
    "SELECT s.set_id, s.name, s.labels, s.confidentiality, c.field, c.system, c.code, c.prefix,\n" \
    "       e.value\n"                                                                             \
    "  FROM epoch AS e\n"                                                                          \
    "  LEFT JOIN consent_label_set AS s\n"                                                         \
    "    ON " in_force "\n"                                                                        \
    "  LEFT JOIN consent_label_code AS c\n"                                                        \
    "    ON c.set_id = s.set_id\n"                                                                 \
    " WHERE e.name = 'labels'\n"                                                                   \
    " ORDER BY s.set_id"

/* Strings are copied: the rows end with the request, a shared book does not. */
static struct label_code code_row(struct arena *a, const struct rows *rows, int row)
{
    struct label_code c = {.system = str_dup(a, row_text(rows, row, SYSTEM)),
                           .code = str_dup(a, row_text(rows, row, CODE)),
                           .prefix = row_bool(rows, row, PREFIX)};

    must(label_field_parse(row_text(rows, row, FIELD), &c.field),
         "a field that the CHECK of consent_label_code lets through");
    return c;
}

/* Of rows [from, to). */
static struct label_set set_of(struct arena *a, const struct rows *rows, int from, int to)
{
    struct label_set set = {.name = str_dup(a, row_text(rows, from, NAME)),
                            .confidentiality = str_dup(a, row_text(rows, from, CONFIDENTIALITY)),
                            .codes = ARENA_ARRAY(a, (size_t)(to - from), struct label_code),
                            .code_count = (size_t)(to - from)};

    set.labels.n = row_texts(a, rows, from, LABELS, &set.labels.v);
    for (size_t i = 0; i < set.labels.n; i++)
        set.labels.v[i] = str_dup(a, set.labels.v[i]);
    for (int i = from; i < to; i++)
        set.codes[i - from] = code_row(a, rows, i);
    return set;
}

/* Rows of one value set follow each other. */
static struct label_book *book_of(struct arena *a, const struct rows *rows)
{
    struct label_set *sets = ARENA_ARRAY(a, LABEL_SETS_MAX, struct label_set);
    size_t n = 0;

    must(rows->count > 0, "the epoch 'labels', which migration 0026 inserts");
    for (int from = 0, to; from < rows->count && !row_null(rows, from, SET_ID); from = to) {
        for (to = from + 1; to < rows->count; to++)
            if (row_int(rows, to, SET_ID) != row_int(rows, from, SET_ID))
                break;
        must(n < LABEL_SETS_MAX, "more value sets than label_store_put lets in");
        sets[n++] = set_of(a, rows, from, to);
    }
    return label_book_make(a, sets, n, row_int(rows, 0, VERSION));
}

/* --- the process's book ----------------------------------------------------------------------- */

struct shared {
    struct arena arena;
    const struct label_book *book;
    unsigned holders; /* the shelf is one */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared *shelf;

static void release(void *p)
{
    struct shared *s = p;
    bool last;

    pthread_mutex_lock(&lock);
    last = --s->holders == 0;
    pthread_mutex_unlock(&lock);
    if (last) {
        arena_dispose(&s->arena);
        free(s);
    }
}

/* The one on the shelf, held for the arena; of this version, or of any when it is 0. */
static const struct label_book *take(struct arena *a, int64_t version)
{
    struct shared *s;

    pthread_mutex_lock(&lock);
    s = shelf && (version == 0 || label_book_version(shelf->book) == version) ? shelf : NULL;
    if (s)
        s->holders++;
    pthread_mutex_unlock(&lock);
    if (s == NULL)
        return NULL;
    arena_defer(a, release, s);
    return s->book;
}

/* Puts it on the shelf unless a newer one stands there: an older snapshot may come to need its own.
 * The caller holds it either way. */
static void put(struct arena *a, struct shared *s)
{
    struct shared *old = s;

    pthread_mutex_lock(&lock);
    s->holders = 1;
    if (shelf == NULL || label_book_version(shelf->book) < label_book_version(s->book)) {
        old = shelf;
        shelf = s;
        s->holders = 2;
    }
    pthread_mutex_unlock(&lock);
    arena_defer(a, release, s);
    if (old && old != s)
        release(old);
}

static const struct statement SETS_NOW = {
    "consent_label_sets_now",
    SETS("s.until IS NULL"),
};

enum status label_book_hold(struct db *db, struct arena *a, int64_t version,
                            const struct label_book **out)
{
    struct shared *s;
    struct rows rows;

    *out = take(a, version);
    if (*out)
        return OK;
    db_queue0(db, &SETS_NOW, &rows);
    TRY(db_flush(db));
    s = calloc(1, sizeof(*s));
    must(s != NULL, "out of memory");
    arena_init(&s->arena);
    s->book = book_of(&s->arena, &rows);
    put(a, s);
    *out = s->book;
    return OK;
}

const struct label_book *label_book_last(struct arena *a)
{
    return take(a, 0);
}

enum status label_book_as_of(struct db *db, struct arena *a, int64_t at_us, struct label_book **out)
{
    static const struct statement THEN = {
        "consent_label_sets_as_of",
        SETS("s.since <= $1 AND (s.until IS NULL OR s.until > $1)"),
    };
    struct rows rows;

    if (at_us == 0)
        db_queue0(db, &SETS_NOW, &rows);
    else
        db_queue(db, &THEN, &rows, DB_TIME(at_us));
    TRY(db_flush(db));
    *out = book_of(a, &rows);
    return OK;
}

/* --- changing --------------------------------------------------------------------------------- */

static void bump(struct db *db)
{
    static const struct statement BUMP = {
        "consent_label_epoch",
        "UPDATE epoch\n"
        "   SET value = value + 1\n"
        " WHERE name IN ('labels', 'consent')",
    };

    db_queue0(db, &BUMP, NULL);
}

static void end(struct db *db, const struct label_change *change, struct str name,
                struct rows *ended)
{
    static const struct statement END = {
        "consent_label_set_end",
        "UPDATE consent_label_set\n"
        "   SET until = $2, ended_by = $3\n"
        " WHERE name = $1\n"
        "   AND until IS NULL\n"
        " RETURNING set_id",
    };

    db_queue(db, &END, ended, DB_TEXT(name), DB_TIME(change->at_us), DB_TEXT(change->by));
}

/* The codes as parallel arrays. */
static void add(struct db *db, struct arena *a, const struct label_change *change,
                const struct label_set *set, struct str origin)
{
    static const struct statement ADD = {
        "consent_label_set_add",
        "WITH made AS (\n"
        "    INSERT INTO consent_label_set (name, labels, confidentiality, origin, since,\n"
        "           loaded_by)\n"
        "    VALUES ($1, $2, $3, $4, $5, $6)\n"
        "    RETURNING set_id)\n"
        "INSERT INTO consent_label_code (set_id, field, system, code, prefix)\n"
        "SELECT made.set_id, c.field, c.system, c.code, c.prefix = 1\n"
        "  FROM made,\n"
        "       unnest($7::text[], $8::text[], $9::text[], $10::int[])\n"
        "           AS c (field, system, code, prefix)",
    };
    size_t n = set->code_count;
    struct str *fields = ARENA_ARRAY(a, n, struct str), *systems = ARENA_ARRAY(a, n, struct str),
               *codes = ARENA_ARRAY(a, n, struct str);
    int64_t *prefixes = ARENA_ARRAY(a, n, int64_t);

    for (size_t i = 0; i < n; i++) {
        const struct label_code *c = &set->codes[i];

        fields[i] = label_field_word(c->field);
        systems[i] = c->system.p ? c->system : STR("");
        codes[i] = c->code;
        prefixes[i] = c->prefix;
    }
    db_queue(db, &ADD, NULL, DB_TEXT(set->name), DB_TEXTS(set->labels.v, set->labels.n),
             DB_TEXT(set->confidentiality.n > 0 ? set->confidentiality : STR_NONE), DB_TEXT(origin),
             DB_TIME(change->at_us), DB_TEXT(change->by), DB_TEXTS(fields, n), DB_TEXTS(systems, n),
             DB_TEXTS(codes, n), DB_INT4S(prefixes, n));
}

void label_store_put(struct db *db, struct arena *a, const struct label_change *change,
                     const struct label_set *set, struct str origin)
{
    bump(db);
    end(db, change, set->name, NULL);
    add(db, a, change, set, origin);
}

void label_store_end(struct db *db, const struct label_change *change, struct str name,
                     struct rows *ended)
{
    bump(db);
    end(db, change, name, ended);
}

void label_store_list(struct db *db, struct rows *out)
{
    static const struct statement LIST = {
        "consent_label_sets",
        "SELECT s.name, s.labels, s.confidentiality, s.origin, s.since, s.loaded_by,\n"
        "       (SELECT count(*)\n"
        "          FROM consent_label_code AS c\n"
        "         WHERE c.set_id = s.set_id)\n"
        "  FROM consent_label_set AS s\n"
        " WHERE s.until IS NULL\n"
        " ORDER BY s.name",
    };

    db_queue0(db, &LIST, out);
}

void label_store_codes(struct db *db, struct str name, struct rows *out)
{
    static const struct statement CODES = {
        "consent_label_codes",
        "SELECT c.field, c.system, c.code, c.prefix\n"
        "  FROM consent_label_set AS s\n"
        "  JOIN consent_label_code AS c\n"
        "    ON c.set_id = s.set_id\n"
        " WHERE s.name = $1\n"
        "   AND s.until IS NULL\n"
        " ORDER BY c.system, c.code, c.field, c.prefix",
    };

    db_queue(db, &CODES, out, DB_TEXT(name));
}
