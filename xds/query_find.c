/* Candidates of the query kinds that name patients. SQL narrows by what it can say in constant
 * text; the query's own evaluation in memory is the last word. */
#include "hub/person_rows.h"
#include "mpi/guess.h"
#include "xds/find.h"
#include "xds/kept.h"
#include "xds/query_gather.h"
#include "xds/rows.h"

/* What narrows, in the order of `narrowings` below. */
#define DOCUMENT_CODES                                                                             \
    "   AND status = ANY($1)\n"                                                                    \
    "   AND object_type = ANY($2)\n"                                                               \
    "   AND ($3::text[] IS NULL OR class_code = ANY($3))\n"                                        \
    "   AND ($4::text[] IS NULL OR type_code = ANY($4))\n"                                         \
    "   AND ($5::text[] IS NULL OR format_code = ANY($5))\n"                                       \
    "   AND ($6::text[] IS NULL OR practice_setting_code = ANY($6))\n"                             \
    "   AND ($7::text[] IS NULL OR healthcare_facility_type_code = ANY($7))\n"                     \
    "   AND ($8::text[] IS NULL OR event_code && $8)\n"                                            \
    "   AND ($9::text[] IS NULL OR confidentiality_code && $9)\n"
#define FOLDER_CODES                                                                               \
    "   AND status = ANY($1)\n"                                                                    \
    "   AND ($2::text[] IS NULL OR code && $2)\n"

/* In slices: no more is read at once than may be shown, and what comes after the last of it only if
 * some of it was not for showing. */
#define OF_PERSON(columns, superseded, table, codes, pkeys, records, at, uuid, limit)              \
    "SELECT " columns superseded "\n"                                                              \
    "  FROM " table " AS o\n"                                                                      \
    " WHERE pkey = ANY(" pkeys ")\n"                                                               \
    "   AND record_id = ANY(" records ")\n" codes "   AND (registered_at, entry_uuid) > (" at      \
    ", " uuid ")\n"                                                                                \
    " ORDER BY registered_at, entry_uuid\n"                                                        \
    " LIMIT " limit

static const struct statement of_person[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_find_documents",
                      OF_PERSON(XDS_DOCUMENT_COLUMNS,
                                XDS_SUPERSEDED("xds_document_entry") XDS_ROW_VERSION,
                                "xds_document_entry", DOCUMENT_CODES, "$10", "$11", "$12", "$13",
                                "$14")},
    [XDS_SET] = {"xds_find_sets",
                 OF_PERSON(XDS_SET_COLUMNS, XDS_ONE_VERSION, "xds_submission_set",
                           "   AND status = ANY($1)\n", "$2", "$3", "$4", "$5", "$6")},
};

/* Where what the rows hold may be in memory. */
static const struct statement VERSIONS_OF_PERSON = {
    "xds_find_document_versions",
    OF_PERSON("pkey, record_id, entry_uuid", XDS_SUPERSEDED("xds_document_entry") XDS_ROW_VERSION,
              "xds_document_entry", DOCUMENT_CODES, "$10", "$11", "$12", "$13", "$14"),
};

/* For ObjectRefs: in the places of XDS_DOCUMENT_COLUMNS, but only what a query may compare. */
#define COMPARED                                                                                   \
    XDS_HEADER_COLUMNS                                                                             \
    ", CASE WHEN $15 THEN author END, class_code, NULL::text[], confidentiality_code, "            \
    "creation_time, document_availability, event_code, format_code, NULL::text, "                  \
    "healthcare_facility_type_code, NULL::text, NULL::text, NULL::text, object_type, "             \
    "practice_setting_code, CASE WHEN $15 THEN reference_id END, NULL::text, service_start_time, " \
    "service_stop_time, NULL::text, NULL::text, NULL::text[], NULL::text[], type_code, "           \
    "NULL::text, NULL::text[], NULL::text[], NULL::jsonb, labels, label_version" XDS_LABELS_NOW

static const struct statement REFS_OF_PERSON = {
    "xds_find_document_refs",
    OF_PERSON(COMPARED, XDS_SUPERSEDED("xds_document_entry"), "xds_document_entry", DOCUMENT_CODES,
              "$10", "$11", "$12", "$13", "$14"),
};

/* across places: ITI-51 may name no patient. Never more than max_scanned rows. */
#define OF_ANYONE(columns, table, codes, limit)                                                    \
    "SELECT " columns XDS_SUPERSEDED(table) "\n"                                                   \
                                            "  FROM " table " AS o\n"                              \
                                            " WHERE true\n" codes " LIMIT " limit

