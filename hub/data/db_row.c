/* Results in PostgreSQL's binary format. The server is ours: what does not fit is a fault of the
 * caller (a wrong type for a column), so it ends the process. */
#include <endian.h>
#include <string.h>

#include "hub/data/db_value.h"

static const char *const WRONG_TYPE = "a row accessor on a column of another type";

static Oid type_of(const struct rows *r, int row, int column)
{
    must(r->result != NULL && row >= 0 && row < r->count, "a row that a result does not have");
    must(column >= 0 && column < PQnfields(r->result), "a column that a result does not have");
    return PQftype(r->result, column);
}

static struct str cell(const struct rows *r, int row, int column)
{
    return str_of(PQgetvalue(r->result, row, column), (size_t)PQgetlength(r->result, row, column));
}

static uint16_t be16_at(struct str s, size_t at)
{
    uint16_t v;

    must(s.n >= sizeof(v) && at <= s.n - sizeof(v), "a value that is cut short");
    memcpy(&v, s.p + at, sizeof(v));
    return be16toh(v);
}

static uint32_t be32_at(struct str s, size_t at)
{
    uint32_t v;

    must(s.n >= sizeof(v) && at <= s.n - sizeof(v), "a value that is cut short");
    memcpy(&v, s.p + at, sizeof(v));
    return be32toh(v);
}

static uint64_t be64_at(struct str s, size_t at)
{
    uint64_t v;

    must(s.n >= sizeof(v) && at <= s.n - sizeof(v), "a value that is cut short");
    memcpy(&v, s.p + at, sizeof(v));
    return be64toh(v);
}

static int64_t integer_of(Oid type, struct str s)
{
    switch (type) {
    case PG_INT2:
        return (int16_t)be16_at(s, 0);
    case PG_INT4:
        return (int32_t)be32_at(s, 0);
    default:
        return (int64_t)be64_at(s, 0);
    }
}

static int64_t time_of(struct str s)
{
    int64_t us = (int64_t)be64_at(s, 0);

    return us == INT64_MIN || us == INT64_MAX ? us : us + PG_EPOCH_US;
}

static struct uuid uuid_of(struct str s)
{
    struct uuid u;

    must(s.n == sizeof(u.b), "a uuid of another length");
    memcpy(u.b, s.p, sizeof(u.b));
    return u;
}

static bool is_text(Oid t)
{
    return t == PG_TEXT || t == PG_VARCHAR || t == PG_BPCHAR || t == PG_NAME;
}

bool row_null(const struct rows *r, int row, int column)
{
    type_of(r, row, column);
    return PQgetisnull(r->result, row, column);
}

struct str row_text(const struct rows *r, int row, int column)
{
    must(is_text(type_of(r, row, column)), WRONG_TYPE);
    return row_null(r, row, column) ? STR_NONE : cell(r, row, column);
}

struct str row_bytea(const struct rows *r, int row, int column)
{
    must(type_of(r, row, column) == PG_BYTEA, WRONG_TYPE);
    return row_null(r, row, column) ? STR_NONE : cell(r, row, column);
}

bool row_bool(const struct rows *r, int row, int column)
{
    must(type_of(r, row, column) == PG_BOOL, WRONG_TYPE);
    return !row_null(r, row, column) && cell(r, row, column).p[0] != 0;
}

int64_t row_int(const struct rows *r, int row, int column)
{
    Oid t = type_of(r, row, column);

    must(t == PG_INT2 || t == PG_INT4 || t == PG_INT8, WRONG_TYPE);
    return row_null(r, row, column) ? 0 : integer_of(t, cell(r, row, column));
}

double row_float(const struct rows *r, int row, int column)
{
    Oid t = type_of(r, row, column);
    double wide = 0;
    float narrow;
    uint64_t bits;
    uint32_t half;

    must(t == PG_FLOAT4 || t == PG_FLOAT8, WRONG_TYPE);
    if (row_null(r, row, column))
        return 0;
    if (t == PG_FLOAT8) {
        bits = be64_at(cell(r, row, column), 0);
        memcpy(&wide, &bits, sizeof(wide));
        return wide;
    }
    half = be32_at(cell(r, row, column), 0);
    memcpy(&narrow, &half, sizeof(narrow));
    return (double)narrow;
}

struct uuid row_uuid(const struct rows *r, int row, int column)
{
    must(type_of(r, row, column) == PG_UUID, WRONG_TYPE);
    return row_null(r, row, column) ? (struct uuid){{0}} : uuid_of(cell(r, row, column));
}

int64_t row_time(const struct rows *r, int row, int column)
{
    must(type_of(r, row, column) == PG_TIMESTAMPTZ, WRONG_TYPE);
    return row_null(r, row, column) ? 0 : time_of(cell(r, row, column));
}

struct str row_json(const struct rows *r, int row, int column)
{
    Oid t = type_of(r, row, column);
    struct str s;

