#include "xds/query_gather.h"

#include <stdlib.h>
#include <string.h>

#include "hub/person_rows.h"
#include "xds/rows.h"

#define BY_ID(columns, superseded, table)                                                          \
    "SELECT " columns superseded "\n"                                                              \
    "  FROM " table " AS o\n"                                                                      \
    " WHERE (pkey, record_id, entry_uuid) IN (\n"                                                  \
    "       SELECT place, record, entry\n"                                                         \
    "         FROM unnest($1::bigint[], $2::bigint[], $3::uuid[]) AS w (place, record, entry))"

static const struct statement by_id[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_query_documents",
                      BY_ID(XDS_DOCUMENT_COLUMNS, XDS_SUPERSEDED("xds_document_entry"),
                            "xds_document_entry")},
    [XDS_SET] = {"xds_query_sets", BY_ID(XDS_SET_COLUMNS, XDS_ONE_VERSION, "xds_submission_set")},
    [XDS_FOLDER] = {"xds_query_folders",
                    BY_ID(XDS_FOLDER_COLUMNS, XDS_SUPERSEDED("xds_folder"), "xds_folder")},
    [XDS_ASSOCIATION] = {"xds_query_associations",
                         BY_ID(XDS_ASSOCIATION_COLUMNS, XDS_ONE_VERSION, "xds_association")},
};

/* Later ones; the first is found by its id, which is the logicalID. */
#define BY_LOGICAL_ID(columns, superseded, table)                                                  \
    "SELECT " columns superseded "\n"                                                              \
    "  FROM " table " AS o\n"                                                                      \
    " WHERE (pkey, logical_id) IN (\n"                                                             \
    "       SELECT place, logical\n"                                                               \
    "         FROM unnest($1::bigint[], $2::uuid[]) AS w (place, logical))\n"                      \
    "   AND version > 1"

static const struct statement by_logical_id[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_query_document_versions",
                      BY_LOGICAL_ID(XDS_DOCUMENT_COLUMNS, XDS_SUPERSEDED("xds_document_entry"),
                                    "xds_document_entry")},
    [XDS_FOLDER] = {"xds_query_folder_versions",
                    BY_LOGICAL_ID(XDS_FOLDER_COLUMNS, XDS_SUPERSEDED("xds_folder"), "xds_folder")},
};

#define LINKS(end)                                                                                 \
    "SELECT " XDS_ASSOCIATION_COLUMNS XDS_ONE_VERSION "\n"                                         \
    "  FROM xds_association AS o\n"                                                                \
    " WHERE (pkey, " end ") IN (\n"                                                                \
    "       SELECT place, object\n"                                                                \
    "         FROM unnest($1::bigint[], $2::uuid[]) AS w (place, object))\n"                       \
    " LIMIT $3"

static const struct statement LINKS_FROM = {"xds_query_links_from", LINKS("source_uuid")};
static const struct statement LINKS_TO = {"xds_query_links_to", LINKS("target_uuid")};

#define AT(columns, superseded, table)                                                             \
    "SELECT " columns superseded "\n"                                                              \
    "  FROM " table " AS o\n"                                                                      \
    " WHERE (pkey, record_id) IN (\n"                                                              \
    "       SELECT place, record\n"                                                                \
    "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))\n"                     \
    " LIMIT $3"

static const struct statement at_places[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_query_documents_at",
                      AT(XDS_DOCUMENT_COLUMNS, XDS_SUPERSEDED("xds_document_entry"),
                         "xds_document_entry")},
    [XDS_SET] = {"xds_query_sets_at", AT(XDS_SET_COLUMNS, XDS_ONE_VERSION, "xds_submission_set")},
    [XDS_FOLDER] = {"xds_query_folders_at",
                    AT(XDS_FOLDER_COLUMNS, XDS_SUPERSEDED("xds_folder"), "xds_folder")},
    [XDS_ASSOCIATION] = {"xds_query_associations_at",
                         AT(XDS_ASSOCIATION_COLUMNS, XDS_ONE_VERSION, "xds_association")},
};

void xds_wanted_add(struct arena *a, struct xds_wanted *w, struct uuid uuid, enum xds_kind kind,
                    struct place place)
{
    w->v = arena_grow(a, w->v, w->n, sizeof(*w->v));
    w->v[w->n++] = (struct xds_target){uuid, kind, place};
}

/* --- what has come ---------------------------------------------------------------------------- */