static const struct statement of_anyone[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_scan_documents",
                      OF_ANYONE(XDS_DOCUMENT_COLUMNS, "xds_document_entry", DOCUMENT_CODES, "$10")},
    [XDS_FOLDER] = {"xds_scan_folders",
                    OF_ANYONE(XDS_FOLDER_COLUMNS, "xds_folder", FOLDER_CODES, "$3")},
};

/* --- parameters ------------------------------------------------------------------------------- */

static const char *const document_codes[] = {
    "$XDSDocumentEntryClassCode",
    "$XDSDocumentEntryTypeCode",
    "$XDSDocumentEntryFormatCode",
    "$XDSDocumentEntryPracticeSettingCode",
    "$XDSDocumentEntryHealthcareFacilityTypeCode",
    "$XDSDocumentEntryEventCodeList",
    "$XDSDocumentEntryConfidentialityCode",
};

static const char *const folder_codes[] = {"$XDSFolderCodeList"};

/* What a kind's statements narrow by, in the order of their first parameters. */
static const struct narrowing {
    const char *status, *type; /* type: NULL where the kind has none */
    const char *const *codes;
    size_t n;
} narrowings[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"$XDSDocumentEntryStatus", "$XDSDocumentEntryType", document_codes, 7},
    [XDS_SET] = {"$XDSSubmissionSetStatus", NULL, NULL, 0},
    [XDS_FOLDER] = {"$XDSFolderStatus", NULL, folder_codes, 1},
};

enum { VALUES_MAX = 15 };

struct values {
    struct db_value v[VALUES_MAX];
    size_t n;
};

/* The first group of an argument as an array, NULL when it was not given: what it narrows to, all
 * groups must hold in any case. */
static struct db_value narrowed(const struct xds_query *q, const char *name)
{
    const struct xds_argument *arg = xds_query_argument(q, name);

    return arg ? DB_TEXTS(arg->groups[0].v, arg->groups[0].n) : DB_NULL(DB_TYPE_TEXTS);
}

static struct db_value statuses(struct request *rq, const struct xds_query *q, const char *name)
{
    struct xds_texts urns = xds_query_texts(q, name);
    struct str *names = ARENA_ARRAY(rq->arena, urns.n, struct str);

    for (size_t i = 0; i < urns.n; i++)
        names[i] =
            str_eq(urns.v[i], STR(XDS_STATUS_APPROVED)) ? STR("approved") : STR("deprecated");
    return DB_TEXTS(names, urns.n);
}

static struct db_value types(const struct xds_query *q, const char *name)
{
    static const struct str stable[] = {STR(XDS_STABLE_TYPE)};
    struct xds_texts given = xds_query_texts(q, name);

    return given.n > 0 ? DB_TEXTS(given.v, given.n) : DB_TEXTS(stable, 1);
}

static struct values narrow(struct request *rq, const struct xds_query *q, enum xds_kind kind)
{
    const struct narrowing *by = &narrowings[kind];
    struct values values = {.n = 0};

    values.v[values.n++] = statuses(rq, q, by->status);
    if (by->type)
        values.v[values.n++] = types(q, by->type);
    for (size_t i = 0; i < by->n; i++)
        values.v[values.n++] = narrowed(q, by->codes[i]);
    return values;
}

static enum xds_kind kind_of(const struct xds_query *q)
{
    enum xds_kind kind = XDS_DOCUMENT;

    while (!(q->type->kinds & XDS_BIT(kind)))
        kind++;
    return kind;
}

/* --- patients --------------------------------------------------------------------------------- */

/* By policy: an empty answer, or an error, for an identifier of another authority or one that
 * nobody fed; the region chooses (3.18.4.1.3). */
static enum status check_known(struct request *rq, struct str cx, enum mpi_known known)
{
    if (known != MPI_UNKNOWN || str_eq(str_from(rq->config->unknown_patient), STR("empty")))
        return OK;
    return fail(rq->err, INVALID, "XDSUnknownPatientId", "%.*s: nobody has fed this identifier",
                STR_ARG(str_slice(cx, 0, 120)));
}

static bool has_ref(const struct person_ref *refs, size_t n, struct person_ref ref)
{
    for (size_t i = 0; i < n; i++)
        if (person_ref_eq(refs[i], ref))
            return true;
    return false;
}

/* The patients that a query names. */
struct named {
    const struct xds_texts *cx;
    struct identifier *ids;
    struct mpi_lookup lookup;
    struct person_ref *persons; /* each once */
    size_t person_count;
};

