/* Everything that would show the document goes with it: its versions, the entries that share its
 * uniqueId, the snapshots that hold its bytes, the associations that touch these, and submission
 * sets that hold nothing else. The rows move to xds_retracted, so that no door of the hub reaches
 * them; the audit log stays as it is, and tells who had retrieved the document. */
#include "xds/retract.h"

#include <jansson.h>
#include <string.h>

#include "hub/audit/search.h"
#include "hub/command/cli_print.h"
#include "hub/person_rows.h"
#include "mpi/identity.h"
#include "xds/consent_document.h"
#include "xds/removal.h"

#define MOVE(kind, table, unique_id)                                                               \
    "INSERT INTO xds_retracted (pkey, entry_uuid, retraction, record_id, kind, unique_id,\n"       \
    "       object, retracted_at, retracted_by, reason)\n"                                         \
    "SELECT t.pkey, t.entry_uuid, $4, t.record_id, '" kind "', " unique_id ", to_jsonb(t),\n"      \
    "       $5, $6, $7\n"                                                                          \
    "  FROM " table " t\n"                                                                         \
    " WHERE (t.pkey, t.record_id, t.entry_uuid) IN (\n"                                            \
    "       SELECT place, record, entry\n"                                                         \
    "         FROM unnest($1::bigint[], $2::bigint[], $3::uuid[]) AS w (place, record, entry))"

static const struct statement moves[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_retract_documents",
                      MOVE("document", "xds_document_entry", "t.unique_id")},
    [XDS_SET] = {"xds_retract_sets", MOVE("set", "xds_submission_set", "t.unique_id")},
    [XDS_FOLDER] = {NULL, NULL},
    [XDS_ASSOCIATION] = {"xds_retract_associations",
                         MOVE("association", "xds_association", "NULL")},
};

/* Whoever the record belonged to when somebody retrieved. */
static const struct statement FIND_OWNERS = {
    "xds_retract_owners",
    "SELECT DISTINCT person_pkey, person_id\n"
    "  FROM mpi_link\n"
    " WHERE (pkey, record_id) IN (\n"
    "       SELECT place, record\n"
    "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))",
};

/* What an on-demand entry's retrieval kept of a document: the same bytes, in the same record. */
static const struct statement FIND_SNAPSHOTS = {
    "xds_retract_snapshots",
    "SELECT entry_uuid, pkey, record_id\n"
    "  FROM xds_document_entry d\n"
    " WHERE (pkey, record_id) IN (\n"
    "       SELECT place, record\n"
    "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))\n"
    "   AND lower(hash) = ANY($3)\n"
    "   AND EXISTS (\n"
    "       SELECT\n"
    "         FROM xds_association a\n"
    "        WHERE a.pkey = d.pkey\n"
    "          AND a.source_uuid = d.entry_uuid\n"
    "          AND a.association_type = 'urn:ihe:iti:2010:AssociationType:IsSnapshotOf')",
};

static const char *const retrievals[] = {"ITI-43", "ITI-39", "ITI-68", NULL};

struct retraction {
    struct operation *o;
    struct request *rq;
    struct str id; /* as given */
    struct xds_uid_lookup lookup;
    struct xds_removal removal;
    struct person person;
    struct str unique_id, patient;
    struct audit_filter filter;
    size_t seen; /* retrievals */
    struct strbuf list;
    struct cli_table table;
};

/* --- what goes -------------------------------------------------------------------------------- */

static enum status find(struct retraction *t)
{
    size_t n = 0;

    xds_uid_lookup_queue(t->rq, &t->id, 1, &t->lookup);
    TRY(db_flush(t->rq->db));
    xds_uid_lookup_read(t->rq, &t->lookup);
    for (size_t i = 0; i < t->lookup.n; i++)
        if (t->lookup.hits[i].kind == XDS_DOCUMENT)
            t->lookup.hits[n++] = t->lookup.hits[i];
    t->lookup.n = n;
    if (n == 0)
        return fail(t->rq->err, NOT_FOUND, "document",
                    "no document is registered as %.*s: give its uniqueId, or its entryUUID as "
                    "urn:uuid:...",
                    STR_ARG(t->id));
    return xds_removal_add(&t->removal, t->lookup.hits, n);
}

