#include "mpi/store.h"

#include <stdlib.h>

#include "hub/person_rows.h"
#include "mpi/keys.h"
#include "mpi/subject.h"

struct identifier mpi_xad_identifier(struct request *rq, struct str xad_pid)
{
    return (struct identifier){.authority = str_from(rq->config->xad_authority), .id = xad_pid};
}

bool mpi_is_xad(const struct request *rq, struct identifier id)
{
    return str_eq(id.authority, str_from(rq->config->xad_authority));
}

void mpi_records_queue(struct request *rq, const struct place *places, size_t count,
                       struct rows *rows)
{
    static const struct statement FIND = {
        "mpi_records",
        MPI_RECORD_COLUMNS "  FROM mpi_record"
                           " WHERE (pkey, record_id) IN ("
                           "       SELECT place, record"
                           "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
                           " ORDER BY pkey, record_id, version DESC",
    };
    struct pairs at = pairs_of_places(rq->arena, places, count);

    db_queue(rq->db, &FIND, rows, at.pkeys, at.numbers);
}

struct mpi_record mpi_record_read(struct request *rq, const struct rows *rows, int row)
{
    struct mpi_record r = {
        .place = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .version = (int)row_int(rows, row, 2),
        .member_id = row_int(rows, row, 3),
        .anchor = row_bool(rows, row, 4),
        .demographics = row_null(rows, row, 8) ? STR_NONE : row_json(rows, row, 8),
        .packed = row_bytea(rows, row, 9),
        .into = {row_int(rows, row, 10), row_int(rows, row, 11)},
        .said_at_us = row_time(rows, row, 12),
    };
    struct str *authorities, *ids;

    r.id_count = row_texts(rq->arena, rows, row, 5, &authorities);
    must(row_texts(rq->arena, rows, row, 6, &ids) == r.id_count &&
             row_ints(rq->arena, rows, row, 7, &r.states) == r.id_count,
         "mpi_record lists of two lengths");
    r.ids = ARENA_ARRAY(rq->arena, r.id_count, struct identifier);
    for (size_t i = 0; i < r.id_count; i++)
        r.ids[i] = (struct identifier){.authority = authorities[i], .id = ids[i]};
    return r;
}

static struct db_value int8_or_null(int64_t value, int64_t id)
{
    return id == 0 ? DB_NULL(DB_TYPE_INT8) : DB_INT8(value);
}

void mpi_record_store(struct request *rq, const struct mpi_record *r, const char *event)
{
    static const struct statement INSERT = {
        "mpi_record_insert",
        "INSERT INTO mpi_record (pkey, record_id, version, member_id, anchor, event, at, request,"
        "       authorities, identifiers, states, demographics, packed, into_pkey, into_record,"
        "       said_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::smallint[], $12, $13, $14, $15,"
        "       $16)",
    };
    struct str *authorities = ARENA_ARRAY(rq->arena, r->id_count, struct str);
    struct str *ids = ARENA_ARRAY(rq->arena, r->id_count, struct str);

    for (size_t i = 0; i < r->id_count; i++) {
        authorities[i] = r->ids[i].authority;
        ids[i] = r->ids[i].id;
    }
    db_queue(rq->db, &INSERT, NULL, DB_INT8(r->place.pkey), DB_INT8(r->place.record_id),
             DB_INT4(r->version), DB_INT8(r->member_id), DB_BOOL(r->anchor),
             DB_TEXT(str_from(event)), DB_TIME(rq->now_us), DB_UUID(rq->id),
             DB_TEXTS(authorities, r->id_count), DB_TEXTS(ids, r->id_count),
             DB_INT4S(r->states, r->id_count), DB_JSONB(r->demographics), DB_BYTEA(r->packed),
             int8_or_null(r->into.pkey, r->into.record_id),
             int8_or_null(r->into.record_id, r->into.record_id), DB_TIME(r->said_at_us));
}