void xds_gather_init(struct xds_gather *g, struct request *rq, struct xds_candidates *found)
{
    *found = (struct xds_candidates){0};
    *g = (struct xds_gather){.rq = rq,
                             .found = found,
                             .objects = pair_index_on(rq->arena, 0),
                             .place_numbers = pair_index_on(rq->arena, 0)};
}

bool xds_gather_has(const struct xds_gather *g, struct uuid uuid)
{
    return pair_index_find_uuid(&g->objects, uuid) != PAIR_NONE;
}

static void add_place(struct xds_gather *g, struct place place)
{
    size_t n = g->place_count;

    if (pair_index_put(&g->place_numbers, place.pkey, place.record_id, n) != n)
        return;
    g->places = arena_grow(g->rq->arena, g->places, n, sizeof(*g->places));
    g->places[g->place_count++] = place;
}

/* An association that was found at its target is its source's all the same. */
static void add_object(struct xds_gather *g, struct xds_object *o, bool witness)
{
    struct xds_association *link = xds_association(o);
    size_t at = pair_index_put_uuid(&g->objects, o->uuid, g->found->n);

    if (at < g->found->n) {
        g->found->v[at].witness &= witness;
        return;
    }
    if (link) {
        o->place = link->from.place;
        add_place(g, link->to.place);
    }
    add_place(g, o->place);
    xds_candidates_add(g->rq, g->found, o, NULL, witness);
}

struct xds_wanted xds_gather_missing(const struct xds_gather *g)
{
    struct xds_wanted missing = {NULL, 0};

    for (size_t i = 0; i < g->found->n; i++) {
        const struct xds_association *link = xds_association(g->found->v[i].object);

        if (link && !xds_gather_has(g, link->from.uuid))
            xds_wanted_add(g->rq->arena, &missing, link->from.uuid, link->from.kind,
                           link->from.place);
        if (link && !xds_gather_has(g, link->to.uuid))
            xds_wanted_add(g->rq->arena, &missing, link->to.uuid, link->to.kind, link->to.place);
    }
    return missing;
}

/* --- queueing --------------------------------------------------------------------------------- */

struct rows *xds_gather_rows(struct xds_gather *g, enum xds_kind kind, bool witness)
{
    struct xds_pending *p = &g->pending[g->pending_count++];

    must(g->pending_count <= XDS_STATEMENTS_MAX, "a round of too many statements");
    *p = (struct xds_pending){.kind = kind, .witness = witness};
    return &p->rows;
}

struct arrays {
    int64_t *pkeys, *records;
    struct uuid *uuids;
    size_t n;
};

static struct arrays arrays_of(struct xds_gather *g, const struct xds_wanted *wanted,
                               unsigned kinds)
{
    struct arrays x = {ARENA_ARRAY(g->rq->arena, wanted->n, int64_t),
                       ARENA_ARRAY(g->rq->arena, wanted->n, int64_t),
                       ARENA_ARRAY(g->rq->arena, wanted->n, struct uuid), 0};

    for (size_t i = 0; i < wanted->n; i++) {
        if (!(kinds & XDS_BIT(wanted->v[i].kind)))
            continue;
        x.pkeys[x.n] = wanted->v[i].place.pkey;
        x.records[x.n] = wanted->v[i].place.record_id;
        x.uuids[x.n++] = wanted->v[i].uuid;
        add_place(g, wanted->v[i].place);
    }
    return x;
}

void xds_gather_objects(struct xds_gather *g, const struct xds_wanted *wanted, bool witness)
{
    for (int kind = 0; kind < XDS_KINDS; kind++) {
        struct arrays x = arrays_of(g, wanted, XDS_BIT(kind));

        if (x.n > 0)
            db_queue(g->rq->db, &by_id[kind], xds_gather_rows(g, (enum xds_kind)kind, witness),
                     DB_INT8S(x.pkeys, x.n), DB_INT8S(x.records, x.n), DB_UUIDS(x.uuids, x.n));
    }
}

void xds_gather_versions(struct xds_gather *g, const struct xds_wanted *wanted)
{
    for (int kind = 0; kind < XDS_KINDS; kind++) {
        struct arrays x = arrays_of(g, wanted, XDS_BIT(kind));

        if (x.n > 0 && by_logical_id[kind].sql)
            db_queue(g->rq->db, &by_logical_id[kind],
                     xds_gather_rows(g, (enum xds_kind)kind, false), DB_INT8S(x.pkeys, x.n),
                     DB_UUIDS(x.uuids, x.n));
    }
}

struct rows *xds_gather_rows_capped(struct xds_gather *g, enum xds_kind kind, bool witness)
{
    struct rows *rows = xds_gather_rows(g, kind, witness);

