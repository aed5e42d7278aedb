/* PostgreSQL: one blocking connection a worker, used in pipeline mode.
 *
 * A handler queues statements and flushes them together; round trips are the cost, and every
 * flush is counted. SQL text is constant and prepared once a connection; values travel as binary
 * parameters, results come back binary. A struct db belongs to one thread. Results live in the
 * arena given to db_attach.
 *
 *     static const struct statement FIND = {"xds_find", "SELECT ... WHERE pkey = ANY($1)"};
 *     struct rows found;
 *
 *     db_queue(db, &FIND, &found, DB_INT8S(pkeys, n));
 *     TRY(db_flush(db));
 *     for (int i = 0; i < found.count; i++) ... row_text(&found, i, 0)
 *
 * A flush may be of any size: answers are read while statements are still being written. Several
 * statements flushed outside db_begin are one transaction of their own. A connection that died
 * outside a transaction is replaced by the next flush. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/str.h"
#include "hub/base/uuid.h"

struct db;

struct statement {
    const char *name; /* of the prepared statement: unique in the program, [a-z0-9_] */
    const char *sql;
};

enum db_type {
    DB_TYPE_TEXT,
    DB_TYPE_BYTEA,
    DB_TYPE_BOOL,
    DB_TYPE_INT4,
    DB_TYPE_INT8,
    DB_TYPE_FLOAT8,
    DB_TYPE_UUID,
    DB_TYPE_TIME, /* timestamptz */
    DB_TYPE_JSONB,
    DB_TYPE_TEXTS,
    DB_TYPE_BYTEAS,
    DB_TYPE_INT4S,
    DB_TYPE_INT8S,
    DB_TYPE_UUIDS,
    DB_TYPE_TIMES,
};

struct db_value {
    enum db_type type;
    bool null;
    size_t count; /* arrays */
    /* Text, bytea and arrays are borrowed until the flush. Times may be INT64_MIN and INT64_MAX:
     * -infinity and infinity. In TEXTS and BYTEAS an element STR_NONE is NULL. */
    union {
        struct str text;
        bool boolean;
        int64_t integer; /* int4, int8, microseconds since 1970 */
        double real;
        struct uuid uuid;
        const struct str *texts;
        const int64_t *integers;
        const struct uuid *uuids;
    } v;
};

/* STR_NONE is NULL; an empty string is an empty string. */
#define DB_TEXT(s)      ((struct db_value){DB_TYPE_TEXT, (s).p == NULL, 0, {.text = (s)}})
#define DB_BYTEA(s)     ((struct db_value){DB_TYPE_BYTEA, (s).p == NULL, 0, {.text = (s)}})
#define DB_JSONB(s)     ((struct db_value){DB_TYPE_JSONB, (s).p == NULL, 0, {.text = (s)}})
#define DB_BOOL(b)      ((struct db_value){DB_TYPE_BOOL, false, 0, {.boolean = (b)}})
#define DB_INT4(i)      ((struct db_value){DB_TYPE_INT4, false, 0, {.integer = (i)}})
#define DB_INT8(i)      ((struct db_value){DB_TYPE_INT8, false, 0, {.integer = (i)}})
#define DB_FLOAT8(f)    ((struct db_value){DB_TYPE_FLOAT8, false, 0, {.real = (f)}})
#define DB_UUID(u)      ((struct db_value){DB_TYPE_UUID, false, 0, {.uuid = (u)}})
#define DB_TIME(us)     ((struct db_value){DB_TYPE_TIME, false, 0, {.integer = (us)}})
#define DB_NULL(type)   ((struct db_value){(type), true, 0, {.integer = 0}})
#define DB_TEXTS(p, n)  ((struct db_value){DB_TYPE_TEXTS, false, (n), {.texts = (p)}})
#define DB_BYTEAS(p, n) ((struct db_value){DB_TYPE_BYTEAS, false, (n), {.texts = (p)}})
#define DB_INT4S(p, n)  ((struct db_value){DB_TYPE_INT4S, false, (n), {.integers = (p)}})
#define DB_INT8S(p, n)  ((struct db_value){DB_TYPE_INT8S, false, (n), {.integers = (p)}})
#define DB_TIMES(p, n)  ((struct db_value){DB_TYPE_TIMES, false, (n), {.integers = (p)}})
#define DB_UUIDS(p, n)  ((struct db_value){DB_TYPE_UUIDS, false, (n), {.uuids = (p)}})

/* One column of these rows of values as an array: of the integers, times, UUIDs, texts or byteas
 * that stand at `at` in each, the same type in all. NULLs are for texts and byteas. */
struct db_value db_column(struct arena *a, const struct db_value *const *rows, size_t count,
                          size_t at);

/* What a statement gave. Filled by db_flush. */
struct rows {
    void *result; /* PGresult, cleared with the arena */
    int count;
    int64_t affected; /* rows that an INSERT, UPDATE or DELETE touched */
};