void mpi_link_store(struct request *rq, const struct mpi_link *link)
{
    static const struct statement INSERT = {
        "mpi_link_insert",
        "INSERT INTO mpi_link (pkey, record_id, version, person_pkey, person_id, since, reason,"
        "       decided_by, decision_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    };

    db_queue(rq->db, &INSERT, NULL, DB_INT8(link->place.pkey), DB_INT8(link->place.record_id),
             DB_INT4(link->version), DB_INT8(link->person.pkey), DB_INT8(link->person.person_id),
             DB_TIME(rq->now_us), DB_TEXT(str_from(link->reason)), DB_TEXT(link->decided_by),
             link->decision ? DB_UUID(*link->decision) : DB_NULL(DB_TYPE_UUID));
}

void mpi_link_move(struct request *rq, const struct mpi_link *link)
{
    static const struct statement CLOSE = {
        "mpi_link_close",
        "UPDATE mpi_link"
        "   SET until = $4"
        " WHERE pkey = $1"
        "   AND record_id = $2"
        "   AND version = $3",
    };

    db_queue(rq->db, &CLOSE, NULL, DB_INT8(link->place.pkey), DB_INT8(link->place.record_id),
             DB_INT4(link->version - 1), DB_TIME(rq->now_us));
    mpi_link_store(rq, link);
}

void mpi_identifier_store(struct request *rq, struct identifier id, struct place place,
                          struct person_ref person, int64_t member_id)
{
    static const struct statement INSERT = {
        "mpi_identifier_insert",
        "INSERT INTO mpi_identifier (ikey, authority, id, pkey, record_id, person_pkey, person_id,"
        "       member_id, state)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
    };

    db_queue(rq->db, &INSERT, NULL, DB_INT8(mpi_identifier_key(id)), DB_TEXT(id.authority),
             DB_TEXT(id.id), DB_INT8(place.pkey), DB_INT8(place.record_id), DB_INT8(person.pkey),
             DB_INT8(person.person_id), DB_INT8(member_id));
}

void mpi_identifier_set_state(struct request *rq, struct identifier id,
                              enum mpi_identifier_state state)
{
    static const struct statement UPDATE = {
        "mpi_identifier_set_state",
        "UPDATE mpi_identifier"
        "   SET state = $4"
        " WHERE ikey = $1"
        "   AND authority = $2"
        "   AND id = $3",
    };

    db_queue(rq->db, &UPDATE, NULL, DB_INT8(mpi_identifier_key(id)), DB_TEXT(id.authority),
             DB_TEXT(id.id), DB_INT4(state));
}

void mpi_identifiers_move(struct request *rq, const struct mpi_record *r, struct person_ref person)
{
    static const struct statement MOVE = {
        "mpi_identifier_move",
        "UPDATE mpi_identifier"
        "   SET person_pkey = $4,"
        "       person_id = $5"
        " WHERE ikey = ANY($1)"
        "   AND pkey = $2"
        "   AND record_id = $3",
    };
    int64_t *keys = ARENA_ARRAY(rq->arena, r->id_count, int64_t);

    for (size_t i = 0; i < r->id_count; i++)
        keys[i] = mpi_identifier_key(r->ids[i]);
    db_queue(rq->db, &MOVE, NULL, DB_INT8S(keys, r->id_count), DB_INT8(r->place.pkey),
             DB_INT8(r->place.record_id), DB_INT8(person.pkey), DB_INT8(person.person_id));
}

/* The bkeys as PostgreSQL takes them. */
static int64_t *bkeys_of(struct request *rq, const struct mpi_block *keys, size_t count)
{
    int64_t *out = ARENA_ARRAY(rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++)
        out[i] = (int64_t)keys[i].key;
    return out;
}

void mpi_block_keys_store(struct request *rq, const struct mpi_record *r,
                          const struct mpi_block *keys, size_t count, struct person_ref person)
{
    static const struct statement INSERT = {
        "mpi_block_key_insert",
        "INSERT INTO mpi_block_key (bkey, fine, rule, pkey, record_id, version, member_id, packed,"
        "       person_pkey, person_id)"
        " SELECT k.bkey, k.fine, k.rule, $4, $5, $6, $7, $8, $9, $10"
        "   FROM unnest($1::bigint[], $2::bigint[], $3::smallint[]) AS k (bkey, fine, rule)"
        "     ON CONFLICT (bkey, fine, pkey, record_id) DO NOTHING",
    };
    int64_t *fine = ARENA_ARRAY(rq->arena, count, int64_t);
    int64_t *rules = ARENA_ARRAY(rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++) {
        fine[i] = (int64_t)keys[i].fine;
        rules[i] = keys[i].rule;
    }
    if (count > 0)
        db_queue(rq->db, &INSERT, NULL, DB_INT8S(bkeys_of(rq, keys, count), count),
                 DB_INT8S(fine, count), DB_INT4S(rules, count), DB_INT8(r->place.pkey),
                 DB_INT8(r->place.record_id), DB_INT4(r->version), DB_INT8(r->member_id),
                 DB_BYTEA(r->packed), DB_INT8(person.pkey), DB_INT8(person.person_id));
}

void mpi_block_keys_remove(struct request *rq, const struct mpi_record *r,
                           const struct mpi_block *keys, size_t count)
{
    static const struct statement DELETE = {
        "mpi_block_key_delete",
        "DELETE FROM mpi_block_key"
        " WHERE bkey = ANY($1)"
        "   AND pkey = $2"
        "   AND record_id = $3",
    };

    if (count > 0)
        db_queue(rq->db, &DELETE, NULL, DB_INT8S(bkeys_of(rq, keys, count), count),
                 DB_INT8(r->place.pkey), DB_INT8(r->place.record_id));
}

void mpi_block_keys_move(struct request *rq, const struct mpi_record *r, struct person_ref person)
{
    static const struct statement MOVE = {
        "mpi_block_key_move",
        "UPDATE mpi_block_key"
        "   SET person_pkey = $4,"
        "       person_id = $5"
        " WHERE bkey = ANY($1)"
        "   AND pkey = $2"
        "   AND record_id = $3",
    };
    struct mpi_coding *c = mpi_coding_new(rq->arena, mpi_model_builtin()); /* for the keys alone */
    struct mpi_block *keys = ARENA_ARRAY(rq->arena, MPI_BLOCKS_MAX, struct mpi_block);
    size_t count = mpi_keys(c, mpi_code(c, r->packed), keys);

    if (count > 0)
        db_queue(rq->db, &MOVE, NULL, DB_INT8S(bkeys_of(rq, keys, count), count),
                 DB_INT8(r->place.pkey), DB_INT8(r->place.record_id), DB_INT8(person.pkey),
                 DB_INT8(person.person_id));
}

void mpi_person_store(struct request *rq, struct person_ref person, const struct place *places,
                      size_t count, struct str xad_pid)
{
    static const struct statement INSERT = {
        "mpi_person_insert",
        "INSERT INTO mpi_person (pkey, person_id, place_pkeys, place_records, xad_pid,"
        "       constituent_pkeys, constituent_ids, created_at, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, ARRAY[$1], ARRAY[$2], $6, $6)",
    };
    struct pairs at = pairs_of_places(rq->arena, places, count);

    db_queue(rq->db, &INSERT, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id), at.pkeys,
             at.numbers, DB_TEXT(xad_pid), DB_TIME(rq->now_us));
}

