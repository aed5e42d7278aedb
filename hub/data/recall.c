#include "hub/data/recall.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/hints.h"
#include "hub/base/keep.h"
#include "hub/data/db_priv.h"

enum { BYTES_MOST = 64 << 20 };

/* What one statement gave. */
struct recollection {
    struct kept kept;
    uint64_t whose, generation; /* generation: of the connections, when it was read */
    const struct statement *statement;
    struct db_params params;
    struct rows rows;
};

static struct keep memory = {.bytes_most = BYTES_MOST};

/* --- parameters ------------------------------------------------------------------------------ */

static struct str parameter(const struct db_params *p, int i)
{
    return p->values[i] != NULL ? str_of(p->values[i], (size_t)p->lengths[i]) : STR_NONE;
}

static size_t bytes_of(const struct db_params *p)
{
    size_t n = 0;

    for (int i = 0; i < p->count; i++)
        n += (size_t)p->lengths[i];
    return n;
}

static bool is_same_text(struct str x, struct str y)
{
    return (x.p == NULL) == (y.p == NULL) && str_eq(x, y);
}

static bool are_same(const struct db_params *x, const struct db_params *y)
{
    if (x->count != y->count)
        return false;
    for (int i = 0; i < x->count; i++)
        if (x->types[i] != y->types[i] || !is_same_text(parameter(x, i), parameter(y, i)))
            return false;
    return true;
}

/* The values, with their bytes, into `bytes`. */
static void copy_values(struct db_params *to, const struct db_params *from, char *bytes)
{
    for (int i = 0; i < from->count; i++) {
        if (from->values[i] == NULL)
            continue;
        to->values[i] = bytes;
        memcpy(bytes, from->values[i], (size_t)from->lengths[i]);
        bytes += from->lengths[i];
    }
}

static uint64_t key_of(uint64_t whose, const struct statement *s, const struct db_params *p)
{
    uint64_t key = hints_key(whose, (uintptr_t)s);

    for (int i = 0; i < p->count; i++)
        key = hints_key(key, hints_hash(parameter(p, i)));
    return key;
}

/* --- recalling ------------------------------------------------------------------------------- */

void db_begin_recalling(struct db *db, uint64_t whose)
{
    must(db->stage == OUTSIDE && db->first == NULL, "a transaction within a transaction");
    db->stage = RECALLING;
    db->changes = false;
    db->whose = whose;
    db->recalled = ARENA_NEW(db->arena, struct recalled);
    *db->recalled = (struct recalled){.generation = db_generation()};
}

struct wanted {
    uint64_t whose;
    const struct queued *q;
};

static bool is_wanted(const struct kept *k, const void *context)
{
    const struct recollection *r = (const struct recollection *)k;
    const struct wanted *w = context;

    return r->whose == w->whose && r->generation == db_generation() &&
           r->statement == w->q->statement && are_same(&r->params, &w->q->params);
}

static const struct recollection *find(struct db *db, const struct queued *q)
{
    const struct wanted wanted = {db->whose, q};
    uint64_t key = key_of(db->whose, q->statement, &q->params);
    struct kept *k = NULL;

    if (keep_take(&memory, db->arena, (int64_t)key, is_wanted, &wanted, &k, 1) == 0)
        return NULL;
    return (const struct recollection *)k;
}

static void add(struct db *db, const struct recollection *r)
{
    struct recalled *all = db->recalled;

    all->v = arena_grow(db->arena, all->v, all->n, sizeof(*all->v));
    all->v[all->n++] = r;
    all->bytes += r->kept.bytes;
}

/* Of a flush that misses one nothing is to be seen, and nothing after it is whole. */
static enum status miss(struct db *db, const struct queued *q)
{
    const struct statement *missed = q->statement;

    for (q = db->first; q != NULL; q = q->next)
        if (q->rows != NULL)
            *q->rows = (struct rows){0};
    db->first = db->last = NULL;
    db->recalled->misses = true;
    return fail(db->err, NOT_FOUND, "Database", "%s is not in memory", missed->name);
}

enum status db_recall(struct db *db)
{
    for (const struct queued *q = db->first; q != NULL; q = q->next) {
        const struct recollection *r = db->recalled->misses ? NULL : find(db, q);

        if (r == NULL)
            return miss(db, q);
        if (q->rows != NULL)
            *q->rows = r->rows;
        add(db, r);
    }
    db->first = db->last = NULL;
    return OK;
}

bool db_recalls(const struct db *db)
{
    return db->stage == RECALLING;
}

bool db_end_recalling(struct db *db, struct recalled *out)
{
    bool whole = db->first == NULL && !db->recalled->misses;

    must(db->stage == RECALLING, "an end of recalling that never began");
    db->stage = OUTSIDE;
    db->first = db->last = NULL;
    *out = *db->recalled;
    return whole;
}

/* --- remembering ----------------------------------------------------------------------------- */

void db_note_reads(struct db *db)
{
    must(db->stage == BEGUN, "reads that are noted from the midst of a transaction");
    db->notes = true;
    db->noted = NULL;
    db->noted_generation = db_generation();
}

/* Nobody promises that the bytes of its parameters are there after this flush. */
static struct queued *note(struct arena *a, const struct queued *q)
{
    struct queued *n = arena_copy(a, q, sizeof(*n));
    size_t pointers = (size_t)q->params.count * sizeof(*q->params.values);

