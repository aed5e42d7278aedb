/* A folder's lastUpdateTime is when a document came into it. When that one is hidden, the time
 * would tell of it: then the last that may be seen is shown. */
#include "hub/base/pair_index.h"
#include "xds/query.h"

/* A visible folder, and its memberships: those found, and those that may be seen. */
struct contents {
    struct xds_folder *folder;
    size_t found, seen;
    int64_t last_us; /* of those seen; with none, of the folder itself */
};

struct folders {
    struct contents *v;
    size_t n;
    struct pair_index by_uuid;
};

static struct folders folders_of(struct request *rq, const struct xds_candidate *all, size_t n)
{
    struct folders folders = {.by_uuid = pair_index_on(rq->arena, 0)};

    for (size_t i = 0; i < n; i++) {
        struct xds_folder *folder = xds_folder(all[i].object);

        if (folder == NULL)
            continue;
        folders.v = arena_grow(rq->arena, folders.v, folders.n, sizeof(*folders.v));
        folders.v[folders.n] = (struct contents){folder, 0, 0, folder->o.registered_us};
        (void)pair_index_put_uuid(&folders.by_uuid, folder->o.uuid, folders.n++);
    }
    return folders;
}

/* The visible folder that the association leads from, or NULL. */
static struct contents *folder_of(const struct folders *folders, const struct xds_candidate *c)
{
    const struct xds_association *link = xds_association(c->object);
    size_t i = link ? pair_index_find_uuid(&folders->by_uuid, link->from.uuid) : PAIR_NONE;

    return i == PAIR_NONE ? NULL : &folders->v[i];
}

static void count_found(struct folders *folders, const struct xds_candidates *found)
{
    for (size_t i = 0; i < found->n; i++) {
        struct contents *c = folder_of(folders, &found->v[i]);

        if (c)
            c->found++;
    }
}

static void count_seen(struct folders *folders, const struct xds_candidate *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct contents *c = folder_of(folders, &all[i]);

        if (c == NULL)
            continue;
        c->seen++;
        if (all[i].object->registered_us > c->last_us)
            c->last_us = all[i].object->registered_us;
    }
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
    struct folders folders = folders_of(rq, all, n);

    if (folders.n == 0)
        return;
    count_found(&folders, found);
    count_seen(&folders, all, n);
    for (size_t i = 0; i < folders.n; i++)
        if (folders.v[i].found > folders.v[i].seen)
            show_time(rq, folders.v[i].folder, folders.v[i].last_us);
}