static size_t add_hit(const struct retraction *t, struct xds_uid_hit *hits, size_t n,
                      struct uuid uuid, enum xds_kind kind, struct place place)
{
    if (xds_removal_has(&t->removal, uuid))
        return n;
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(hits[i].uuid, uuid))
            return n;
    hits[n] = (struct xds_uid_hit){uuid, kind, place};
    return n + 1;
}

/* What has to go because of what goes already: other versions, associations, and the snapshots that
 * were taken of an on-demand entry. */
static enum status add_dependents(struct retraction *t, bool *more)
{
    const struct xds_removal *r = &t->removal;
    struct xds_uid_hit *hits =
        ARENA_ARRAY(t->rq->arena, r->objects.n + r->around.n + r->later.n, struct xds_uid_hit);
    size_t n = 0;

    for (size_t i = 0; i < r->objects.n; i++)
        if (r->objects.v[i]->kind == XDS_DOCUMENT)
            n = add_hit(t, hits, n, r->objects.v[i]->logical, XDS_DOCUMENT, r->objects.v[i]->place);
    for (size_t i = 0; i < r->around.n; i++)
        n = add_hit(t, hits, n, r->around.v[i]->uuid, XDS_ASSOCIATION,
                    xds_association(r->around.v[i])->from.place);
    for (size_t i = 0; i < r->later.n; i++)
        n = add_hit(t, hits, n, r->later.v[i]->uuid, r->later.v[i]->kind, r->later.v[i]->place);
    for (size_t i = 0; i < r->around.n; i++) {
        const struct xds_association *link = xds_association(r->around.v[i]);

        if (xds_link(link->association_type) == XDS_IS_SNAPSHOT_OF)
            n = add_hit(t, hits, n, link->from.uuid, XDS_DOCUMENT, link->from.place);
    }
    *more = n > 0;
    return n > 0 ? xds_removal_add(&t->removal, hits, n) : OK;
}

/* Their bytes are the document's. */
static enum status add_snapshots(struct retraction *t, bool *more)
{
    const struct xds_objects *objects = &t->removal.objects;
    struct arena *a = t->rq->arena;
    struct place *places = ARENA_ARRAY(a, objects->n, struct place);
    struct str *hashes = ARENA_ARRAY(a, objects->n, struct str);
    struct xds_uid_hit *hits;
    struct pairs at;
    struct rows rows;
    size_t n = 0, found = 0;

    for (size_t i = 0; i < objects->n; i++) {
        const struct xds_document *d = xds_document(objects->v[i]);

        if (d == NULL || d->hash.n == 0)
            continue;
        places[n] = objects->v[i]->place;
        hashes[n++] = str_lower(a, d->hash);
    }
    *more = false;
    if (n == 0)
        return OK;
    at = pairs_of_places(a, places, n);
    db_queue(t->rq->db, &FIND_SNAPSHOTS, &rows, at.pkeys, at.numbers, DB_TEXTS(hashes, n));
    TRY(db_flush(t->rq->db));
    hits = ARENA_ARRAY(a, (size_t)rows.count, struct xds_uid_hit);
    for (int row = 0; row < rows.count; row++)
        found = add_hit(t, hits, found, row_uuid(&rows, row, 0), XDS_DOCUMENT,
                        (struct place){row_int(&rows, row, 1), row_int(&rows, row, 2)});
    *more = found > 0;
    return found > 0 ? xds_removal_add(&t->removal, hits, found) : OK;
}

/* A submission set that held nothing else says no more than that there was a document. */
static enum status add_empty_sets(struct retraction *t, bool *more)
{
    struct xds_objects touching;
    struct xds_uid_hit *left;
    size_t n = xds_removal_bereaved(&t->removal, &left), empty = 0;

