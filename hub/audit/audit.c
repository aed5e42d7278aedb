#include "hub/audit/audit.h"

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
    " VALUES ($1, $2, $3, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20))"
    " INSERT INTO audit_pending (pkey, at, id, leaf_hash)"
    " VALUES ($1, $2, $3, $4)",
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

static struct db_value id_or_null(int64_t id)
{
    return id != 0 ? DB_INT8(id) : DB_NULL(DB_TYPE_INT8);
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

/* The documents that a record names, by their keys; NULL where there is none, as the index has it.
 */
static struct db_value document_keys(struct arena *a, const struct audit_row *row)
{
    size_t n = 0;
    int64_t *keys;

    for (const struct audit_object *o = row->objects; o != NULL; o = o->next)
        n += strcmp(o->kind, "document") == 0;
    if (n == 0)
        return DB_NULL(DB_TYPE_INT8S);
    keys = ARENA_ARRAY(a, n, int64_t);
    n = 0;
    for (const struct audit_object *o = row->objects; o != NULL; o = o->next)
        if (strcmp(o->kind, "document") == 0)
            keys[n++] = audit_document_key(o->id);
    return DB_INT8S(keys, n);
}

/* What was denied, by the rules: NULL where nothing was, as the index has it. */
struct denials {
    struct db_value rules, counts;
};

static struct denials denials_of(struct arena *a, const struct audit_row *row)
{
    struct denials none = {DB_NULL(DB_TYPE_TEXTS), DB_NULL(DB_TYPE_INT4S)};
    struct str *rules;
    int64_t *counts;
    size_t n = 0, i = 0;

    for (const struct audit_decision *d = row->decisions; d != NULL; d = d->next)
        n += !d->permits;
    if (n == 0)
        return none;
    rules = ARENA_ARRAY(a, n, struct str);
    counts = ARENA_ARRAY(a, n, int64_t);
    for (const struct audit_decision *d = row->decisions; d != NULL; d = d->next)
        if (!d->permits) {
            rules[i] = str_from(d->rule);
            counts[i++] = (int64_t)d->count;
        }
    return (struct denials){DB_TEXTS(rules, n), DB_INT4S(counts, n)};
}

static void row_queue(struct db *db, struct arena *a, const struct audit_context *c,
                      const struct audit_row *row, size_t detail_max)
{
    bool placed = row->pkey != 0 || row->person_id != 0;
    struct audit_position at = {
        .pkey = placed ? row->pkey : audit_request_pkey(c->request),
        .at_us = c->at_us,
        .id = uuid_eq(row->id, (struct uuid){{0}}) ? uuid_v7() : row->id,
    };
    const struct audit_kind kind = audit_row_kind(c, row);
    struct sealed_record *sealed = ARENA_NEW(a, struct sealed_record);
    const struct denials denials = denials_of(a, row);
    char *action = arena_alloc(a, 1);

    *action = kind.action;
    record_seal(a, &at, audit_record_write(a, c, row, at.id, detail_max), sealed);
    db_queue(db, &ADD, NULL, DB_INT8(at.pkey), DB_TIME(at.at_us), DB_UUID(at.id),
             DB_BYTEA(str_of(sealed->leaf_hash, AUDIT_LEAF_BYTES)), DB_BYTEA(sealed->record),
             DB_UUID(c->request), DB_TEXT(str_from(audit_row_transaction(c, row))),
             DB_TEXT(str_from(kind.event_id)), DB_TEXT(str_of(action, 1)),
             DB_INT4((int)row->outcome), id_or_null(c->member_id), id_or_null(row->person_id),
             DB_TEXT(searchable(row->patient)), DB_BYTEA(sealed->key),
             DB_TEXT(searchable(row->user.n > 0 ? row->user : c->user)),
             DB_TEXT(searchable(row->role.n > 0 ? row->role : c->role)),
             DB_TEXT(searchable(row->purpose.n > 0 ? row->purpose : c->purpose)),
             document_keys(a, row), denials.rules, denials.counts);
}

static size_t repeated_detail_max(size_t rows)
{
    size_t share = AUDIT_REPEATED_MAX / rows;

    if (share > AUDIT_DETAIL_MAX)
        return AUDIT_DETAIL_MAX;
    return share > AUDIT_REPEATED_LEAST ? share : AUDIT_REPEATED_LEAST;
}

enum status audit_queue(struct db *db, struct arena *a, const struct audit_context *context,
                        const struct audit_list *rows, struct errors *err)
{
    if (context->transaction == NULL || context->kind.event_id == NULL)
        return fail(err, INTERNAL, "audit", "an audit context without transaction or event");
    give_decisions(a, rows);
    for (const struct audit_row *row = rows->first; row != NULL; row = row->next)
        row_queue(db, a, context, row,
                  row == rows->first ? AUDIT_DETAIL_MAX : repeated_detail_max(rows->count));
    return OK;
}