void mpi_person_add_place(struct request *rq, struct person_ref person, struct place place)
{
    static const struct statement UPDATE = {
        "mpi_person_add_place",
        "UPDATE mpi_person"
        "   SET place_pkeys = place_pkeys || $3,"
        "       place_records = place_records || $4,"
        "       link_epoch = link_epoch + 1,"
        "       changed_at = $5"
        " WHERE pkey = $1"
        "   AND person_id = $2",
    };

    db_queue(rq->db, &UPDATE, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id),
             DB_INT8(place.pkey), DB_INT8(place.record_id), DB_TIME(rq->now_us));
}

void mpi_person_set_xad(struct request *rq, struct person_ref person, struct str xad_pid)
{
    static const struct statement UPDATE = {
        "mpi_person_set_xad",
        "UPDATE mpi_person"
        "   SET xad_pid = $3,"
        "       changed_at = $4"
        " WHERE pkey = $1"
        "   AND person_id = $2",
    };

    db_queue(rq->db, &UPDATE, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id),
             DB_TEXT(xad_pid), DB_TIME(rq->now_us));
}

void mpi_xad_store(struct request *rq, struct str xad_pid, struct person_ref person)
{
    static const struct statement INSERT = {
        "mpi_xad_insert",
        "INSERT INTO mpi_xad (ikey, xad_pid, person_pkey, person_id, status, issued_at)"
        " VALUES ($1, $2, $3, $4, 'active', $5)",
    };

    db_queue(rq->db, &INSERT, NULL, DB_INT8(mpi_identifier_key(mpi_xad_identifier(rq, xad_pid))),
             DB_TEXT(xad_pid), DB_INT8(person.pkey), DB_INT8(person.person_id),
             DB_TIME(rq->now_us));
}

