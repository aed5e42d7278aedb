/* A folder's lastUpdateTime is when a document came into it. When that one is hidden, the time
 * would tell of it: then the last that may be seen is shown. */
#include "xds/query.h"

struct members {
    size_t count;
    int64_t last_us;
};

/* The memberships of a folder among these. */
static struct members members_of(const struct xds_object *folder, const struct xds_candidate *v,
                                 size_t n)
{
    struct members m = {0, folder->registered_us};

    for (size_t i = 0; i < n; i++) {
        const struct xds_association *link = xds_association(v[i].object);

        if (link == NULL || !uuid_eq(link->from.uuid, folder->uuid))
            continue;
        m.count++;
        if (link->o.registered_us > m.last_us)
            m.last_us = link->o.registered_us;
    }
    return m;
}

static void show_time(struct request *rq, struct xds_folder *folder, int64_t last_us)
{
    struct str last = clock_dtm(rq->arena, last_us);

    if (str_compare(last, folder->last_update_time) < 0)
        folder->last_update_time = last;
}

void xds_query_show_times(struct request *rq, const struct xds_candidates *found,
                          const struct xds_visible *seen)
{
    size_t n;
    const struct xds_candidate *all = xds_visible_all(seen, &n);

    for (size_t i = 0; i < n; i++) {
        struct xds_folder *folder = xds_folder(all[i].object);
        struct members visible;

        if (folder == NULL)
            continue;
        visible = members_of(&folder->o, all, n);
        if (members_of(&folder->o, found->v, found->n).count > visible.count)
            show_time(rq, folder, visible.last_us);
    }
}
