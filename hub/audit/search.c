#include "hub/audit/search.h"

#include <string.h>

#include "hub/audit/record_cipher.h"

/* The persons that a patient's identifier stood for (across places: those are sought). */
static const struct statement PERSONS = {
    "audit_search_persons",
    "SELECT DISTINCT s.pkey, s.person_id"
    " FROM audit_search s"
    " WHERE s.patient >= $1"
    " AND s.patient < $2"
    " AND s.person_id IS NOT NULL"
    " LIMIT 1000",
};

#define COLUMNS                                                                                    \
    " s.pkey, s.at, s.id, s.request, s.transaction, s.event, s.action, s.outcome, s.member_id,"    \
    " s.person_id, s.patient, s.record_key"
#define RECORD                                                                                     \
    ", e.record, e.leaf_hash"                                                                      \
    " FROM s"                                                                                      \
    " JOIN audit_event e ON e.pkey = s.pkey AND e.at = s.at AND e.id = s.id"                       \
    " ORDER BY s.at DESC, s.id DESC"
#define FILTER                                                                                     \
    " WHERE s.at >= $1"                                                                            \
    " AND s.at <= $2"                                                                              \
    " AND (s.at, s.id) < ($2, $3)"                                                                 \
    " AND ($4::bigint IS NULL OR s.member_id = $4)"                                                \
    " AND ($5::text IS NULL OR s.transaction = $5)"                                                \
    " AND ($6::uuid IS NULL OR s.request = $6)"
#define PAGE                                                                                       \
    " ORDER BY s.at DESC, s.id DESC"                                                               \
    " LIMIT $7"

static const struct statement SEARCH = {
    "audit_search",
    "WITH s AS ("
    " SELECT" COLUMNS " FROM audit_search s" FILTER PAGE ")"
    " SELECT" COLUMNS RECORD,
};

/* A patient has few rows: gather them all by index, then sort. Left to itself the planner may
 * walk the whole log backwards until it has met enough of them. */
static const struct statement SEARCH_PATIENT = {
    "audit_search_patient",
    "WITH mine AS MATERIALIZED ("
    " SELECT" COLUMNS " FROM audit_search s" FILTER " AND (s.patient >= $8 AND s.patient < $9"
    "  OR s.pkey = ANY($10) AND s.person_id = ANY($11))),"
    " s AS ("
    " SELECT" COLUMNS " FROM mine s" PAGE ")"
    " SELECT" COLUMNS RECORD,
};

enum column {
    PKEY,
    AT,
    ID,
    REQUEST,
    TRANSACTION,
    EVENT,
    ACTION,
    OUTCOME,
    MEMBER,
    PERSON,
    PATIENT,
    RECORD_KEY,
    RECORD_BYTES,
    LEAF_HASH,
};

static void entry_read(struct arena *a, const struct rows *r, int row, struct audit_entry *e)
{
    struct sealed_record sealed = {
        .record = row_bytea(r, row, RECORD_BYTES),
        .key = row_bytea(r, row, RECORD_KEY),
    };
    struct str leaf_hash = row_bytea(r, row, LEAF_HASH);
    struct audit_position at;

    *e = (struct audit_entry){
        .pkey = row_int(r, row, PKEY),
        .at_us = row_time(r, row, AT),
        .id = row_uuid(r, row, ID),
        .request = row_uuid(r, row, REQUEST),
        .transaction = row_text(r, row, TRANSACTION),
        .event = row_text(r, row, EVENT),
        .action = row_text(r, row, ACTION),
        .outcome = (int)row_int(r, row, OUTCOME),
        .member_id = row_int(r, row, MEMBER),
        .person_id = row_int(r, row, PERSON),
        .patient = row_text(r, row, PATIENT),
    };
    at = (struct audit_position){.pkey = e->pkey, .at_us = e->at_us, .id = e->id};
    must(leaf_hash.n == AUDIT_LEAF_BYTES, "a leaf hash of 32 bytes");
    memcpy(sealed.leaf_hash, leaf_hash.p, AUDIT_LEAF_BYTES);
    record_unseal(a, &at, &sealed, &e->record);
}