    TRY(xds_removal_look(&t->removal, left, n, &touching));
    for (size_t i = 0; i < n; i++)
        if (left[i].kind == XDS_SET && !xds_removal_linked(&t->removal, &touching, &left[i]))
            left[empty++] = left[i];
    *more = empty > 0;
    return empty > 0 ? xds_removal_add(&t->removal, left, empty) : OK;
}

static enum status gather(struct retraction *t)
{
    bool more = true;

    TRY(find(t));
    while (more) {
        TRY(add_dependents(t, &more));
        if (!more)
            TRY(add_snapshots(t, &more));
        if (!more)
            TRY(add_empty_sets(t, &more));
    }
    return OK;
}

static void move_kind(struct retraction *t, enum xds_kind kind, struct uuid id, struct str by,
                      struct str reason)
{
    const struct xds_objects *objects = &t->removal.objects;
    int64_t *pkeys = ARENA_ARRAY(t->rq->arena, objects->n, int64_t);
    int64_t *records = ARENA_ARRAY(t->rq->arena, objects->n, int64_t);
    struct uuid *uuids = ARENA_ARRAY(t->rq->arena, objects->n, struct uuid);
    size_t n = 0;

    for (size_t i = 0; i < objects->n; i++)
        if (objects->v[i]->kind == kind) {
            pkeys[n] = objects->v[i]->place.pkey;
            records[n] = objects->v[i]->place.record_id;
            uuids[n++] = objects->v[i]->uuid;
        }
    if (n > 0)
        db_queue(t->rq->db, &moves[kind], NULL, DB_INT8S(pkeys, n), DB_INT8S(records, n),
                 DB_UUIDS(uuids, n), DB_UUID(id), DB_TIME(t->rq->now_us), DB_TEXT(by),
                 DB_TEXT(reason));
}

static enum status withdraw(struct retraction *t)
{
    struct str by = operator_name(t->rq->arena),
               reason = str_from(cli_value(&t->o->args, "reason"));

    move_kind(t, XDS_DOCUMENT, t->rq->id, by, reason);
    move_kind(t, XDS_SET, t->rq->id, by, reason);
    move_kind(t, XDS_ASSOCIATION, t->rq->id, by, reason);
    TRY(xds_consents_remove(t->rq, &t->removal.objects));
    xds_removal_apply(&t->removal);
    return db_flush(t->rq->db);
}

/* --- who had it ------------------------------------------------------------------------------- */

static enum status find_owners(struct retraction *t)
{
    const struct xds_uid_hit *hits = t->lookup.hits;
    int64_t *pkeys = ARENA_ARRAY(t->rq->arena, t->lookup.n, int64_t);
    int64_t *records = ARENA_ARRAY(t->rq->arena, t->lookup.n, int64_t);
    int64_t *person_pkeys, *persons;
    struct mpi_owners owners;
    struct mpi_people people;
    struct rows rows;

    for (size_t i = 0; i < t->lookup.n; i++) {
        pkeys[i] = hits[i].place.pkey;
        records[i] = hits[i].place.record_id;
    }
    db_queue(t->rq->db, &FIND_OWNERS, &rows, DB_INT8S(pkeys, t->lookup.n),
             DB_INT8S(records, t->lookup.n));
    mpi_owners_queue(t->rq, &hits[0].place, 1, &owners);
    TRY(db_flush(t->rq->db));
    TRY(mpi_owners_read(t->rq, &owners));
    mpi_people_queue(t->rq, owners.refs, 1, &people);
    TRY(db_flush(t->rq->db));
    TRY(mpi_people_read(t->rq, &people));
    t->person = people.people[0];
    person_pkeys = ARENA_ARRAY(t->rq->arena, (size_t)rows.count, int64_t);
    persons = ARENA_ARRAY(t->rq->arena, (size_t)rows.count, int64_t);
    for (int row = 0; row < rows.count; row++) {
        person_pkeys[row] = row_int(&rows, row, 0);
        persons[row] = row_int(&rows, row, 1);
    }
    t->patient =
        identifier_cx(t->rq->arena,
                      (struct identifier){str_from(t->o->config.xad_authority), t->person.xad_pid});
    t->filter = (struct audit_filter){.patient = t->patient,
                                      .pkeys = person_pkeys,
                                      .person_ids = persons,
                                      .person_count = (size_t)rows.count,
                                      .from_us = INT64_MIN,
                                      .to_us = INT64_MAX,
                                      .limit = AUDIT_SEARCH_MAX};
    return OK;
}

