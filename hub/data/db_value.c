#include "hub/data/db_value.h"

#include <endian.h>
#include <limits.h>
#include <string.h>

enum { PARAMETERS_MAX = 65535, JSONB_VERSION = 1 };

static void add_be32(struct strbuf *b, uint32_t v)
{
    uint32_t be = htobe32(v);

    strbuf_add(b, str_of(&be, sizeof(be)));
}

static void add_be64(struct strbuf *b, uint64_t v)
{
    uint64_t be = htobe64(v);

    strbuf_add(b, str_of(&be, sizeof(be)));
}

/* INT64_MIN and INT64_MAX are -infinity and infinity on both sides. */
static int64_t to_pg_time(int64_t us)
{
    return us == INT64_MIN || us == INT64_MAX ? us : us - PG_EPOCH_US;
}

static void add_int4(struct strbuf *b, int64_t v)
{
    must(v >= INT32_MIN && v <= INT32_MAX, "a number that int4 cannot hold");
    add_be32(b, (uint32_t)v);
}

static void add_double(struct strbuf *b, double real)
{
    uint64_t bits;

    memcpy(&bits, &real, sizeof(bits));
    add_be64(b, bits);
}

static void add_text(struct strbuf *b, const struct db_value *v, size_t i)
{
    strbuf_add(b, v->v.texts[i]);
}

static void add_int4_at(struct strbuf *b, const struct db_value *v, size_t i)
{
    add_int4(b, v->v.integers[i]);
}

static void add_int8_at(struct strbuf *b, const struct db_value *v, size_t i)
{
    add_be64(b, (uint64_t)v->v.integers[i]);
}

static void add_time_at(struct strbuf *b, const struct db_value *v, size_t i)
{
    add_be64(b, (uint64_t)to_pg_time(v->v.integers[i]));
}

static void add_uuid_at(struct strbuf *b, const struct db_value *v, size_t i)
{
    strbuf_add(b, str_of(v->v.uuids[i].b, sizeof(v->v.uuids[i].b)));
}

/* Per type: its number; for an array also its element's, and how an element is written. */
static const struct {
    Oid oid, element;
    void (*add)(struct strbuf *b, const struct db_value *v, size_t i);
} types[] = {
    [DB_TYPE_TEXT] = {PG_TEXT, 0, NULL},
    [DB_TYPE_BYTEA] = {PG_BYTEA, 0, NULL},
    [DB_TYPE_BOOL] = {PG_BOOL, 0, NULL},
    [DB_TYPE_INT4] = {PG_INT4, 0, NULL},
    [DB_TYPE_INT8] = {PG_INT8, 0, NULL},
    [DB_TYPE_FLOAT8] = {PG_FLOAT8, 0, NULL},
    [DB_TYPE_UUID] = {PG_UUID, 0, NULL},
    [DB_TYPE_TIME] = {PG_TIMESTAMPTZ, 0, NULL},
    [DB_TYPE_JSONB] = {PG_JSONB, 0, NULL},
    [DB_TYPE_TEXTS] = {PG_TEXTS, PG_TEXT, add_text},
    [DB_TYPE_BYTEAS] = {PG_BYTEAS, PG_BYTEA, add_text},
    [DB_TYPE_INT4S] = {PG_INT4S, PG_INT4, add_int4_at},
    [DB_TYPE_INT8S] = {PG_INT8S, PG_INT8, add_int8_at},
    [DB_TYPE_UUIDS] = {PG_UUIDS, PG_UUID, add_uuid_at},
    [DB_TYPE_TIMES] = {PG_TIMESTAMPTZS, PG_TIMESTAMPTZ, add_time_at},
};

static bool element_null(const struct db_value *v, size_t i)
{
    return (v->type == DB_TYPE_TEXTS || v->type == DB_TYPE_BYTEAS) && v->v.texts[i].p == NULL;
}

/* An array of one dimension (src/backend/utils/adt/arrayfuncs.c, array_recv): dimensions, has
 * NULLs, element type, length, lower bound, then each element behind its length. */
