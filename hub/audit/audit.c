#include "hub/audit/audit.h"

#include <inttypes.h>

#include "hub/audit/record.h"
#include "hub/audit/record_cipher.h"
#include "hub/base/hash.h"

enum { SEARCHABLE_MAX = 400 }; /* bytes in audit_search: a whole CX; a B-tree takes 2,704 */

/* One statement a row: its three places share one key, so it stays inside one group. */
static const struct statement ADD = {
    "audit_add",
    "WITH event AS ("
    " INSERT INTO audit_event (pkey, at, id, leaf_hash, record)"
    " VALUES ($1, $2, $3, $4, $5)),"
    " search AS ("
    " INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome,"
    "  member_id, person_id, patient, record_key, user_id, role, purpose, documents,"
    "  denied_by, denied)"
    " VALUES ($1, $2, $3, $6, $7, $8, $9, $10, nullif($11, 0), nullif($12, 0), $13, $14, $15, $16,"
    "  $17, $18::text::bigint[], $19::text::text[], $20::text::integer[]))"
    " INSERT INTO audit_pending (pkey, at, id, leaf_hash)"
    " VALUES ($1, $2, $3, $4)",
};

/* across places: the rows of several requests, each at its own. */
static const struct statement ADD_ALL = {
    "audit_add_all",
    "WITH entry AS MATERIALIZED ("
    " SELECT pkey, at, id, leaf_hash, record, request, transaction, event, action, outcome,"
    "  member_id, person_id, patient, record_key, user_id, role, purpose, documents, denied_by,"
    "  denied"
    " FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[], $4::bytea[], $5::bytea[],"
    "  $6::uuid[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[],"
    "  $12::bigint[], $13::text[], $14::bytea[], $15::text[], $16::text[], $17::text[],"
    "  $18::text[], $19::text[], $20::text[])"
    "  AS e (pkey, at, id, leaf_hash, record, request, transaction, event, action, outcome,"
    "   member_id, person_id, patient, record_key, user_id, role, purpose, documents, denied_by,"
    "   denied)),"
    " event AS ("
    " INSERT INTO audit_event (pkey, at, id, leaf_hash, record)"
    " SELECT pkey, at, id, leaf_hash, record"
    " FROM entry),"
    " search AS ("
    " INSERT INTO audit_search (pkey, at, id, request, transaction, event, action, outcome,"
    "  member_id, person_id, patient, record_key, user_id, role, purpose, documents,"
    "  denied_by, denied)"
    " SELECT pkey, at, id, request, transaction, event, action, outcome, nullif(member_id, 0),"
    "  nullif(person_id, 0), patient, record_key, user_id, role, purpose, documents::bigint[],"
    "  denied_by::text[], denied::integer[]"
    " FROM entry)"
    " INSERT INTO audit_pending (pkey, at, id, leaf_hash)"
    " SELECT pkey, at, id, leaf_hash"
    " FROM entry",
};
static const struct statement IS_THERE = {
    "audit_is_there",
    "SELECT count(*)"
    " FROM audit_event"
    " WHERE pkey = $1 AND at = $2 AND id = $3",
};

void audit_init(const unsigned char master_key[32])
{
    record_cipher_init(master_key);
}

struct audit_row *audit_add(struct arena *a, struct audit_list *list)
{
    struct audit_row *row = ARENA_NEW(a, struct audit_row);

    if (list->last == NULL)
        list->first = row;
    else
        list->last->next = row;
    list->last = row;
    list->count++;
    return row;
}

struct audit_object *audit_object_add(struct arena *a, struct audit_row *row, const char *kind,
                                      struct str id, struct str detail)
{
    struct audit_object *o = ARENA_NEW(a, struct audit_object), **end = &row->objects;

    *o = (struct audit_object){.kind = kind, .id = id, .detail = detail};
    while (*end != NULL)
        end = &(*end)->next;
    *end = o;
    return o;
}

static bool is_alike(const struct audit_decision *x, const struct audit_decision *y)
{
    return x->rule == y->rule && x->permits == y->permits && x->pkey == y->pkey &&
           x->person_id == y->person_id && x->version == y->version &&
           uuid_eq(x->policy, y->policy) && x->overrode == y->overrode &&
           str_eq(x->obligations, y->obligations);
}

