#include "hub/audit/search.h"

#include <string.h>

#include "hub/audit/audit.h"
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

/* across places: what an auditor looks for may be anywhere */
#define COLUMNS                                                                                    \
    " s.pkey, s.at, s.id, s.request, s.transaction, s.event, s.action, s.outcome, s.member_id,"    \
    " s.person_id, s.patient, s.record_key, s.purpose"
/* LATERAL with a LIMIT: each record is a look by its key, however many the planner expects. */
#define RECORD                                                                                     \
    ", e.record, e.leaf_hash"                                                                      \
    " FROM s"                                                                                      \
    " CROSS JOIN LATERAL ("                                                                        \
    "  SELECT v.record, v.leaf_hash"                                                               \
    "  FROM audit_event v"                                                                         \
    "  WHERE v.pkey = s.pkey AND v.at = s.at AND v.id = s.id"                                      \
    "  LIMIT 1) AS e"                                                                              \
    " ORDER BY s.at DESC, s.id DESC"
#define FILTER                                                                                     \
    " WHERE s.at >= $1"                                                                            \
    " AND s.at <= $2"                                                                              \
    " AND (s.at, s.id) < ($2, $3)"                                                                 \
    " AND ($4::bigint IS NULL OR s.member_id = $4)"                                                \
    " AND ($5::text IS NULL OR s.transaction = $5)"                                                \
    " AND ($6::uuid IS NULL OR s.request = $6)"                                                    \
    " AND ($7::text IS NULL OR s.user_id = $7)"                                                    \
    " AND ($8::text IS NULL OR s.role = $8)"                                                       \
    " AND ($9::text IS NULL OR s.purpose = $9)"                                                    \
    " AND ($10::bigint IS NULL OR s.documents @> ARRAY[$10])"                                      \
    " AND ($11::integer IS NULL OR s.outcome = $11)"                                               \
    " AND ($12::boolean IS NOT TRUE OR s.outcome <> 0)"
#define PAGE                                                                                       \
    " ORDER BY s.at DESC, s.id DESC"                                                               \
    " LIMIT $13"

/* WITH s AS ( MATCHES .. PAGE ) PICKED: in the order of an index, by time alone or by what stands
 * between. GATHER .. SORTED: what is rare is gathered by its index, all of it and by nothing else,
 * then sorted: a plan for every value believes that any time is short, and would rather walk along
 * it through the whole log. */
#define MATCHES " SELECT" COLUMNS " FROM audit_search s" FILTER
#define PICKED  ") SELECT" COLUMNS RECORD
#define GATHER                                                                                     \
    "WITH mine AS MATERIALIZED ( SELECT" COLUMNS ", s.user_id, s.role, s.documents"                \
    " FROM audit_search s"                                                                         \
    " WHERE"
#define SORTED "), s AS ( SELECT" COLUMNS " FROM mine s" FILTER PAGE PICKED

/* One plan serves every value on a connection that serves, so each way to search that has an index
 * has a statement that says which. */
static const struct statement BY_TIME = {"audit_search", "WITH s AS (" MATCHES PAGE PICKED};
static const struct statement BY_MEMBER = {
    "audit_search_member",
    "WITH s AS (" MATCHES " AND s.member_id = $4" PAGE PICKED,
};
static const struct statement BY_REQUEST = {
    "audit_search_request",
    GATHER " s.request = $6" SORTED,
};
static const struct statement BY_USER = {
    "audit_search_user",
    "WITH s AS (" MATCHES " AND s.user_id = $7" PAGE PICKED,
};
static const struct statement BY_PURPOSE = {
    "audit_search_purpose",
    "WITH s AS (" MATCHES " AND s.purpose = $9"
    " AND s.purpose NOT IN ('TREAT', 'TREATMENT', 'NORM')" PAGE PICKED,
};
static const struct statement BY_DOCUMENT = {
    "audit_search_document",
    GATHER " s.documents @> ARRAY[$10]" SORTED,
};
static const struct statement BY_FAILURE = {
    "audit_search_failure",
    "WITH s AS (" MATCHES " AND s.outcome <> 0" PAGE PICKED,
};
static const struct statement BY_EMERGENCY = {
    "audit_search_emergency",
    "WITH s AS (" MATCHES
    " AND (s.purpose IN ('BTG', 'ETREAT', 'EMERGENCY', 'EMER') OR s.event = '110127')" PAGE PICKED,
};
static const struct statement BY_PATIENT = {
    "audit_search_patient",
    GATHER " (s.patient >= $14 AND s.patient < $15"
           "  OR s.pkey = ANY($16) AND s.person_id = ANY($17))" SORTED,
};

static const struct statement RECORDS = {
    "audit_search_records",
    "WITH s AS ("
    " SELECT" COLUMNS " FROM audit_search s"
    " WHERE (s.pkey, s.at, s.id) IN ("
    "  SELECT q.pkey, q.at, q.id"
    "  FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[]) AS q (pkey, at, id))"
    " AND s.at = ANY($2)" PICKED,
};
/* across places: the place is what is sought */
static const struct statement PLACE = {
    "audit_search_place",
    "SELECT s.pkey"
    " FROM audit_search s"
    " WHERE s.at = $1"
    " AND s.id = $2",
};