static void queue_patients(struct request *rq, const struct xds_texts *cx, struct named *named)
{
    *named = (struct named){.cx = cx, .ids = ARENA_ARRAY(rq->arena, cx->n, struct identifier)};
    for (size_t i = 0; i < cx->n; i++)
        (void)identifier_parse_cx(cx->v[i], &named->ids[i]);
    mpi_lookup_queue(rq, named->ids, cx->n, &named->lookup);
}

/* An id that was merged away has no content of its own. */
static enum status read_patients(struct request *rq, struct named *named)
{
    size_t n = named->cx->n;

    named->persons = ARENA_ARRAY(rq->arena, n, struct person_ref);
    TRY(mpi_lookup_read(rq, &named->lookup));
    for (size_t i = 0; i < n; i++) {
        struct mpi_hit hit = named->lookup.hits[i];

        if (!str_eq(named->ids[i].authority, str_from(rq->config->xad_authority)))
            hit = (struct mpi_hit){.known = MPI_UNKNOWN};
        if (n == 1)
            rq->person = hit.person;
        TRY(check_known(rq, named->cx->v[i], hit.known));
        if (hit.known == MPI_ACTIVE && !has_ref(named->persons, named->person_count, hit.person))
            named->persons[named->person_count++] = hit.person;
    }
    return OK;
}

static enum status read_people(struct request *rq, const struct named *named,
                               struct mpi_people *people)
{
    mpi_people_queue(rq, named->persons, named->person_count, people);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, people));
    if (named->cx->n == 1)
        mpi_guess_keep(rq, &named->lookup, &people->people[0]);
    return OK;
}

/* --- objects of persons, in slices ------------------------------------------------------------ */

struct slice {
    const struct person *person;
    bool keeps;    /* who is asked about again: what is read of them is kept */
    bool versions; /* the rows are versions alone: what they hold may be in memory */
    struct rows rows;
    int64_t after_us;
    struct uuid after;
    bool done;
};

/* One for each person. */
struct slices {
    struct slice *v;
    size_t n;
    size_t visible; /* objects that may be shown, so far */
};

static const struct statement *statement_for(struct request *rq, const struct xds_query *q,
                                             enum xds_kind kind, struct slice *slice)
{
    slice->keeps = slice->keeps && kind == XDS_DOCUMENT && q->leaf_class;
    if (kind == XDS_DOCUMENT && !q->leaf_class)
        return &REFS_OF_PERSON;
    slice->versions = slice->keeps && xds_kept_for(rq, xds_kept_person(slice->person->ref));
    return slice->versions ? &VERSIONS_OF_PERSON : &of_person[kind];
}

static void queue_slice(struct request *rq, const struct xds_query *q, enum xds_kind kind,
                        struct slice *slice)
{
    struct values values = narrow(rq, q, kind);
    struct pairs at = pairs_of_places(rq->arena, slice->person->places, slice->person->place_count);

    values.v[values.n++] = at.pkeys;
    values.v[values.n++] = at.numbers;
    values.v[values.n++] = DB_TIME(slice->after_us);
    values.v[values.n++] = DB_UUID(slice->after);
    values.v[values.n++] = DB_INT8(rq->config->max_results + 1);
    if (kind == XDS_DOCUMENT && !q->leaf_class)
        values.v[values.n++] = DB_BOOL(xds_query_argument_of(q, XDS_VALUE_PATTERN) != NULL);
    db_queue_values(rq->db, statement_for(rq, q, kind, slice), &slice->rows, values.v, values.n);
}

static struct xds_object *take_kept(struct request *rq, const struct rows *rows, int row)
{
    struct xds_object *o =
        xds_kept_take(rq, row_int(rows, row, 0), row_uuid(rows, row, 2), row_version(rows, row));

    if (o != NULL) {
        o->superseded = row_bool(rows, row, 3);
        o->registered_us = row_time(rows, row, 4);
    }
    return o;
}

/* Each at the place of its version. */
static void place_rows(struct request *rq, const struct rows *versions, const struct rows *rows,
                       struct xds_object **objects)
{
    for (int row = 0; row < rows->count; row++) {
        struct xds_object *o = xds_rows_read(rq->arena, XDS_DOCUMENT, rows, row);
        int i = 0;

        while (i < versions->count &&
               (objects[i] != NULL || !uuid_eq(row_uuid(versions, i, 2), o->uuid)))
            i++;
        must(i < versions->count, "an entry that is not in its own snapshot");
        o->superseded = row_bool(versions, i, 3);
        o->registered_us = row_time(versions, i, 4);
        objects[i] = o;
    }
}

