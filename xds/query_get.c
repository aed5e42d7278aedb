/* Candidates of the query kinds that name objects: ids -> places -> the objects and their
 * associations -> the ends of those, twice, for a set may hold a folder's membership. Six flushes
 * at most, three for GetDocuments; one more where persons were merged. */
#include "xds/query_gather.h"

/* The ids that are written as the parameter wants them: what is a UUID is not taken for a uniqueId,
 * nor the other way round. */
static size_t wanted_ids(struct request *rq, const struct xds_argument *arg, struct str **out)
{
    bool uuids = arg->parameter->type != XDS_VALUE_UNIQUES;
    struct xds_texts given = arg->groups[0];
    struct str *ids = ARENA_ARRAY(rq->arena, given.n, struct str);
    struct uuid u;
    size_t n = 0;

    for (size_t i = 0; i < given.n; i++)
        if (uuid_parse_urn(given.v[i], &u) == uuids)
            ids[n++] = given.v[i];
    *out = ids;
    return n;
}

static const struct xds_argument *ids_of(const struct xds_query *q)
{
    static const enum xds_value_type types[] = {XDS_VALUE_UUIDS, XDS_VALUE_UNIQUES,
                                                XDS_VALUE_LOGICALS};
    const struct xds_argument *arg = NULL;

    for (size_t i = 0; arg == NULL && i < sizeof(types) / sizeof(types[0]); i++)
        arg = xds_query_argument_of(q, types[i]);
    must(arg != NULL, "a query by id without one");
    return arg;
}

/* What is asked for where there is nothing. */
static void want_nothing(struct request *rq, const struct xds_query *q, struct xds_wanted *wanted)
{
    int kind = 0;

    while (!(q->type->kinds & XDS_BIT(kind)))
        kind++;
    xds_wanted_add(rq->arena, wanted, uuid_v4(), (enum xds_kind)kind, xds_find_nowhere());
}

/* Ids of another kind of object give nothing. */
static enum status look_up(struct request *rq, const struct xds_query *q,
                           const struct xds_argument *arg, struct xds_wanted *wanted)
{
    struct xds_uid_lookup lookup;
    struct str *ids;
    size_t n = wanted_ids(rq, arg, &ids);

    *wanted = (struct xds_wanted){NULL, 0};
    xds_uid_lookup_queue(rq, ids, n, &lookup);
    TRY(db_flush(rq->db));
    xds_uid_lookup_read(rq, &lookup);
    for (size_t i = 0; i < lookup.n; i++)
        if (q->type->kinds & XDS_BIT(lookup.hits[i].kind))
            xds_wanted_add(rq->arena, wanted, lookup.hits[i].uuid, lookup.hits[i].kind,
                           lookup.hits[i].place);
    if (wanted->n == 0)
        want_nothing(rq, q, wanted);
    return OK;
}

/* The folders that were found, and those that are wanted. */
static struct xds_wanted folders_of(const struct xds_gather *g, const struct xds_wanted *wanted)
{
    struct xds_wanted folders = {NULL, 0};

    for (size_t i = 0; i < g->found->n; i++) {
        const struct xds_object *o = g->found->v[i].object;

        if (o->kind == XDS_FOLDER)
            xds_wanted_add(g->rq->arena, &folders, o->uuid, XDS_FOLDER, o->place);
    }
    for (size_t i = 0; i < wanted->n; i++)
        if (wanted->v[i].kind == XDS_FOLDER)
            xds_wanted_add(g->rq->arena, &folders, wanted->v[i].uuid, XDS_FOLDER,
                           wanted->v[i].place);
    return folders;
}

/* Where the associations lead, as witnesses; and on from folders, where the query wants that. */
static enum status follow(struct xds_gather *g, const struct xds_query *q, bool first)
{
    struct xds_wanted missing = xds_gather_missing(g), folders = {NULL, 0};

    if (first && (q->type->links & XDS_LINKS_CONTENTS))
        folders = folders_of(g, &missing);
    if (missing.n + folders.n == 0)
        return OK;
    xds_gather_objects(g, &missing, true);
    xds_gather_links(g, &folders, XDS_LINKS_FROM);
    return xds_gather_round(g);
}

enum status xds_query_follow(struct xds_gather *g, const struct xds_query *q)
{
    TRY(follow(g, q, true));
    TRY(follow(g, q, false));
    return xds_gather_finish(g);
}

enum status xds_query_find_by_id(struct request *rq, const struct xds_query *q,
                                 struct xds_candidates *found)
{
    const struct xds_argument *arg = ids_of(q);
    struct xds_wanted wanted;
    struct xds_gather g;

    xds_gather_init(&g, rq, found);
    TRY(look_up(rq, q, arg, &wanted));
    if (arg->parameter->type == XDS_VALUE_LOGICALS)
        xds_gather_versions(&g, &wanted);
    xds_gather_objects(&g, &wanted, false);
    if (q->type->links & (XDS_LINKS_FROM | XDS_LINKS_TO))
        xds_gather_links(&g, &wanted, q->type->links);
    TRY(xds_gather_round(&g));
    return xds_query_follow(&g, q);
}