void audit_decided(struct arena *a, struct audit_list *list, const struct audit_decision *like)
{
    struct audit_decision *d = list->decisions;

    while (d != NULL && !is_alike(d, like))
        d = d->next;
    if (d == NULL) {
        d = ARENA_NEW(a, struct audit_decision);
        *d = *like;
        d->count = 0;
        d->next = list->decisions;
        list->decisions = d;
    }
    d->count++;
}

/* What the hub asked others on the way has rows of its own: they tell of no decision. */
static struct audit_row *row_about(const struct audit_list *rows, const struct audit_decision *d)
{
    for (struct audit_row *row = rows->first; row != NULL; row = row->next)
        if (row->transaction == NULL && row->pkey == d->pkey && row->person_id == d->person_id)
            return row;
    return rows->first;
}

/* Copies: a commit that fails leaves the list to the failure's own row. Newest first there, oldest
 * first here. */
static void give_decisions(struct arena *a, const struct audit_list *rows)
{
    for (const struct audit_decision *d = rows->decisions; d != NULL; d = d->next) {
        struct audit_row *row = row_about(rows, d);
        struct audit_decision *copy;

        if (row == NULL)
            return;
        copy = ARENA_NEW(a, struct audit_decision);
        *copy = *d;
        copy->next = row->decisions;
        row->decisions = copy;
    }
}

/* What is searched by: an index takes no long values, and a caller's text must not be able to make
 * its row unwritable. The record has all of it. */
static struct str searchable(struct str text)
{
    size_t n = text.n;

    if (n > SEARCHABLE_MAX) {
        n = SEARCHABLE_MAX;
        while (n > SEARCHABLE_MAX - 3 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
            n--;
    }
    return n > 0 ? str_slice(text, 0, n) : STR_NONE;
}

int64_t audit_document_key(struct str unique_id)
{
    return hash_key(&unique_id, 1);
}

/* An array as PostgreSQL reads it: {1,2}. STR_NONE while nothing was added. */
struct array_text {
    struct strbuf text;
    size_t n;
};

static struct array_text array_text_on(struct arena *a)
{
    return (struct array_text){.text = strbuf_on(a, 32)};
}

static void array_text_next(struct array_text *t)
{
    strbuf_add(&t->text, t->n++ == 0 ? STR("{") : STR(","));
}

static struct str array_text_end(struct array_text *t)
{
    if (t->n == 0)
        return STR_NONE;
    strbuf_lit(&t->text, "}");
    return strbuf_str(&t->text);
}

/* The documents that a record names, by their keys; none where there is none, as the index has it.
 */
static struct str document_keys(struct arena *a, const struct audit_row *row)
{
    struct array_text keys = array_text_on(a);

    for (const struct audit_object *o = row->objects; o != NULL; o = o->next)
        if (strcmp(o->kind, "document") == 0) {
            array_text_next(&keys);
            strbuf_addf(&keys.text, "%" PRId64, audit_document_key(o->id));
        }
    return array_text_end(&keys);
}

/* What was denied: by which rules (words without a comma or a brace), and how often; none where
 * nothing was. */
struct denials {
    struct str rules, counts;
};

static struct denials denials_of(struct arena *a, const struct audit_row *row)
{
    struct array_text rules = array_text_on(a), counts = array_text_on(a);