    must(t == PG_JSONB || t == PG_JSON, WRONG_TYPE);
    if (row_null(r, row, column))
        return STR_NONE;
    s = cell(r, row, column);
    return t == PG_JSONB ? str_slice(s, 1, s.n) : s; /* behind its version */
}

struct row_version row_version(const struct rows *r, int row)
{
    struct row_version v = {.generation = db_generation()};
    int xmin = PQnfields(r->result) - 2;
    struct str tuple;

    must(type_of(r, row, xmin) == PG_XID && type_of(r, row, xmin + 1) == PG_TID, WRONG_TYPE);
    v.transaction = be32_at(cell(r, row, xmin), 0);
    tuple = cell(r, row, xmin + 1);
    must(tuple.n == sizeof(v.tuple), "a ctid of another length");
    memcpy(v.tuple, tuple.p, sizeof(v.tuple));
    return v;
}

bool row_version_eq(const struct row_version *x, const struct row_version *y)
{
    return x->generation == y->generation && x->transaction == y->transaction &&
           memcmp(x->tuple, y->tuple, sizeof(x->tuple)) == 0;
}

static bool is_same_cell(const PGresult *x, const PGresult *y, int row, int column)
{
    int n = PQgetlength(x, row, column);

    return PQgetisnull(x, row, column) == PQgetisnull(y, row, column) &&
           n == PQgetlength(y, row, column) &&
           memcmp(PQgetvalue(x, row, column), PQgetvalue(y, row, column), (size_t)n) == 0;
}

bool rows_eq(const struct rows *x, const struct rows *y)
{
    int columns = PQnfields(x->result);

    if (x->count != y->count || columns != PQnfields(y->result))
        return false;
    for (int i = 0; i < columns; i++)
        if (PQftype(x->result, i) != PQftype(y->result, i))
            return false;
    for (int row = 0; row < x->count; row++)
        for (int i = 0; i < columns; i++)
            if (!is_same_cell(x->result, y->result, row, i))
                return false;
    return true;
}

struct rows rows_copy(const struct rows *r)
{
    struct rows copy = *r;

    copy.result = PQcopyResult(r->result, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
    must(copy.result != NULL, "out of memory");
    return copy;
}

void rows_free(struct rows *r)
{
    PQclear(r->result);
    r->result = NULL;
}

size_t rows_bytes(const struct rows *r)
{
    return PQresultMemorySize(r->result);
}

/* The elements of an array (see add_array in db_value.c); a NULL element is STR_NONE. */
static size_t elements_of(struct arena *a, struct str s, struct str **out)
{
    size_t count, at = 20;

    *out = NULL;
    if (be32_at(s, 0) == 0)
        return 0;
    must(be32_at(s, 0) == 1, "an array of more than one dimension");
    count = be32_at(s, 12);
    *out = ARENA_ARRAY(a, count, struct str);
    for (size_t i = 0; i < count; i++) {
        int32_t length = (int32_t)be32_at(s, at);

        at += 4;
        if (length < 0)
            continue;
        must((size_t)length <= s.n - at, "a value that is cut short");
        (*out)[i] = str_of(s.p + at, (size_t)length);
        at += (size_t)length;
    }
    return count;
}

static size_t array_at(struct arena *a, const struct rows *r, int row, int column, struct str **out)
{
    *out = NULL;
    return row_null(r, row, column) ? 0 : elements_of(a, cell(r, row, column), out);
}

size_t row_texts(struct arena *a, const struct rows *r, int row, int column, struct str **out)
{
    Oid t = type_of(r, row, column);

    must(t == PG_TEXTS || t == PG_VARCHARS || t == PG_BYTEAS, WRONG_TYPE);
    return array_at(a, r, row, column, out);
}

size_t row_ints(struct arena *a, const struct rows *r, int row, int column, int64_t **out)
{
    Oid t = type_of(r, row, column);
    Oid element = t == PG_INT2S ? PG_INT2 : t == PG_INT4S ? PG_INT4 : PG_INT8;
    struct str *elements;
    size_t count;

    must(t == PG_INT2S || t == PG_INT4S || t == PG_INT8S || t == PG_TIMESTAMPTZS, WRONG_TYPE);
    count = array_at(a, r, row, column, &elements);
    *out = ARENA_ARRAY(a, count, int64_t);
    for (size_t i = 0; i < count; i++)
        if (elements[i].p != NULL)
            (*out)[i] =
                t == PG_TIMESTAMPTZS ? time_of(elements[i]) : integer_of(element, elements[i]);
    return count;
}

size_t row_uuids(struct arena *a, const struct rows *r, int row, int column, struct uuid **out)
{
    struct str *elements;
    size_t count;

    must(type_of(r, row, column) == PG_UUIDS, WRONG_TYPE);
    count = array_at(a, r, row, column, &elements);
    *out = ARENA_ARRAY(a, count, struct uuid);
    for (size_t i = 0; i < count; i++)
        if (elements[i].p != NULL)
            (*out)[i] = uuid_of(elements[i]);
    return count;
}
