#include "xds/gate.h"

#include <stdlib.h>
#include <string.h>

/* Made here and nowhere else. */
struct xds_visible {
    struct xds_candidate *v;
    size_t n, withheld;
};

void xds_candidates_add(struct request *rq, struct xds_candidates *c, struct xds_object *object,
                        const struct person *person, bool witness)
{
    c->v = xds_grow(rq->arena, c->v, c->n, sizeof(*c->v));
    c->v[c->n++] = (struct xds_candidate){object, person, witness};
}

static bool permitted(struct request *rq, const struct xds_candidates *found,
                      const struct xds_candidate *c)
{
    struct consent_object object = {c->person, c->object->source_member};

    return c->person != NULL &&
           consent_decide(&rq->principal, &object, rq->now_us, &found->policies).effect ==
               CONSENT_PERMIT;
}

static int compare_uuid(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

/* Which objects consent lets through, sorted by their UUIDs: what the ends of associations are
 * looked up in. */
struct permitted {
    bool *object; /* in the order of the candidates */
    struct uuid *uuids;
    size_t n;
};

static struct permitted decide(struct request *rq, const struct xds_candidates *found)
{
    struct permitted p = {ARENA_ARRAY(rq->arena, found->n, bool),
                          ARENA_ARRAY(rq->arena, found->n, struct uuid), 0};

    for (size_t i = 0; i < found->n; i++) {
        p.object[i] = permitted(rq, found, &found->v[i]);
        if (p.object[i])
            p.uuids[p.n++] = found->v[i].object->uuid;
    }
    if (p.n > 1)
        qsort(p.uuids, p.n, sizeof(*p.uuids), compare_uuid);
    return p;
}

static bool end_visible(const struct permitted *p, const struct xds_end *end)
{
    return p->n > 0 && bsearch(&end->uuid, p->uuids, p->n, sizeof(*p->uuids), compare_uuid);
}

/* An association may be the end of another (SS-HM), never of one that is such an end itself, so
 * that looking one level down is enough: its own ends are candidates as well, or it is hidden. */
static bool association_visible(const struct permitted *p, const struct xds_candidates *found,
                                const struct xds_association *link, int depth)
{
    const struct xds_end *ends[] = {&link->from, &link->to};

    for (int i = 0; i < 2; i++) {
        if (!end_visible(p, ends[i]))
            return false;
        if (ends[i]->kind != XDS_ASSOCIATION)
            continue;
        for (size_t j = 0; j < found->n; j++) {
            const struct xds_association *inner = xds_association(found->v[j].object);

            if (inner && uuid_eq(inner->o.uuid, ends[i]->uuid) &&
                (depth == 0 || !association_visible(p, found, inner, depth - 1)))
                return false;
        }
    }
    return true;
}

static bool visible(const struct permitted *p, const struct xds_candidates *found, size_t i)
{
    const struct xds_association *link = xds_association(found->v[i].object);

    return p->object[i] && (link == NULL || association_visible(p, found, link, 1));
}

enum status xds_gate(struct request *rq, const struct xds_candidates *found,
                     const struct xds_visible **seen)
{
    struct permitted p = decide(rq, found);
    struct xds_visible *out = ARENA_NEW(rq->arena, struct xds_visible);

    out->v = ARENA_ARRAY(rq->arena, found->n, struct xds_candidate);
    for (size_t i = 0; i < found->n; i++) {
        if (!visible(&p, found, i))
            out->withheld += !found->v[i].witness;
        else if (!found->v[i].witness)
            out->v[out->n++] = found->v[i];
    }
    if (out->withheld > 0)
        metric_add(METRIC_consent_denials_total, out->withheld);
    *seen = out;
    return request_alive(rq);
}

size_t xds_visible_count(const struct xds_visible *seen)
{
    return seen->n;
}

const struct xds_object *xds_visible_object(const struct xds_visible *seen, size_t i)
{
    return seen->v[i].object;
}

const struct person *xds_visible_person(const struct xds_visible *seen, size_t i)
{
    return seen->v[i].person;
}

size_t xds_visible_withheld(const struct xds_visible *seen)
{
    return seen->withheld;
}
