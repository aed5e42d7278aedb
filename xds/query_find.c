/* Candidates of the query kinds. SQL narrows by what it can say in constant text; the query's own
 * evaluation in memory is the last word. */
#include "xds/find.h"
#include "xds/query.h"
#include "xds/rows.h"

static const struct statement FIND_DOCUMENTS = {
    "xds_find_documents",
    "SELECT " XDS_DOCUMENT_COLUMNS "\n"
    "  FROM xds_document_entry\n"
    " WHERE pkey = ANY($1)\n"
    "   AND record_id = ANY($2)\n"
    "   AND status = ANY($3)\n"
    "   AND object_type = ANY($4)\n"
    "   AND ($5::text[] IS NULL OR class_code = ANY($5))\n"
    "   AND ($6::text[] IS NULL OR type_code = ANY($6))\n"
    "   AND ($7::text[] IS NULL OR format_code = ANY($7))\n"
    "   AND ($8::text[] IS NULL OR practice_setting_code = ANY($8))\n"
    "   AND ($9::text[] IS NULL OR healthcare_facility_type_code = ANY($9))\n"
    "   AND ($10::text[] IS NULL OR event_code && $10)\n"
    "   AND ($11::text[] IS NULL OR confidentiality_code && $11)\n"
    " ORDER BY registered_at, entry_uuid",
};

/* The first group of an argument as an array, NULL when it was not given: what it narrows to, all
 * groups must hold in any case. */
static struct db_value narrowed(const struct xds_query *q, const char *name)
{
    const struct xds_argument *arg = xds_query_argument(q, name);

    return arg ? DB_TEXTS(arg->groups[0].v, arg->groups[0].n) : DB_NULL(DB_TYPE_TEXTS);
}

static struct db_value statuses(struct request *rq, const struct xds_query *q)
{
    struct xds_texts urns = xds_query_texts(q, "$XDSDocumentEntryStatus");
    struct str *names = ARENA_ARRAY(rq->arena, urns.n, struct str);

    for (size_t i = 0; i < urns.n; i++)
        names[i] =
            str_eq(urns.v[i], STR(XDS_STATUS_APPROVED)) ? STR("approved") : STR("deprecated");
    return DB_TEXTS(names, urns.n);
}

static struct db_value types(const struct xds_query *q)
{
    static const struct str stable[] = {STR(XDS_STABLE_TYPE)};
    struct xds_texts given = xds_query_texts(q, "$XDSDocumentEntryType");

    return given.n > 0 ? DB_TEXTS(given.v, given.n) : DB_TEXTS(stable, 1);
}

static void queue_documents(struct request *rq, const struct xds_query *q,
                            const struct person *person, struct rows *rows)
{
    int64_t *pkeys = ARENA_ARRAY(rq->arena, person->place_count, int64_t);
    int64_t *records = ARENA_ARRAY(rq->arena, person->place_count, int64_t);

    for (size_t i = 0; i < person->place_count; i++) {
        pkeys[i] = person->places[i].pkey;
        records[i] = person->places[i].record_id;
    }
    db_queue(rq->db, &FIND_DOCUMENTS, rows, DB_INT8S(pkeys, person->place_count),
             DB_INT8S(records, person->place_count), statuses(rq, q), types(q),
             narrowed(q, "$XDSDocumentEntryClassCode"), narrowed(q, "$XDSDocumentEntryTypeCode"),
             narrowed(q, "$XDSDocumentEntryFormatCode"),
             narrowed(q, "$XDSDocumentEntryPracticeSettingCode"),
             narrowed(q, "$XDSDocumentEntryHealthcareFacilityTypeCode"),
             narrowed(q, "$XDSDocumentEntryEventCodeList"),
             narrowed(q, "$XDSDocumentEntryConfidentialityCode"));
}

/* The XAD-PID that a query names -> whether it stands for anybody. A subsumed one has no content;
 * for one that nobody fed the region chooses (3.18.4.1.3). */
static enum status find_patient(struct request *rq, struct str cx, bool *known)
{
    struct identifier *id = ARENA_NEW(rq->arena, struct identifier);
    struct mpi_lookup lookup;

    rq->patient = cx;
    *known = false;
    if (identifier_parse_cx(cx, id) && str_eq(id->authority, str_from(rq->config->xad_authority))) {
        mpi_lookup_queue(rq, id, 1, &lookup);
        TRY(db_flush(rq->db));
        TRY(mpi_lookup_read(rq, &lookup));
        rq->person = lookup.hits[0].person;
        *known = lookup.hits[0].known == MPI_ACTIVE;
        if (lookup.hits[0].known != MPI_UNKNOWN)
            return OK;
    }
    if (str_eq(str_from(rq->config->unknown_patient), STR("empty")))
        return OK;
    return fail(rq->err, INVALID, "XDSUnknownPatientId", "%.*s: nobody has fed this identifier",
                STR_ARG(str_slice(cx, 0, 120)));
}

enum status xds_query_find_documents(struct request *rq, const struct xds_query *q,
                                     struct xds_candidates *found)
{
    struct str cx = xds_query_texts(q, "$XDSDocumentEntryPatientId").v[0];
    const struct person *person;
    struct rows documents;
    bool known;

    *found = (struct xds_candidates){0};
    TRY(find_patient(rq, cx, &known));
    if (!known)
        return OK;
    mpi_people_queue(rq, &rq->person, 1, &found->people);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, &found->people));
    person = &found->people.people[0];
    queue_documents(rq, q, person, &documents);
    xds_policies_queue(rq, found);
    TRY(db_flush(rq->db));
    TRY(xds_policies_read(rq, found));
    for (int i = 0; i < documents.count; i++) {
        struct xds_object *o = xds_rows_read(rq->arena, XDS_DOCUMENT, &documents, i);

        TRY(request_alive(rq));
        if (xds_query_match(q, o))
            xds_candidates_add(rq, found, o, person, false);
    }
    return OK;
}

/* An entryUUID names the entry, a uniqueId every entry of that document. An id that is a UUID is
 * not taken for a uniqueId, nor the other way round. */
enum status xds_query_get_documents(struct request *rq, const struct xds_query *q,
                                    struct xds_candidates *found)
{
    struct xds_texts uuids = xds_query_texts(q, "$XDSDocumentEntryEntryUUID");
    struct xds_texts ids = uuids.n > 0 ? uuids : xds_query_texts(q, "$XDSDocumentEntryUniqueId");
    struct str *wanted = ARENA_ARRAY(rq->arena, ids.n, struct str);
    struct uuid u;
    size_t n = 0;

    for (size_t i = 0; i < ids.n; i++)
        if (uuid_parse_urn(ids.v[i], &u) == (uuids.n > 0))
            wanted[n++] = ids.v[i];
    return xds_find_documents_by_id(rq, wanted, n, NULL, found);
}
