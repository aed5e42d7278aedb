/* `causeway audit erase`: destroys the keys of records. Their leaves stay, so every proof holds. */
#include "hub/audit/record.h"
#include "hub/audit/search.h"
#include "hub/command/audit/asked.h"
#include "hub/command/audit/log_verbs.h"

enum { ERASE_MAX = AUDIT_SEARCH_MAX };

/* across places: records are named one by one. */
static const struct statement SEALED = {
    "audit_erase_sealed",
    "SELECT count(*)"
    " FROM audit_leaf"
    " WHERE id = ANY($1)",
};
/* across places: as above. */
static const struct statement PLACES = {
    "audit_erase_places",
    "SELECT pkey, at, id"
    " FROM audit_leaf"
    " WHERE id = ANY($1)",
};
/* across places: records of several, and the one record that allows it. */
static const struct statement ERASE = {
    "audit_erase",
    "WITH gone AS ("
    " DELETE FROM audit_search"
    " WHERE (pkey, at, id) IN (SELECT pkey, at, id FROM unnest($1, $2, $3) AS u (pkey, at, id))"
    " RETURNING pkey, at, id)"
    " INSERT INTO audit_erasure (pkey, at, id, warrant_pkey, warrant_at, warrant_id)"
    " SELECT g.pkey, g.at, g.id, w.pkey, w.at, w.id"
    " FROM gone g, audit_search w"
    " WHERE w.pkey = $4 AND w.at = $5 AND w.request = $6",
};

/* What is to be erased, column by column. */
struct doomed {
    size_t count;
    int64_t *pkeys, *ats;
    struct uuid *ids;
};

static void doomed_make(struct arena *a, size_t room, struct doomed *out)
{
    *out = (struct doomed){
        .pkeys = ARENA_ARRAY(a, room + 1, int64_t),
        .ats = ARENA_ARRAY(a, room + 1, int64_t),
        .ids = ARENA_ARRAY(a, room + 1, struct uuid),
    };
}

static enum status named_records(struct operation *o, struct doomed *out)
{
    const char *given[64];
    size_t n = cli_values(&o->args, "record", given, 64);
    struct uuid *ids = ARENA_ARRAY(o->args.arena, n + 1, struct uuid);
    struct rows r;

    for (size_t i = 0; i < n; i++)
        if (!uuid_parse(str_from(given[i]), &ids[i]))
            return fail(o->args.err, INVALID, "usage", "--record %s: takes a record's id, a UUID",
                        given[i]);
    db_queue(o->db, &PLACES, &r, DB_UUIDS(ids, n));
    TRY(db_flush(o->db));
    if ((size_t)r.count != n)
        return fail(o->args.err, NOT_FOUND, "record",
                    "%zu of %zu records are in the log: the others were never written, or wait to "
                    "be sealed",
                    (size_t)r.count, n);
    doomed_make(o->args.arena, n, out);
    for (; out->count < n; out->count++) {
        out->pkeys[out->count] = row_int(&r, (int)out->count, 0);
        out->ats[out->count] = row_time(&r, (int)out->count, 1);
        out->ids[out->count] = row_uuid(&r, (int)out->count, 2);
    }
    return OK;
}

static enum status patients_records(struct operation *o, struct doomed *out)
{
    struct audit_filter filter;
    struct audit_found found;
    struct rows r;

    TRY(audit_asked(o, &filter));
    filter.limit = ERASE_MAX;
    TRY(audit_search(o->db, o->args.arena, &filter, &found));
    doomed_make(o->args.arena, found.count, out);
    for (size_t i = 0; i < found.count; i++) {
        out->pkeys[i] = found.items[i].pkey;
        out->ats[i] = found.items[i].at_us;
        out->ids[i] = found.items[i].id;
    }
    out->count = found.count;
    o->answer = found.more ? 1 : 0;
    db_queue(o->db, &SEALED, &r, DB_UUIDS(out->ids, out->count));
    TRY(db_flush(o->db));
    if (row_int(&r, 0, 0) != (int64_t)out->count)
        return fail(o->args.err, BUSY, "record",
                    "some of these records wait to be sealed; is `causeway audit seal` running?");
    return OK;
}