void mpi_xad_subsume(struct request *rq, struct str xad_pid, struct str surviving)
{
    static const struct statement SUBSUME = {
        "mpi_xad_subsume",
        "UPDATE mpi_xad"
        "   SET status = 'subsumed',"
        "       subsumed_by = $3,"
        "       subsumed_at = $4"
        " WHERE ikey = $1"
        "   AND xad_pid = $2",
    };
    struct identifier id = mpi_xad_identifier(rq, xad_pid);

    db_queue(rq->db, &SUBSUME, NULL, DB_INT8(mpi_identifier_key(id)), DB_TEXT(xad_pid),
             DB_TEXT(surviving), DB_TIME(rq->now_us));
}

void mpi_xad_revive(struct request *rq, struct str xad_pid)
{
    static const struct statement REVIVE = {
        "mpi_xad_revive",
        "UPDATE mpi_xad"
        "   SET status = 'active',"
        "       subsumed_by = NULL,"
        "       subsumed_at = NULL"
        " WHERE ikey = $1"
        "   AND xad_pid = $2",
    };
    struct identifier id = mpi_xad_identifier(rq, xad_pid);

    db_queue(rq->db, &REVIVE, NULL, DB_INT8(mpi_identifier_key(id)), DB_TEXT(xad_pid));
}

struct mpi_record mpi_anchor_store(struct request *rq, struct person_ref person, int64_t record_id,
                                   struct str xad_pid)
{
    struct identifier id = mpi_xad_identifier(rq, xad_pid);
    int64_t state = MPI_STATE_ACTIVE;
    struct mpi_record anchor = {
        .place = {person.pkey, record_id},
        .version = 1,
        .anchor = true,
        .id_count = 1,
        .ids = arena_copy(rq->arena, &id, sizeof(id)),
        .states = arena_copy(rq->arena, &state, sizeof(state)),
        .said_at_us = rq->now_us,
    };
    struct mpi_link link = {
        .place = anchor.place,
        .version = 1,
        .person = person,
        .reason = "anchor",
        .decided_by = STR("algorithm"),
    };

    mpi_record_store(rq, &anchor, "anchor");
    mpi_link_store(rq, &link);
    mpi_identifier_store(rq, id, anchor.place, person, 0);
    mpi_xad_store(rq, xad_pid, person);
    return anchor;
}

static int by_person(const void *a, const void *b)
{
    const struct person_ref *x = a, *y = b;

    if (x->pkey != y->pkey)
        return x->pkey < y->pkey ? -1 : 1;
    return (x->person_id > y->person_id) - (x->person_id < y->person_id);
}

#define PERSON_BY_REF                                                                              \
    MPI_PERSON_COLUMNS("to_jsonb(p)")                                                              \
    "  FROM mpi_person p"                                                                          \
    " WHERE p.pkey = $1"                                                                           \
    "   AND p.person_id = $2"

void mpi_persons_queue(struct request *rq, const struct person_ref *refs, size_t count, bool lock,
                       struct mpi_locked *locked)
{
    static const struct statement READ = {"mpi_person_read", PERSON_BY_REF};
    static const struct statement LOCK = {"mpi_person_lock", PERSON_BY_REF "   FOR UPDATE"};

