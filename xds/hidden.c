#include "xds/hidden.h"

#include "xds/query_gather.h"

static struct xds_wanted documents_named(struct request *rq, const struct xds_links *links)
{
    struct xds_wanted wanted = {NULL, 0};

    for (size_t i = 0; i < links->n; i++) {
        const struct xds_ref *ref = &links->refs[i];

        if (ref->found && ref->kind == XDS_DOCUMENT)
            xds_wanted_add(rq->arena, &wanted, ref->uuid, ref->kind, ref->place);
    }
    return wanted;
}

static bool all_are_the_senders(const struct request *rq, const struct xds_candidates *found,
                                const struct xds_source *source)
{
    for (size_t i = 0; i < found->n; i++)
        if (!xds_source_may_change(rq, source, found->v[i].object->source_member))
            return false;
    return true;
}

enum status xds_hidden_forget(struct request *rq, struct xds_links *links,
                              const struct xds_source *source)
{
    struct xds_wanted wanted = documents_named(rq, links);
    struct xds_candidates found;
    struct xds_gather g;

    if (wanted.n == 0)
        return OK;
    xds_gather_init(&g, rq, &found);
    xds_gather_objects(&g, &wanted, false);
    TRY(xds_gather_round(&g));
    if (all_are_the_senders(rq, &found, source))
        return OK;
    TRY(xds_gather_finish(&g));
    for (size_t i = 0; i < found.n; i++) {
        const struct xds_candidate *c = &found.v[i];
        struct xds_ref *ref = xds_links_ref(links, c->object->uuid);

        if (ref != NULL && !xds_source_may_change(rq, source, c->object->source_member))
            ref->found = xds_gate_permits(rq, &found, c);
    }
    return OK;
}