    g->pending[g->pending_count - 1].capped = true;
    return rows;
}

void xds_gather_links(struct xds_gather *g, const struct xds_wanted *wanted, unsigned links)
{
    static const struct {
        unsigned bit;
        const struct statement *statement;
    } ways[] = {{XDS_LINKS_FROM, &LINKS_FROM}, {XDS_LINKS_TO, &LINKS_TO}};
    struct arrays x = arrays_of(g, wanted, ~0u);

    for (size_t i = 0; i < 2; i++)
        if (x.n > 0 && (links & ways[i].bit))
            db_queue(g->rq->db, ways[i].statement, xds_gather_rows_capped(g, XDS_ASSOCIATION, true),
                     DB_INT8S(x.pkeys, x.n), DB_UUIDS(x.uuids, x.n),
                     DB_INT8(g->rq->config->max_scanned + 1));
}

void xds_gather_at(struct xds_gather *g, const struct place *places, size_t count, unsigned kinds)
{
    struct pairs at = pairs_of_places(g->rq->arena, places, count);

    for (size_t i = 0; i < count; i++)
        add_place(g, places[i]);
    for (int kind = 0; kind < XDS_KINDS; kind++)
        if (kinds & XDS_BIT(kind))
            db_queue(g->rq->db, &at_places[kind],
                     xds_gather_rows_capped(g, (enum xds_kind)kind, kind == XDS_ASSOCIATION),
                     at.pkeys, at.numbers, DB_INT8(g->rq->config->max_scanned + 1));
}

/* --- a round ---------------------------------------------------------------------------------- */

static enum status take_in(struct xds_gather *g, const struct xds_pending *p)
{
    if (p->capped && p->rows.count > g->rq->config->max_scanned)
        return fail(g->rq->err, INVALID, "XDSTooManyResults",
                    "this query leads to more than %lld %ss; narrow it",
                    (long long)g->rq->config->max_scanned, xds_models[p->kind].label);
    for (int i = 0; i < p->rows.count; i++) {
        add_object(g, xds_rows_read_more(g->rq->arena, p->kind, &p->rows, i), p->witness);
        if (i % 1024 == 1023)
            TRY(request_alive(g->rq));
    }
    return OK;
}

enum status xds_gather_round(struct xds_gather *g)
{
    struct mpi_owners *owners = &g->owners[g->rounds];

    must(g->rounds < XDS_ROUNDS, "a gathering of too many rounds");
    mpi_owners_queue(g->rq, g->places + g->places_asked, g->place_count - g->places_asked, owners);
    g->places_asked = g->place_count;
    TRY(db_flush(g->rq->db));
    TRY(mpi_owners_read(g->rq, owners));
    g->rounds++;
    for (size_t i = 0; i < g->pending_count; i++)
        TRY(take_in(g, &g->pending[i]));
    g->pending_count = 0;
    return OK;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Whose each place is, in the order of g->places; NULL: nobody's. */
static const struct person **owners_of_places(const struct xds_gather *g)
{
    const struct person **owners = ARENA_ARRAY(g->rq->arena, g->place_count, const struct person *);
    size_t place = 0;

    for (size_t r = 0; r < g->rounds; r++)
        for (size_t i = 0; i < g->owners[r].count; i++, place++)
            owners[place] = xds_find_person(g->found, g->owners[r].refs[i]);
    return owners;
}

/* By kind, age and UUID: an order that nothing hidden has a part in. */
static int compare_age(const void *a, const void *b)
{
    const struct xds_object *x = ((const struct xds_candidate *)a)->object;
    const struct xds_object *y = ((const struct xds_candidate *)b)->object;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->registered_us != y->registered_us)
        return x->registered_us < y->registered_us ? -1 : 1;
    return memcmp(&x->uuid, &y->uuid, sizeof(x->uuid));
}

enum status xds_gather_finish(struct xds_gather *g)
{
    const struct person **owners;

    if (g->place_count > g->places_asked) /* of associations that the last round brought */
        TRY(xds_gather_round(g));
    TRY(xds_find_owners(g->rq, g->owners, g->rounds, g->found));
    owners = owners_of_places(g);
    for (size_t i = 0; i < g->found->n; i++) {
        struct place place = g->found->v[i].object->place;

        g->found->v[i].person =
            owners[pair_index_find(&g->place_numbers, place.pkey, place.record_id)];
    }
    if (g->found->n > 1)
        qsort(g->found->v, g->found->n, sizeof(*g->found->v), compare_age);
    return OK;
}