enum isolation { READ_COMMITTED, REPEATABLE_READ };

/* Opens a connection. `conninfo` as libpq takes it. NULL with the reason in err. */
struct db *db_open(const char *conninfo, const char *application_name, struct errors *err);
/* One that runs the same few statements for ever: each is planned once, for all values, and none
 * runs longer than limit_us, even without a deadline. */
struct db *db_open_serving(const char *conninfo, const char *application_name, int64_t limit_us,
                           struct errors *err);
void db_close(struct db *db);

/* Ties what follows to a request: results are cleared with the arena, faults go to err, no
 * statement runs past the deadline (monotonic, 0 for none; past it every flush is TIMED_OUT, so
 * the failure's audit row wants an attach of its own). Outside a transaction only. */
void db_attach(struct db *db, struct arena *a, struct errors *err, int64_t deadline_us);

/* Queues BEGIN in front of the next statement; it costs no flush of its own. */
void db_begin(struct db *db, enum isolation isolation);
/* Queues COMMIT and flushes. OK means that it is durable; UPSTREAM and TIMED_OUT leave open whether
 * it is. No flush when nothing was queued since db_begin. After a failure call db_rollback. */
enum status db_commit(struct db *db) MUST_CHECK;
/* Has the open transaction sent nothing but SELECTs that lock nothing, and is nothing queued? Then
 * there is nothing to commit. */
bool db_only_read(const struct db *db);
/* Ends such a transaction and waits for no answer: no flush. */
void db_end_reading(struct db *db);
/* Ends whatever is open, reconnecting if it must. Never fails for the caller. */
void db_rollback(struct db *db);

/* Queues one statement. `rows` may be NULL; it is filled when db_flush returns OK. The bytes of
 * text and bytea values are borrowed until then; all else is copied. */
void db_queue_values(struct db *db, const struct statement *s, struct rows *rows,
                     const struct db_value *values, size_t count);
#define db_queue(db, s, rows, ...)                                                                 \
    db_queue_values((db), (s), (rows), (const struct db_value[]){__VA_ARGS__},                     \
                    sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
/* For statements without parameters. */
#define db_queue0(db, s, rows) db_queue_values((db), (s), (rows), NULL, 0)

/* Sends what is queued and waits for all of it. OK; CONFLICT (40001, 40P01, 23505: run the
 * request again); TIMED_OUT (57014, the deadline); BUSY (55P03: a lock was not to be had); INVALID
 * (22021: text that is not UTF-8, or with a NUL); UPSTREAM (no connection, shutdown, out of
 * resources); INTERNAL (the rest). The fault is recorded in err with its SQLSTATE and logged; no
 * value of a parameter is. After a failure all rows of the flush are empty, and a transaction can
 * only be rolled back. */
enum status db_flush(struct db *db) MUST_CHECK;

bool row_null(const struct rows *r, int row, int column);
struct str row_text(const struct rows *r, int row, int column); /* borrowed; STR_NONE for NULL */
struct str row_bytea(const struct rows *r, int row, int column);
bool row_bool(const struct rows *r, int row, int column);
int64_t row_int(const struct rows *r, int row, int column); /* int2, int4 or int8; 0 for NULL */
double row_float(const struct rows *r, int row, int column);
struct uuid row_uuid(const struct rows *r, int row, int column);
int64_t row_time(const struct rows *r, int row, int column); /* microseconds since 1970 */
struct str row_json(const struct rows *r, int row, int column);
/* Accessors end the process on a column of another type: text also reads varchar, char and name;
 * texts also bytea[]; ints also int2[], int4[] and timestamptz[] (microseconds since 1970).
 * Arrays: elements in *out (in the arena); returns their number, 0 for NULL. A NULL element is
 * STR_NONE, 0 or zeroes. */
size_t row_texts(struct arena *a, const struct rows *r, int row, int column, struct str **out);
size_t row_ints(struct arena *a, const struct rows *r, int row, int column, int64_t **out);
size_t row_uuids(struct arena *a, const struct rows *r, int row, int column, struct uuid **out);

/* Which version of its row this is, of columns xmin and ctid, which stand last: the same version
 * has the same bytes. Holds as long as the database is the same one: db_generation, which another
 * server, or an older copy, does not have. */
struct row_version {
    uint64_t generation;
    uint32_t transaction;
    unsigned char tuple[6];
};
struct row_version row_version(const struct rows *r, int row);
bool row_version_eq(const struct row_version *x, const struct row_version *y);
/* Goes up whenever this process loses a connection, or gives one up; not when it closes one. */
uint64_t db_generation(void);

/* The same columns, types and bytes, row by row? */
bool rows_eq(const struct rows *x, const struct rows *y);
/* A copy that outlives the request. */
struct rows rows_copy(const struct rows *r);
void rows_free(struct rows *r);
size_t rows_bytes(const struct rows *r);

/* How many flushes this connection has done: the request driver counts the difference. */
uint64_t db_flushes(const struct db *db);
