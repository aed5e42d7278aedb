/* Parameters in PostgreSQL's binary format. Internal to hub/data. Pure, any thread. */
#pragma once

#include <libpq-fe.h>

#include "hub/data/db.h"

/* As PQsendQueryPrepared takes them; all in the arena. */
struct db_params {
    int count;
    Oid *types;
    const char **values;
    int *lengths;
    int *formats;
};

/* Type numbers of the catalogue (src/include/catalog/pg_type.dat), fixed for good. */
enum pg_oid {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_NAME = 19,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_TID = 27,
    PG_XID = 28,
    PG_JSON = 114,
    PG_FLOAT4 = 700,
    PG_FLOAT8 = 701,
    PG_BYTEAS = 1001,
    PG_INT2S = 1005,
    PG_INT4S = 1007,
    PG_TEXTS = 1009,
    PG_VARCHARS = 1015,
    PG_INT8S = 1016,
    PG_BPCHAR = 1042,
    PG_VARCHAR = 1043,
    PG_TIMESTAMPTZ = 1184,
    PG_TIMESTAMPTZS = 1185,
    PG_UUID = 2950,
    PG_UUIDS = 2951,
    PG_JSONB = 3802,
};

/* Microseconds from 1970 to 2000, where PostgreSQL's timestamps begin. */
#define PG_EPOCH_US INT64_C(946684800000000)

struct db_params db_params_encode(struct arena *a, const struct db_value *values, size_t count);