static struct str text_of(struct arena *a, const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return json_is_string(v) ? str_dup(a, str_of(json_string_value(v), json_string_length(v)))
                             : STR("");
}

/* Is it the uniqueId of a document that goes? */
static bool goes(const struct retraction *t, struct str id)
{
    const struct xds_objects *objects = &t->removal.objects;

    for (size_t i = 0; i < objects->n; i++) {
        const struct xds_document *d = xds_document(objects->v[i]);

        if (d != NULL && str_eq(d->unique_id, id))
            return true;
    }
    return false;
}

static bool names_document(struct retraction *t, const json_t *record)
{
    const json_t *object;
    size_t i;

    json_array_foreach(json_object_get(record, "objects"), i,
                       object) if (str_eq(text_of(t->rq->arena, object, "kind"), STR("document")) &&
                                   goes(t, text_of(t->rq->arena, object, "id"))) return true;
    return false;
}

static void list_retrieval(struct retraction *t, const struct audit_entry *e, const json_t *record)
{
    struct arena *a = t->rq->arena;
    struct str member = text_of(a, json_object_get(record, "member"), "name");
    struct str user = text_of(a, record, "user"), at = clock_iso(a, e->at_us);

    t->seen++;
    if (!t->o->args.json) {
        cli_table_row(&t->table, at, member, user.n ? user : STR("-"), e->transaction,
                      uuid_text(a, e->request));
        return;
    }
    cli_json_comma(&t->list);
    strbuf_lit(&t->list, "{");
    cli_json_text(&t->list, "at", at);
    cli_json_text(&t->list, "member", member);
    cli_json_text(&t->list, "user", user);
    cli_json_text(&t->list, "transaction", e->transaction);
    cli_json_text(&t->list, "request", uuid_text(a, e->request));
    strbuf_lit(&t->list, "}");
}

static void read_entry(struct retraction *t, const struct audit_entry *e)
{
    json_t *record = e->outcome == 0 && e->record.p != NULL
                         ? json_loadb(e->record.p, e->record.n, 0, NULL)
                         : NULL;

    if (record != NULL && names_document(t, record))
        list_retrieval(t, e, record);
    json_decref(record);
}

static enum status list_retrievals(struct retraction *t)
{
    TRY(find_owners(t));
    for (size_t i = 0; retrievals[i]; i++) {
        struct audit_found found = {.more = true};

        t->filter.transaction = str_from(retrievals[i]);
        t->filter.before = false;
        while (found.more) {
            TRY(audit_search(t->rq->db, t->rq->arena, &t->filter, &found));
            for (size_t j = 0; j < found.count; j++)
                read_entry(t, &found.items[j]);
            if (!found.more)
                break;
            t->filter.before = true;
            t->filter.before_us = found.items[found.count - 1].at_us;
            t->filter.before_id = found.items[found.count - 1].id;
        }
    }
    return OK;
}

/* --- telling ---------------------------------------------------------------------------------- */

static size_t count_of(const struct retraction *t, enum xds_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < t->removal.objects.n; i++)
        n += t->removal.objects.v[i]->kind == kind;
    return n;
}

static void audit(struct retraction *t)
{
    struct audit_row *row = audit_add(t->rq->arena, &t->o->audit);

    row->patient = t->patient;
    row->pkey = t->person.ref.pkey;
    row->person_id = t->person.ref.person_id;
    row->description = str_printf(t->rq->arena, "Retracted: %s; %zu had retrieved it",
                                  cli_value(&t->o->args, "reason"), t->seen);
    audit_object_add(t->rq->arena, row, "document", t->unique_id,
                     uuid_text(t->rq->arena, t->rq->id));
}