enum { VALUES = 13, PATIENT_VALUES = 4 };

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
    PURPOSE,
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
        .purpose = row_text(r, row, PURPOSE),
        .stored = sealed.record,
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

static struct db_value text_or_null(struct str s)
{
    return DB_TEXT(s.n > 0 ? s : STR_NONE);
}

/* What every statement takes, in its order. */
static void filter_values(const struct audit_filter *f, struct db_value v[VALUES])
{
    bool cut = f->before && f->before_us < f->to_us;

    v[0] = DB_TIME(f->from_us);
    v[1] = DB_TIME(cut ? f->before_us : f->to_us);
    v[2] = DB_UUID(cut ? f->before_id : (struct uuid){{0}});
    v[3] = f->member_id != 0 ? DB_INT8(f->member_id) : DB_NULL(DB_TYPE_INT8);
    v[4] = text_or_null(f->transaction);
    v[5] = f->by_request ? DB_UUID(f->request) : DB_NULL(DB_TYPE_UUID);
    v[6] = text_or_null(f->user);
    v[7] = text_or_null(f->role);
    v[8] = text_or_null(f->purpose);
    v[9] = f->document.n > 0 ? DB_INT8(audit_document_key(f->document)) : DB_NULL(DB_TYPE_INT8);
    v[10] = f->outcome > 0 || f->succeeded ? DB_INT4(f->outcome) : DB_NULL(DB_TYPE_INT4);
    v[11] = DB_BOOL(f->failed);
    v[12] = DB_INT8((int64_t)f->limit + 1);
}

/* The everyday purposes are not indexed (sql/0024). */
static bool everyday(struct str purpose)
{
    return str_eq(purpose, STR("TREAT")) || str_eq(purpose, STR("TREATMENT")) ||
           str_eq(purpose, STR("NORM"));
}

/* The narrowest way first. */
static const struct statement *way(const struct audit_filter *f)
{
    if (f->by_request)
        return &BY_REQUEST;
    if (f->document.n > 0)
        return &BY_DOCUMENT;
    if (f->emergency)
        return &BY_EMERGENCY;
    if (f->user.n > 0)
        return &BY_USER;
    if (f->purpose.n > 0 && !everyday(f->purpose))
        return &BY_PURPOSE;
    if (f->failed || f->outcome > 0)
        return &BY_FAILURE;
    return f->member_id != 0 ? &BY_MEMBER : &BY_TIME;
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
    struct db_value v[VALUES + PATIENT_VALUES];
    struct persons persons;
    struct rows r;

    TRY(persons_find(db, a, &range, f, &persons));
    filter_values(f, v);
    v[VALUES] = DB_TEXT(range.from);
    v[VALUES + 1] = DB_TEXT(range.to);
    v[VALUES + 2] = DB_INT8S(persons.pkeys, persons.count);
    v[VALUES + 3] = DB_INT8S(persons.ids, persons.count);
    db_queue_values(db, &BY_PATIENT, &r, v, VALUES + PATIENT_VALUES);
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
    struct db_value v[VALUES];
    struct rows r;

    *out = (struct audit_found){0};
    must(filter->limit >= 1 && filter->limit <= AUDIT_SEARCH_MAX,
         "a limit that the caller checked");
    if (filter->patient.n > 0)
        return search_patient(db, a, filter, out);
    filter_values(filter, v);
    db_queue_values(db, way(filter), &r, v, VALUES);
    TRY(db_flush(db));
    page_read(a, &r, filter->limit, out);
    return OK;
}

enum status audit_search_records(struct db *db, struct arena *a, const struct audit_position *at,
                                 size_t count, struct audit_found *out)
{
    int64_t *pkeys = ARENA_ARRAY(a, count + 1, int64_t),
            *times = ARENA_ARRAY(a, count + 1, int64_t);
    struct uuid *ids = ARENA_ARRAY(a, count + 1, struct uuid);
    struct rows r;

    *out = (struct audit_found){0};
    for (size_t i = 0; i < count; i++) {
        pkeys[i] = at[i].pkey;
        times[i] = at[i].at_us;
        ids[i] = at[i].id;
    }
    db_queue(db, &RECORDS, &r, DB_INT8S(pkeys, count), DB_TIMES(times, count),
             DB_UUIDS(ids, count));
    TRY(db_flush(db));
    page_read(a, &r, count, out);
    return OK;
}

enum status audit_search_place(struct db *db, int64_t at_us, struct uuid id, bool *found,
                               struct audit_position *out)
{
    struct rows r;

    db_queue(db, &PLACE, &r, DB_TIME(at_us), DB_UUID(id));
    TRY(db_flush(db));
    *found = r.count == 1;
    *out = (struct audit_position){*found ? row_int(&r, 0, 0) : 0, at_us, id};
    return OK;
}