/* The objects of versions: from memory; of those that are not there the rows are read. */
static enum status read_versions(struct request *rq, const struct slice *slice,
                                 struct xds_object **objects)
{
    const struct rows *versions = &slice->rows;
    size_t room = (size_t)versions->count, n = 0;
    int64_t *pkeys = ARENA_ARRAY(rq->arena, room, int64_t);
    int64_t *records = ARENA_ARRAY(rq->arena, room, int64_t);
    struct uuid *uuids = ARENA_ARRAY(rq->arena, room, struct uuid);
    struct rows rows;

    for (int i = 0; i < versions->count; i++) {
        objects[i] = take_kept(rq, versions, i);
        if (objects[i] != NULL)
            continue;
        pkeys[n] = row_int(versions, i, 0);
        records[n] = row_int(versions, i, 1);
        uuids[n++] = row_uuid(versions, i, 2);
    }
    if (n == 0)
        return OK;
    xds_find_rows_queue(rq, pkeys, records, uuids, n, &rows);
    TRY(db_flush(rq->db));
    xds_kept_put(rq, xds_kept_person(slice->person->ref), &rows);
    place_rows(rq, versions, &rows, objects);
    return OK;
}

static enum status read_rows(struct request *rq, enum xds_kind kind, const struct slice *slice,
                             struct xds_object ***out)
{
    struct xds_object **objects;

    *out = objects = ARENA_ARRAY(rq->arena, (size_t)slice->rows.count, struct xds_object *);
    if (slice->versions)
        return read_versions(rq, slice, objects);
    for (int i = 0; i < slice->rows.count; i++)
        objects[i] = xds_rows_read_more(rq->arena, kind, &slice->rows, i);
    if (slice->keeps)
        xds_kept_put(rq, xds_kept_person(slice->person->ref), &slice->rows);
    return OK;
}

/* Adds what matches, and counts what may be shown of it. */
static enum status read_slice(struct request *rq, const struct xds_query *q, enum xds_kind kind,
                              struct slice *slice, struct xds_candidates *found, size_t *visible)
{
    struct xds_object **objects;

    TRY(read_rows(rq, kind, slice, &objects));
    for (int i = 0; i < slice->rows.count; i++) {
        struct xds_object *o = objects[i];

        must(o != NULL, "an entry that has left its own snapshot");
        TRY(request_alive(rq));
        slice->after_us = o->registered_us;
        slice->after = o->uuid;
        if (!xds_query_match(q, o))
            continue;
        xds_candidates_add(rq, found, o, slice->person, false);
        *visible += xds_gate_permits(rq, found, &found->v[found->n - 1]);
    }
    slice->done = slice->rows.count <= rq->config->max_results;
    return OK;
}

/* A person that a merge has just taken away has no places. */
static struct slices slices_of(struct request *rq, const struct mpi_people *people, bool keeps)
{
    struct slices s = {ARENA_ARRAY(rq->arena, people->count, struct slice), people->count, 0};

    for (size_t i = 0; i < s.n; i++)
        s.v[i] = (struct slice){&people->people[i], .keeps = keeps, .after_us = INT64_MIN};
    return s;
}

/* False when nothing is left to read, or too much to be shown has been. */
static bool queue_slices(struct request *rq, const struct xds_query *q, struct slices *s)
{
    size_t open = 0;

    for (size_t i = 0; i < s->n && s->visible <= (size_t)rq->config->max_results; i++)
        if (!s->v[i].done) {
            queue_slice(rq, q, kind_of(q), &s->v[i]);
            open++;
        }
    return open > 0;
}

static enum status read_slices(struct request *rq, const struct xds_query *q, struct slices *s,
                               struct xds_candidates *found)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->v[i].done)
            TRY(read_slice(rq, q, kind_of(q), &s->v[i], found, &s->visible));
    return OK;
}

/* What the first slices and the policies, which came with them, say; and the rest. */
static enum status read_objects(struct request *rq, const struct xds_query *q, struct slices *s,
                                struct xds_candidates *found)
{
    TRY(xds_policies_read(rq, found));
    TRY(read_slices(rq, q, s, found));
    while (queue_slices(rq, q, s)) {
        TRY(db_flush(rq->db));
        TRY(read_slices(rq, q, s, found));
    }
    return OK;
}