    *locked = (struct mpi_locked){
        .refs = ARENA_ARRAY(rq->arena, count, struct person_ref),
        .rows = ARENA_ARRAY(rq->arena, count, struct rows),
    };
    for (size_t i = 0; i < count; i++)
        locked->refs[i] = refs[i];
    if (count > 0)
        qsort(locked->refs, count, sizeof(*refs), by_person);
    for (size_t i = 0; i < count; i++)
        if (locked->count == 0 || !person_ref_eq(locked->refs[i], locked->refs[locked->count - 1]))
            locked->refs[locked->count++] = locked->refs[i];
    for (size_t i = 0; i < locked->count; i++)
        db_queue(rq->db, lock ? &LOCK : &READ, &locked->rows[i], DB_INT8(locked->refs[i].pkey),
                 DB_INT8(locked->refs[i].person_id));
}

bool mpi_person_read(struct request *rq, const struct rows *rows, int row, struct mpi_person *out)
{
    if (row >= rows->count)
        return false;
    *out = (struct mpi_person){
        .ref = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .xad_pid = row_text(rows, row, 4),
        .merged = row_bool(rows, row, 5),
        .image = row_json(rows, row, 8),
        .into = {row_int(rows, row, 9), row_int(rows, row, 10)},
        .link_epoch = row_int(rows, row, 11),
    };
    out->places = row_places(rq->arena, rows, row, 2, &out->place_count);
    out->constituents = row_persons(rq->arena, rows, row, 6, &out->constituent_count);
    return !out->merged;
}

void mpi_person_update(struct request *rq, const struct mpi_person *p)
{
    static const struct statement UPDATE = {
        "mpi_person_update",
        "UPDATE mpi_person"
        "   SET place_pkeys = $3,"
        "       place_records = $4,"
        "       constituent_pkeys = $5,"
        "       constituent_ids = $6,"
        "       merged_pkey = $7,"
        "       merged_id = $8,"
        "       xad_pid = $9,"
        "       link_epoch = link_epoch + 1,"
        "       changed_at = $10"
        " WHERE pkey = $1"
        "   AND person_id = $2",
    };
    struct pairs at = pairs_of_places(rq->arena, p->places, p->place_count);
    struct pairs of = pairs_of_persons(rq->arena, p->constituents, p->constituent_count);

    db_queue(rq->db, &UPDATE, NULL, DB_INT8(p->ref.pkey), DB_INT8(p->ref.person_id), at.pkeys,
             at.numbers, of.pkeys, of.numbers,
             p->merged ? DB_INT8(p->into.pkey) : DB_NULL(DB_TYPE_INT8),
             p->merged ? DB_INT8(p->into.person_id) : DB_NULL(DB_TYPE_INT8), DB_TEXT(p->xad_pid),
             DB_TIME(rq->now_us));
}

void mpi_task_store(struct request *rq, const struct mpi_task *t)
{
    static const struct statement INSERT = {
        "mpi_task_insert",
        "INSERT INTO mpi_task (pkey, task_id, kind, state, opened_at, record_id, version,"
        "       person_pkey, person_id, other_pkey, other_record, other_person_pkey,"
        "       other_person_id, decision_id, detail)"
        " VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    };

    db_queue(rq->db, &INSERT, NULL, DB_INT8(t->place.pkey), DB_UUID(uuid_v7()),
             DB_TEXT(str_from(t->kind)), DB_TIME(rq->now_us), DB_INT8(t->place.record_id),
             DB_INT4(t->version), DB_INT8(t->person.pkey), DB_INT8(t->person.person_id),
             int8_or_null(t->other_place.pkey, t->other_place.record_id),
             int8_or_null(t->other_place.record_id, t->other_place.record_id),
             int8_or_null(t->other.pkey, t->other.person_id),
             int8_or_null(t->other.person_id, t->other.person_id),
             t->decision ? DB_UUID(*t->decision) : DB_NULL(DB_TYPE_UUID), DB_JSONB(t->detail));
}