static void add_array(struct strbuf *b, const struct db_value *v)
{
    bool nulls = false;

    for (size_t i = 0; i < v->count; i++)
        nulls |= element_null(v, i);
    add_be32(b, v->count > 0);
    add_be32(b, nulls);
    add_be32(b, types[v->type].element);
    if (v->count == 0)
        return;
    must(v->count <= INT32_MAX, "an array of absurd size");
    add_be32(b, (uint32_t)v->count);
    add_be32(b, 1);
    for (size_t i = 0; i < v->count; i++) {
        size_t at = b->n;
        uint32_t length;

        add_be32(b, UINT32_MAX); /* -1: NULL, unless written over */
        if (element_null(v, i))
            continue;
        types[v->type].add(b, v, i);
        length = htobe32((uint32_t)(b->n - at - sizeof(length)));
        memcpy(b->p + at, &length, sizeof(length));
    }
}

static void add_value(struct strbuf *b, const struct db_value *v)
{
    switch (v->type) {
    case DB_TYPE_JSONB:
        strbuf_addc(b, JSONB_VERSION);
        strbuf_add(b, v->v.text);
        break;
    case DB_TYPE_BOOL:
        strbuf_addc(b, v->v.boolean);
        break;
    case DB_TYPE_INT4:
        add_int4(b, v->v.integer);
        break;
    case DB_TYPE_INT8:
        add_be64(b, (uint64_t)v->v.integer);
        break;
    case DB_TYPE_TIME:
        add_be64(b, (uint64_t)to_pg_time(v->v.integer));
        break;
    case DB_TYPE_FLOAT8:
        add_double(b, v->v.real);
        break;
    case DB_TYPE_UUID:
        strbuf_add(b, str_of(v->v.uuid.b, sizeof(v->v.uuid.b)));
        break;
    default:
        add_array(b, v);
    }
}

static bool borrows(const struct db_value *v)
{
    return v->type == DB_TYPE_TEXT || v->type == DB_TYPE_BYTEA;
}

struct db_params db_params_encode(struct arena *a, const struct db_value *values, size_t count)
{
    struct db_params p = {.count = (int)count};

    must(count <= PARAMETERS_MAX, "more parameters than a statement can have");
    p.types = ARENA_ARRAY(a, count, Oid);
    p.values = ARENA_ARRAY(a, count, const char *);
    p.lengths = ARENA_ARRAY(a, count, int);
    p.formats = ARENA_ARRAY(a, count, int);
    for (size_t i = 0; i < count; i++) {
        struct str bytes = values[i].v.text;

        p.types[i] = types[values[i].type].oid;
        p.formats[i] = 1;
        if (values[i].null)
            continue;
        if (!borrows(&values[i])) {
            struct strbuf b = strbuf_on(a, 24);

            add_value(&b, &values[i]);
            bytes = strbuf_str(&b);
        }
        must(bytes.n <= INT_MAX, "a parameter of absurd size");
        p.values[i] = bytes.p;
        p.lengths[i] = (int)bytes.n;
    }
    return p;
}

struct db_value db_column(struct arena *a, const struct db_value *const *rows, size_t count,
                          size_t at)
{
    static const enum db_type arrays[] = {
        [DB_TYPE_TEXT] = DB_TYPE_TEXTS, [DB_TYPE_BYTEA] = DB_TYPE_BYTEAS,
        [DB_TYPE_INT8] = DB_TYPE_INT8S, [DB_TYPE_TIME] = DB_TYPE_TIMES,
        [DB_TYPE_UUID] = DB_TYPE_UUIDS,
    };
    const enum db_type of = rows[0][at].type, type = arrays[of];
    struct str *texts = ARENA_ARRAY(a, count, struct str);
    int64_t *integers = ARENA_ARRAY(a, count, int64_t);
    struct uuid *uuids = ARENA_ARRAY(a, count, struct uuid);

    must(type != 0, "a column that has no array");
    for (size_t i = 0; i < count; i++) {
        const struct db_value *v = &rows[i][at];

        must(v->type == of, "a column of two types");
        if (type == DB_TYPE_UUIDS)
            uuids[i] = v->v.uuid;
        else if (type == DB_TYPE_TEXTS || type == DB_TYPE_BYTEAS)
            texts[i] = v->null ? STR_NONE : v->v.text;
        else
            integers[i] = v->v.integer;
    }
    if (type == DB_TYPE_UUIDS)
        return DB_UUIDS(uuids, count);
    if (type == DB_TYPE_TEXTS || type == DB_TYPE_BYTEAS)
        return (struct db_value){type, false, count, {.texts = texts}};
    return (struct db_value){type, false, count, {.integers = integers}};
}
