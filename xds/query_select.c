/* What each query kind shows of the objects that were found (3.18.4.1.2.3.7): pure, over a graph of
 * objects and associations that the gate has already freed of what is hidden. */
#include <stdlib.h>
#include <string.h>

#include "xds/query.h"

struct xds_selection {
    const struct xds_query *q;
    const struct xds_candidate *v;
    size_t n;
    bool *fits;     /* by xds_query_match */
    bool *shown;    /* the answer */
    size_t *sorted; /* numbers of v, by UUID */
};

enum { NOWHERE = -1 };

struct key {
    const struct xds_candidate *v;
    struct uuid uuid;
};

static int compare_key(const void *a, const void *b)
{
    const struct key *key = a;

    return memcmp(&key->uuid, &key->v[*(const size_t *)b].object->uuid, sizeof(struct uuid));
}

static ptrdiff_t at(const struct xds_selection *s, struct uuid uuid)
{
    struct key key = {s->v, uuid};
    const size_t *found =
        s->n == 0 ? NULL : bsearch(&key, s->sorted, s->n, sizeof(*s->sorted), compare_key);

    return found ? (ptrdiff_t)*found : NOWHERE;
}

static bool is_found(const struct xds_selection *s, ptrdiff_t i)
{
    return i != NOWHERE && !s->v[i].witness;
}

static bool is_shown(const struct xds_selection *s, ptrdiff_t i)
{
    return i != NOWHERE && s->shown[i];
}

static bool is_kind(const struct xds_selection *s, ptrdiff_t i, enum xds_kind kind)
{
    return i != NOWHERE && s->v[i].object->kind == kind;
}

static void show_if_fits(struct xds_selection *s, ptrdiff_t i)
{
    if (i != NOWHERE && s->fits[i])
        s->shown[i] = true;
}

/* The associations that the query's own parameters let pass, each with its two ends. */
struct joint {
    ptrdiff_t link, from, to;
    enum xds_link type;
};

static bool next_joint(const struct xds_selection *s, struct joint *j)
{
    while (++j->link < (ptrdiff_t)s->n) {
        const struct xds_association *link = xds_association(s->v[j->link].object);

        if (link == NULL || !s->fits[j->link])
            continue;
        j->from = at(s, link->from.uuid);
        j->to = at(s, link->to.uuid);
        j->type = xds_link(link->association_type);
        return true;
    }
    return false;
}

#define EACH_JOINT(s, j) for (struct joint j = {.link = NOWHERE}; next_joint((s), &(j));)

void xds_select_found(struct xds_selection *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->shown[i] = !s->v[i].witness && s->fits[i];
}

void xds_select_links(struct xds_selection *s)
{
    EACH_JOINT(s, j)
    s->shown[j.link] = is_found(s, j.from) || is_found(s, j.to);
}

/* Associations lead out of the answer where the object at the other end does not fit. */
void xds_select_linked(struct xds_selection *s)
{
    bool *objects;

    xds_select_found(s);
    objects = s->shown;
    EACH_JOINT(s, j)
    if ((j.from != NOWHERE && objects[j.from] && !is_kind(s, j.from, XDS_ASSOCIATION)) ||
        (j.to != NOWHERE && objects[j.to] && !is_kind(s, j.to, XDS_ASSOCIATION)))
        s->shown[j.link] = true;
}

void xds_select_sets(struct xds_selection *s)
{
    EACH_JOINT(s, j)
    if (j.type == XDS_HAS_MEMBER && is_kind(s, j.from, XDS_SET) && is_found(s, j.to)) {
        show_if_fits(s, j.from);
        s->shown[j.link] = true;
    }
}

/* The members of what was found, then the memberships with both ends shown, and last the set's
 * membership of those. */
void xds_select_contents(struct xds_selection *s)
{
    bool *member = s->shown + s->n; /* of what was found; the second half of the flags */

    xds_select_found(s);
    EACH_JOINT(s, j)
    if (j.type == XDS_HAS_MEMBER && is_found(s, j.from) && is_shown(s, j.from) && j.to != NOWHERE) {
        member[j.to] = true;
        if (!is_kind(s, j.to, XDS_ASSOCIATION))
            show_if_fits(s, j.to);
    }
    for (int round = 0; round < 2; round++)
        EACH_JOINT(s, j)
    if ((j.type == XDS_HAS_MEMBER || member[j.link]) && is_shown(s, j.from) && is_shown(s, j.to))
        s->shown[j.link] = true;
}

void xds_select_folders(struct xds_selection *s)
{
    EACH_JOINT(s, j)
    if (j.type == XDS_HAS_MEMBER && is_kind(s, j.from, XDS_FOLDER) && is_found(s, j.to))
        show_if_fits(s, j.from);
}

/* Both documents fit, or neither they nor what joins them is shown. */
void xds_select_related(struct xds_selection *s)
{
    EACH_JOINT(s, j)
    if (is_kind(s, j.from, XDS_DOCUMENT) && is_kind(s, j.to, XDS_DOCUMENT) &&
        (is_found(s, j.from) || is_found(s, j.to)) && s->fits[j.from] && s->fits[j.to])
        s->shown[j.link] = s->shown[j.from] = s->shown[j.to] = true;
}

struct number {
    struct uuid uuid;
    size_t number;
};

static int compare_numbers(const void *a, const void *b)
{
    return memcmp(&((const struct number *)a)->uuid, &((const struct number *)b)->uuid,
                  sizeof(struct uuid));
}

static size_t *sort(struct arena *a, const struct xds_candidate *v, size_t n)
{
    struct number *numbers = ARENA_ARRAY(a, n, struct number);
    size_t *sorted = ARENA_ARRAY(a, n, size_t);

    for (size_t i = 0; i < n; i++)
        numbers[i] = (struct number){v[i].object->uuid, i};
    if (n > 1)
        qsort(numbers, n, sizeof(*numbers), compare_numbers);
    for (size_t i = 0; i < n; i++)
        sorted[i] = numbers[i].number;
    return sorted;
}

bool *xds_query_select(struct arena *a, const struct xds_query *q, const struct xds_candidate *v,
                       size_t n)
{
    struct xds_selection s = {
        .q = q,
        .v = v,
        .n = n,
        .fits = ARENA_ARRAY(a, n, bool),
        .shown = ARENA_ARRAY(a, 2 * n, bool),
        .sorted = q->type->links ? sort(a, v, n) : NULL,
    };

    for (size_t i = 0; i < n; i++)
        s.fits[i] = xds_query_match(q, v[i].object);
    q->type->select(&s);
    return s.shown;
}