/* The audit record about it names each: it is what an erasure is proven by. */
static enum status warrant(struct operation *o, const struct doomed *d, const char *reason,
                           struct audit_context *context)
{
    struct audit_list list = {0};
    struct audit_row *row = audit_add(o->args.arena, &list);

    *context = operation_context(o, &audit_erase_kind);
    row->description = str_printf(o->args.arena, "%zu records erased: %s", d->count, reason);
    for (size_t i = 0; i < d->count; i++)
        audit_object_add(o->args.arena, row, "erased", uuid_text(o->args.arena, d->ids[i]),
                         STR(""));
    return audit_queue(o->db, o->args.arena, context, &list, o->args.err);
}

static enum status work_erase(struct operation *o, struct strbuf *out)
{
    const char *reason = cli_value(&o->args, "reason");
    bool by_record = cli_value(&o->args, "record") != NULL;
    struct audit_context context;
    struct doomed doomed;
    struct rows erased;

    if (by_record == (cli_value(&o->args, "patient") != NULL) || reason == NULL || reason[0] == 0)
        return fail(o->args.err, INVALID, "usage", "one of --record and --patient, and --reason");
    TRY((by_record ? named_records : patients_records)(o, &doomed));
    if (doomed.count == 0)
        return fail(o->args.err, NOT_FOUND, "record", "there is no such record");
    TRY(warrant(o, &doomed, reason, &context));
    db_queue(o->db, &ERASE, &erased, DB_INT8S(doomed.pkeys, doomed.count),
             DB_TIMES(doomed.ats, doomed.count), DB_UUIDS(doomed.ids, doomed.count),
             DB_INT8(audit_request_pkey(context.request)), DB_TIME(context.at_us),
             DB_UUID(context.request));
    TRY(db_flush(o->db));
    if ((size_t)erased.affected != doomed.count)
        return fail(
            o->args.err, NOT_FOUND, "record",
            "%zu of %zu records can be erased: the others were before, or lie in an archive "
            "(`causeway audit restore` first)",
            (size_t)erased.affected, doomed.count);
    strbuf_addf(out, "%zu records erased%s\n", doomed.count,
                o->answer == 1 ? "; there are more: run it again" : "");
    return OK;
}

static const struct cli_option options[] = {
    {"record", "ID", "this record; up to 64 times"},
    {"patient", "CX|ID", "all records of this patient, 1000 at a time"},
    {"reason", "WORDS", "why, and on whose order: it stands in the log for ever"},
    {"database", "CONNINFO", "the owner's connection, as for `causeway migrate`"},
    {NULL, NULL, NULL},
};
const struct operation_kind audit_erase_kind = {
    .cli =
        {"causeway audit erase --record ID...|--patient CX --reason WORDS --database CONNINFO",
         "Destroys the keys of audit records, and all that they are found by: nobody can read\n"
         "them any more. Their leaves stay in the log, so that it still verifies, and a record\n"
         "of the erasure itself is written: without one, a lost key is tampering. The hub's role\n"
         "may not erase, the tables' owner must. Backups, archives and replicas hold the keys\n"
         "until they expire. Exit status 1: a patient has more than 1000 records, run it again.\n"
         "\n"
         "  causeway audit erase --record 0192f3a1-7c1e-7b52-9d0a-5f0c8e1b2a34 \\\n"
         "    --reason 'Order 7 C 12/26 of the court' --database 'dbname=causeway "
         "user=causeway_owner'",
         options},
    .transaction = "CONFIG",
    .audit = {"110129", 'D'},
    .endpoint = "causeway audit erase",
    .as_owner = true,
    .work = work_erase,
};