static void page_read(struct arena *a, const struct rows *r, size_t limit, struct audit_found *out)
{
    out->more = (size_t)r->count > limit;
    out->count = out->more ? limit : (size_t)r->count;
    out->items = ARENA_ARRAY(a, out->count, struct audit_entry);
    for (size_t i = 0; i < out->count; i++)
        entry_read(a, r, (int)i, &out->items[i]);
}

/* What statement SEARCH takes, in its order. */
static void filter_values(const struct audit_filter *f, struct db_value v[7])
{
    v[0] = DB_TIME(f->from_us);
    v[1] = DB_TIME(f->before && f->before_us < f->to_us ? f->before_us : f->to_us);
    v[2] = DB_UUID(f->before && f->before_us < f->to_us ? f->before_id : (struct uuid){{0}});
    v[3] = f->member_id != 0 ? DB_INT8(f->member_id) : DB_NULL(DB_TYPE_INT8);
    v[4] = DB_TEXT(f->transaction.n > 0 ? f->transaction : STR_NONE);
    v[5] = f->by_request ? DB_UUID(f->request) : DB_NULL(DB_TYPE_UUID);
    v[6] = DB_INT8((int64_t)f->limit + 1);
}

/* Which patients, as a range of the column (collation C): exactly one CX, or every CX of an id. */
struct patient_range {
    struct str from, to;
};

static struct patient_range patient_range(struct arena *a, struct str patient)
{
    struct patient_range range;

    if (str_find(patient, '^') >= 0) {
        range.from = patient;
        range.to = str_printf(a, "%.*s\x01", STR_ARG(patient));
    } else {
        range.from = str_printf(a, "%.*s^", STR_ARG(patient));
        range.to = str_printf(a, "%.*s_", STR_ARG(patient)); /* _ follows ^ */
    }
    return range;
}

struct persons {
    int64_t *pkeys, *ids;
    size_t count;
};

/* Those of the log, then those that the caller named; twice is no harm. */
static enum status persons_find(struct db *db, struct arena *a, const struct patient_range *range,
                                const struct audit_filter *f, struct persons *out)
{
    struct rows r;
    size_t n;

    db_queue(db, &PERSONS, &r, DB_TEXT(range->from), DB_TEXT(range->to));
    TRY(db_flush(db));
    n = (size_t)r.count;
    out->count = n + f->person_count;
    out->pkeys = ARENA_ARRAY(a, out->count, int64_t);
    out->ids = ARENA_ARRAY(a, out->count, int64_t);
    for (size_t i = 0; i < out->count; i++) {
        out->pkeys[i] = i < n ? row_int(&r, (int)i, 0) : f->pkeys[i - n];
        out->ids[i] = i < n ? row_int(&r, (int)i, 1) : f->person_ids[i - n];
    }
    return OK;
}

static enum status search_patient(struct db *db, struct arena *a, const struct audit_filter *f,
                                  struct audit_found *out)
{
    struct patient_range range = patient_range(a, f->patient);
    struct db_value v[11];
    struct persons persons;
    struct rows r;

    TRY(persons_find(db, a, &range, f, &persons));
    filter_values(f, v);
    v[7] = DB_TEXT(range.from);
    v[8] = DB_TEXT(range.to);
    v[9] = DB_INT8S(persons.pkeys, persons.count);
    v[10] = DB_INT8S(persons.ids, persons.count);
    db_queue_values(db, &SEARCH_PATIENT, &r, v, 11);
    TRY(db_flush(db));
    page_read(a, &r, f->limit, out);
    if (persons.count == 1) {
        out->pkey = persons.pkeys[0];
        out->person_id = persons.ids[0];
    }
    return OK;
}

enum status audit_search(struct db *db, struct arena *a, const struct audit_filter *filter,
                         struct audit_found *out)
{
    struct db_value v[7];
    struct rows r;

    *out = (struct audit_found){0};
    must(filter->limit >= 1 && filter->limit <= AUDIT_SEARCH_MAX,
         "a limit that the caller checked");
    if (filter->patient.n > 0)
        return search_patient(db, a, filter, out);
    filter_values(filter, v);
    db_queue_values(db, &SEARCH, &r, v, 7);
    TRY(db_flush(db));
    page_read(a, &r, filter->limit, out);
    return OK;
}