    for (const struct audit_decision *d = row->decisions; d != NULL; d = d->next)
        if (!d->permits) {
            array_text_next(&rules);
            strbuf_add(&rules.text, str_from(d->rule));
            array_text_next(&counts);
            strbuf_addf(&counts.text, "%zu", d->count);
        }
    return (struct denials){array_text_end(&rules), array_text_end(&counts)};
}

static void row_make(struct arena *a, const struct audit_context *c, const struct audit_row *row,
                     size_t detail_max, struct audit_ready *ready)
{
    bool placed = row->pkey != 0 || row->person_id != 0;
    struct audit_position at = {
        .pkey = placed ? row->pkey : audit_request_pkey(c->request),
        .at_us = c->at_us,
        .id = uuid_eq(row->id, (struct uuid){{0}}) ? uuid_v7() : row->id,
    };
    const struct audit_kind kind = audit_row_kind(c, row);
    const struct denials denials = denials_of(a, row);
    struct sealed_record *sealed = ARENA_NEW(a, struct sealed_record);

    record_seal(a, &at, audit_record_write(a, c, row, at.id, detail_max), sealed);
    ready->bytes += sealed->record.n;
    ready->v[ready->n++] = (struct audit_ready_row){{
        DB_INT8(at.pkey),
        DB_TIME(at.at_us),
        DB_UUID(at.id),
        DB_BYTEA(str_of(sealed->leaf_hash, AUDIT_LEAF_BYTES)),
        DB_BYTEA(sealed->record),
        DB_UUID(c->request),
        DB_TEXT(str_from(audit_row_transaction(c, row))),
        DB_TEXT(str_from(kind.event_id)),
        DB_TEXT(str_of(arena_copy(a, &kind.action, 1), 1)),
        DB_INT8((int64_t)row->outcome),
        DB_INT8(c->member_id),
        DB_INT8(row->person_id),
        DB_TEXT(searchable(row->patient)),
        DB_BYTEA(sealed->key),
        DB_TEXT(searchable(row->user.n > 0 ? row->user : c->user)),
        DB_TEXT(searchable(row->role.n > 0 ? row->role : c->role)),
        DB_TEXT(searchable(row->purpose.n > 0 ? row->purpose : c->purpose)),
        DB_TEXT(document_keys(a, row)),
        DB_TEXT(denials.rules),
        DB_TEXT(denials.counts),
    }};
}

static size_t repeated_detail_max(size_t rows)
{
    size_t share = AUDIT_REPEATED_MAX / rows;

    if (share > AUDIT_DETAIL_MAX)
        return AUDIT_DETAIL_MAX;
    return share > AUDIT_REPEATED_LEAST ? share : AUDIT_REPEATED_LEAST;
}

enum status audit_ready_make(struct arena *a, const struct audit_context *context,
                             const struct audit_list *rows, struct audit_ready *ready,
                             struct errors *err)
{
    if (context->transaction == NULL || context->kind.event_id == NULL)
        return fail(err, INTERNAL, "audit", "an audit context without transaction or event");
    give_decisions(a, rows);
    *ready = (struct audit_ready){.v = ARENA_ARRAY(a, rows->count, struct audit_ready_row)};
    for (const struct audit_row *row = rows->first; row != NULL; row = row->next)
        row_make(a, context, row,
                 row == rows->first ? AUDIT_DETAIL_MAX : repeated_detail_max(rows->count), ready);
    return OK;
}

void audit_ready_queue(struct db *db, const struct audit_ready *ready)
{
    for (size_t i = 0; i < ready->n; i++)
        db_queue_values(db, &ADD, NULL, ready->v[i].column, AUDIT_COLUMNS);
}

void audit_ready_queue_all(struct db *db, struct arena *a, const struct audit_ready *const *of,
                           size_t count)
{
    struct db_value columns[AUDIT_COLUMNS];
    const struct db_value **rows;
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += of[i]->n;
    rows = ARENA_ARRAY(a, n, const struct db_value *);
    n = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < of[i]->n; j++)
            rows[n++] = of[i]->v[j].column;
    for (size_t i = 0; i < AUDIT_COLUMNS; i++)
        columns[i] = db_column(a, rows, n, i);
    db_queue_values(db, &ADD_ALL, NULL, columns, AUDIT_COLUMNS);
}

enum status audit_ready_is_there(struct db *db, const struct audit_ready *ready, bool *there)
{
    const struct db_value *key = ready->v[0].column;
    struct rows found;

    db_queue_values(db, &IS_THERE, &found, key, 3);
    TRY(db_flush(db));
    *there = row_int(&found, 0, 0) > 0;
    return OK;
}

enum status audit_queue(struct db *db, struct arena *a, const struct audit_context *context,
                        const struct audit_list *rows, struct errors *err)
{
    struct audit_ready ready;

    TRY(audit_ready_make(a, context, rows, &ready, err));
    audit_ready_queue(db, &ready);
    return OK;
}
