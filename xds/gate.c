#include "xds/gate.h"

#include <stdlib.h>
#include <string.h>

#include "consent/decided.h"
#include "consent/emergency.h"
#include "xds/label.h"
#include "xds/says.h"

/* Made here and nowhere else. */
struct xds_visible {
    struct xds_candidate *all;
    size_t all_count;
    size_t *shown; /* numbers in `all`, ascending */
    size_t n, withheld;
};

void xds_candidates_add(struct request *rq, struct xds_candidates *c, struct xds_object *object,
                        const struct person *person, bool witness)
{
    c->v = arena_grow(rq->arena, c->v, c->n, sizeof(*c->v));
    c->v[c->n++] = (struct xds_candidate){object, person, witness, 0};
}

static bool permits(struct request *rq, const struct xds_candidates *found,
                    const struct xds_candidate *c, struct consent_decision *d)
{
    struct xds_said said = {0};
    struct xds_saying saying = {c->object, rq->members, &said};
    struct consent_object object = {
        .person = c->person,
        .source_member = c->object->source_member,
        .kind = xds_consent_kind(c->object->kind),
        .reader = &xds_reader,
        .about = &saying,
    };

    *d = (struct consent_decision){0};
    if (c->person == NULL || xds_label_refresh(rq, c->object) != OK)
        return false;
    *d = consent_decide(&rq->principal, &object, rq->now_us, &found->policies);
    return d->effect == CONSENT_PERMIT;
}

bool xds_gate_permits(struct request *rq, const struct xds_candidates *found,
                      const struct xds_candidate *c)
{
    struct consent_decision d;

    return permits(rq, found, c, &d);
}

/* What consent lets through, sorted by UUID: what the ends of associations are looked up in. */
struct permitted {
    const struct xds_candidate **v;
    size_t n;
};

static int compare_candidates(const void *a, const void *b)
{
    const struct xds_candidate *const *x = a, *const *y = b;

    return memcmp(&(*x)->object->uuid, &(*y)->object->uuid, sizeof(struct uuid));
}

static struct permitted decide(struct request *rq, const struct xds_candidates *found, bool *passes,
                               struct consent_decision *decisions)
{
    struct permitted p = {ARENA_ARRAY(rq->arena, found->n, const struct xds_candidate *), 0};

    for (size_t i = 0; i < found->n; i++) {
        passes[i] = permits(rq, found, &found->v[i], &decisions[i]);
        if (passes[i])
            p.v[p.n++] = &found->v[i];
    }
    if (p.n > 1)
        qsort(p.v, p.n, sizeof(*p.v), compare_candidates);
    return p;
}

static const struct xds_candidate *find_end(const struct permitted *p, const struct xds_end *end)
{
    struct xds_object wanted = {.uuid = end->uuid};
    const struct xds_candidate key = {.object = &wanted}, *at = &key;
    const struct xds_candidate **found =
        p->n == 0 ? NULL : bsearch(&at, p->v, p->n, sizeof(*p->v), compare_candidates);

    return found ? *found : NULL;
}

/* Torn, when an unlink has parted its ends, until a relink heals it (ARCHITECTURE.md, "Data"). A
 * set may refer to another patient's document: mother and child. */
static bool torn(const struct xds_association *link, const struct person *from,
                 const struct person *to)
{
    if (link->from.kind == XDS_SET && str_eq(link->set_status, STR("Reference")))
        return false;
    return !person_ref_eq(from->ref, to->ref);
}

/* An association may be the end of another (SS-HM), never of one that is such an end itself, so
 * that looking one level down is enough: its own ends are candidates as well, or it is hidden. */
static bool association_visible(const struct permitted *p, const struct xds_association *link,
                                int depth)
{
    const struct xds_candidate *from = find_end(p, &link->from), *to = find_end(p, &link->to);

    if (from == NULL || to == NULL || torn(link, from->person, to->person))
        return false;
    for (int i = 0; i < 2; i++) {
        const struct xds_association *inner = xds_association(i == 0 ? from->object : to->object);

        if (inner && (depth == 0 || !association_visible(p, inner, depth - 1)))
            return false;
    }
    return true;
}

static void add_visible(struct xds_visible *out, const struct xds_candidate *c,
                        unsigned obligations)
{
    if (!c->witness)
        out->shown[out->n++] = out->all_count;
    out->all[out->all_count] = *c;
    out->all[out->all_count++].obligations = obligations;
}

enum status xds_gate(struct request *rq, const struct xds_candidates *found,
                     const struct xds_visible **seen)
{
    bool *passes = ARENA_ARRAY(rq->arena, found->n, bool);
    struct consent_decision *decisions = ARENA_ARRAY(rq->arena, found->n, struct consent_decision);
    struct permitted p = decide(rq, found, passes, decisions);
    struct xds_visible *out = ARENA_NEW(rq->arena, struct xds_visible);

    out->all = ARENA_ARRAY(rq->arena, found->n, struct xds_candidate);
    out->shown = ARENA_ARRAY(rq->arena, found->n, size_t);
    for (size_t i = 0; i < found->n; i++) {
        const struct xds_association *link = xds_association(found->v[i].object);

        if (!found->v[i].witness && decisions[i].rule != NULL)
            consent_decided(rq, found->v[i].person, &decisions[i]);
        if (passes[i] && (link == NULL || association_visible(&p, link, 1))) {
            add_visible(out, &found->v[i], decisions[i].obligations);
            consent_break_glass(rq, found->v[i].person, &decisions[i], &found->policies);
        } else {
            out->withheld += !found->v[i].witness;
        }
    }
    if (out->withheld > 0)
        metric_add(METRIC_consent_denials_total, out->withheld);
    *seen = out;
    return request_alive(rq);
}

const struct xds_candidate *xds_visible_all(const struct xds_visible *seen, size_t *n)
{
    *n = seen->all_count;
    return seen->all;
}

const struct xds_visible *xds_visible_choose(struct request *rq, const struct xds_visible *seen,
                                             const bool *chosen)
{
    struct xds_visible *out = ARENA_NEW(rq->arena, struct xds_visible);

    *out = *seen;
    out->shown = ARENA_ARRAY(rq->arena, seen->all_count, size_t);
    out->n = 0;
    for (size_t i = 0; i < seen->all_count; i++)
        if (chosen[i])
            out->shown[out->n++] = i;
    return out;
}

size_t xds_visible_count(const struct xds_visible *seen)
{
    return seen->n;
}

const struct xds_object *xds_visible_object(const struct xds_visible *seen, size_t i)
{
    return seen->all[seen->shown[i]].object;
}

const struct person *xds_visible_person(const struct xds_visible *seen, size_t i)
{
    return seen->all[seen->shown[i]].person;
}

unsigned xds_visible_obligations(const struct xds_visible *seen)
{
    unsigned all = 0;

    for (size_t i = 0; i < seen->n; i++)
        all |= seen->all[seen->shown[i]].obligations;
    return all;
}

size_t xds_visible_withheld(const struct xds_visible *seen)
{
    return seen->withheld;
}