static void queue_objects(struct request *rq, const struct xds_query *q, bool keeps,
                          struct slices *s, struct xds_candidates *found)
{
    *s = slices_of(rq, &found->people, keeps);
    (void)queue_slices(rq, q, s);
    xds_policies_queue(rq, found);
}

static enum status find_objects(struct request *rq, const struct xds_query *q,
                                struct xds_candidates *found)
{
    struct slices s;

    queue_objects(rq, q, false, &s, found);
    TRY(db_flush(rq->db));
    return read_objects(rq, q, &s, found);
}

/* --- the same of a guessed person, in the flush of the look-up -------------------------------- */

struct guessed {
    struct mpi_guess whose;
    struct slices slices;
    struct xds_candidates found;
};

/* NULL: there is no guess. */
static struct guessed *queue_guess(struct request *rq, const struct xds_query *q,
                                   const struct named *named)
{
    struct guessed *g = ARENA_NEW(rq->arena, struct guessed);

    if (named->cx->n != 1 || q->type->links || !mpi_guess_queue(rq, &named->lookup, &g->whose))
        return NULL;
    g->found.people = (struct mpi_people){.count = 1, .people = &g->whose.person};
    queue_objects(rq, q, true, &g->slices, &g->found);
    return g;
}

static enum status read_guess(struct request *rq, const struct xds_query *q, struct guessed *g,
                              const struct named *named, bool *holds)
{
    TRY(mpi_guess_read(rq, &g->whose, named->persons[0], holds));
    if (!*holds)
        return OK;
    g->found.people = g->whose.people;
    g->slices.v[0].person = &g->found.people.people[0];
    return read_objects(rq, q, &g->slices, &g->found);
}

/* --- with associations, and of anyone ----------------------------------------------------------
 */

static struct place *places_of(struct request *rq, const struct mpi_people *people, size_t *count)
{
    struct place *places;
    size_t n = 0;

    for (size_t i = 0; i < people->count; i++)
        n += people->people[i].place_count;
    places = ARENA_ARRAY(rq->arena, n, struct place);
    *count = n;
    n = 0;
    for (size_t i = 0; i < people->count; i++)
        for (size_t j = 0; j < people->people[i].place_count; j++)
            places[n++] = people->people[i].places[j];
    return places;
}

/* With associations: what they lead to may be another's. */
static enum status find_linked(struct request *rq, const struct xds_query *q,
                               struct xds_candidates *found)
{
    unsigned links = q->type->links & (XDS_LINKS_FROM | XDS_LINKS_TO);
    struct xds_gather g;
    size_t n;
    struct place *places = places_of(rq, &found->people, &n);

    xds_gather_init(&g, rq, found);
    xds_gather_at(&g, places, n, q->type->kinds | (links ? XDS_BIT(XDS_ASSOCIATION) : 0));
    TRY(xds_gather_round(&g));
    return xds_query_follow(&g, q);
}

static enum status find_anyones(struct request *rq, const struct xds_query *q,
                                struct xds_candidates *found)
{
    enum xds_kind kind = kind_of(q);
    struct values values = narrow(rq, q, kind);
    struct xds_gather g;

    xds_gather_init(&g, rq, found);
    values.v[values.n++] = DB_INT8(rq->config->max_scanned + 1);
    db_queue_values(rq->db, &of_anyone[kind], xds_gather_rows_capped(&g, kind, false), values.v,
                    values.n);
    TRY(xds_gather_round(&g));
    return xds_query_follow(&g, q);
}

enum status xds_query_find_by_patient(struct request *rq, const struct xds_query *q,
                                      struct xds_candidates *found)
{
    const struct xds_argument *patients = xds_query_argument_of(q, XDS_VALUE_PATIENT);
    struct guessed *guess;
    struct named named;
    bool holds = false;

    *found = (struct xds_candidates){0};
    if (patients == NULL)
        return find_anyones(rq, q, found);
    if (patients->groups[0].n == 1)
        rq->patient = patients->groups[0].v[0];
    queue_patients(rq, &patients->groups[0], &named);
    guess = queue_guess(rq, q, &named);
    TRY(db_flush(rq->db));
    TRY(read_patients(rq, &named));
    if (named.person_count == 0)
        return OK;
    if (guess != NULL)
        TRY(read_guess(rq, q, guess, &named, &holds));
    if (holds) {
        *found = guess->found;
        return OK;
    }
    TRY(read_people(rq, &named, &found->people));
    return q->type->links ? find_linked(rq, q, found) : find_objects(rq, q, found);
}