static void print_json(struct strbuf *out, struct retraction *t)
{
    strbuf_lit(out, "{");
    cli_json_text(out, "retraction", uuid_text(t->rq->arena, t->rq->id));
    cli_json_text(out, "document", t->unique_id);
    cli_json_text(out, "patient", t->patient);
    cli_json_int(out, "entries", (int64_t)count_of(t, XDS_DOCUMENT));
    cli_json_int(out, "submission_sets", (int64_t)count_of(t, XDS_SET));
    cli_json_int(out, "associations", (int64_t)count_of(t, XDS_ASSOCIATION));
    cli_json_key(out, "retrieved");
    strbuf_add(out, strbuf_str(&t->list));
    strbuf_lit(out, "]}\n");
}

static void print_text(struct strbuf *out, struct retraction *t)
{
    strbuf_addf(out,
                "Withdrawn: document %.*s of %.*s (%zu entries, %zu submission sets, %zu "
                "associations), retraction %.*s\n",
                STR_ARG(t->unique_id), STR_ARG(t->patient), count_of(t, XDS_DOCUMENT),
                count_of(t, XDS_SET), count_of(t, XDS_ASSOCIATION),
                STR_ARG(uuid_text(t->rq->arena, t->rq->id)));
    if (t->seen == 0) {
        strbuf_lit(out, "Nobody had retrieved it.\n");
        return;
    }
    strbuf_addf(out, "Retrieved %zu times:\n", t->seen);
    cli_table_write(&t->table, out);
}

static struct retraction begin(struct operation *o)
{
    struct retraction t = {
        .o = o,
        .rq = operation_request(o),
        .id = str_from(o->args.positional[0]),
        .list = strbuf_on(o->args.arena, 256),
        .table = cli_table_on(o->args.arena, 5),
    };

    strbuf_lit(&t.list, "[");
    cli_table_row(&t.table, STR("TIME (UTC)"), STR("MEMBER"), STR("USER"), STR("TRANSACTION"),
                  STR("REQUEST"));
    return t;
}

static enum status work(struct operation *o, struct strbuf *out)
{
    struct retraction t;

    if (cli_value(&o->args, "reason") == NULL || *cli_value(&o->args, "reason") == 0)
        return fail(o->args.err, INVALID, "usage", "--reason TEXT is missing: the log keeps it");
    t = begin(o);
    t.removal = xds_removal_of(t.rq);
    TRY(gather(&t));
    t.unique_id = xds_text(t.removal.objects.v[0], "uniqueId");
    TRY(list_retrievals(&t));
    TRY(withdraw(&t));
    audit(&t);
    (o->args.json ? print_json : print_text)(out, &t);
    return OK;
}

static const struct cli_option options[] = {
    {"reason", "TEXT", "why: kept with what is withdrawn, and in the audit log"},
    {NULL, NULL, NULL},
};

const struct operation_kind xds_retract_kind = {
    .cli =
        {"causeway xds retract UNIQUEID|urn:uuid:... --reason TEXT",
         "Withdraws a document that was filed under the wrong patient: its entries in all\n"
         "versions, the snapshots of it that an on-demand entry's retrieval kept, the "
         "associations\n"
         "that touch them, and submission sets that held nothing else leave every query and every\n"
         "retrieval at once. Shows who had retrieved them. The audit log stays as it is; the rows\n"
         "are kept in xds_retracted, the bytes until `causeway xds collect` takes them. The "
         "source\n"
         "submits the document again, for the right patient and under another uniqueId.\n"
         "\n"
         "  causeway xds retract 1.2.3.4.5 --reason 'filed under a namesake' --json",
         options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110110", 'D'},
    .endpoint = "causeway xds retract",
    .work = work,
};