    n->params.values = arena_copy(a, q->params.values, pointers);
    copy_values(&n->params, &q->params, ARENA_ARRAY(a, bytes_of(&q->params), char));
    n->rows = arena_copy(a, q->rows, sizeof(*q->rows));
    return n;
}

void db_note(struct db *db, const struct queued *sent)
{
    if (!db->notes)
        return;
    for (; sent != NULL; sent = sent->next)
        if (sent->rows != NULL && db_only_selects(sent->statement)) {
            struct queued *n = note(db->arena, sent);

            n->next = db->noted;
            db->noted = n;
        }
}

static void dispose(struct kept *k)
{
    struct recollection *r = (struct recollection *)k;

    rows_free(&r->rows);
    free(r);
}

/* One piece of memory: its parameters' parts follow it. */
static struct recollection *recollection_new(uint64_t whose, uint64_t generation,
                                             const struct queued *q)
{
    size_t count = (size_t)q->params.count, texts = bytes_of(&q->params);
    size_t each = sizeof(char *) + 2 * sizeof(int) + sizeof(Oid);
    size_t size = sizeof(struct recollection) + count * each + texts;
    struct recollection *r = calloc(1, size);
    char *at = (char *)(r + 1);

    must(r != NULL, "out of memory");
    *r = (struct recollection){.whose = whose, .generation = generation, .statement = q->statement};
    r->params.count = q->params.count;
    r->params.values = (const char **)at;
    at += count * sizeof(char *);
    r->params.lengths = (int *)at;
    memcpy(at, q->params.lengths, count * sizeof(int));
    at += count * sizeof(int);
    r->params.types = (Oid *)at;
    memcpy(at, q->params.types, count * sizeof(Oid));
    at += count * sizeof(Oid);
    r->params.formats = (int *)at;
    memcpy(at, q->params.formats, count * sizeof(int));
    copy_values(&r->params, &q->params, at + count * sizeof(int));
    r->rows = rows_copy(q->rows);
    r->kept = (struct kept){
        .key = (int64_t)key_of(whose, q->statement, &q->params),
        .bytes = size + rows_bytes(&r->rows),
        .dispose = dispose,
    };
    return r;
}

static enum keep_which choose(const struct kept *old, const struct kept *k)
{
    const struct recollection *was = (const struct recollection *)old;
    const struct recollection *is = (const struct recollection *)k;
    bool is_same = was->whose == is->whose && was->statement == is->statement &&
                   are_same(&was->params, &is->params);

    if (!is_same)
        return KEEP_BOTH;
    return was->generation == is->generation && rows_eq(&was->rows, &is->rows) ? KEEP_OLD
                                                                               : KEEP_NEW;
}

void db_remember(struct db *db, uint64_t whose)
{
    if (db->changes) /* it has seen what it wrote itself */
        return;
    for (const struct queued *q = db->noted; q != NULL; q = q->next)
        keep_put(&memory, &recollection_new(whose, db->noted_generation, q)->kept, choose);
}

void recalled_forget(const struct recalled *of)
{
    for (size_t i = 0; i < of->n; i++)
        keep_drop(&memory, &of->v[i]->kept);
}

/* --- proving --------------------------------------------------------------------------------- */

struct proven {
    const struct recollection *r;
    struct rows now;
};

static int compare(const void *x, const void *y)
{
    uintptr_t a = (uintptr_t)((const struct proven *)x)->r;
    uintptr_t b = (uintptr_t)((const struct proven *)y)->r;

    return (a > b) - (a < b);
}

static struct proven *all_of(struct arena *a, const struct recalled *const *of, size_t count,
                             size_t *n)
{
    struct proven *v;

    *n = 0;
    for (size_t i = 0; i < count; i++)
        *n += of[i]->n;
    v = ARENA_ARRAY(a, *n, struct proven);
    *n = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < of[i]->n; j++)
            v[(*n)++].r = of[i]->v[j];
    return v;
}

void proof_queue(struct db *db, struct arena *a, const struct recalled *const *of, size_t count,
                 struct proof *out)
{
    size_t all;
    struct proven *v = all_of(a, of, count, &all);

    *out = (struct proof){v, 0};
    if (all == 0)
        return;
    qsort(v, all, sizeof(*v), compare);
    for (size_t i = 0; i < all; i++)
        if (i == 0 || v[i].r != v[out->n - 1].r)
            v[out->n++].r = v[i].r;
    for (size_t i = 0; i < out->n; i++)
        db_queue_params(db, v[i].r->statement, &v[i].now, v[i].r->params);
}

static bool is_proven(const struct proof *p, const struct recollection *r)
{
    const struct proven key = {.r = r};
    const struct proven *found =
        p->n == 0 ? NULL : bsearch(&key, p->v, p->n, sizeof(*p->v), compare);

    return found != NULL && found->now.result != NULL && rows_eq(&found->now, &r->rows);
}

bool proof_holds(const struct proof *p, const struct recalled *of)
{
    if (of->is_doubted || of->generation != db_generation())
        return false;
    for (size_t i = 0; i < of->n; i++)
        if (!is_proven(p, of->v[i]))
            return false;
    return true;
}
