#include "mpi/batch/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"

/* What lies between a group and another: `count` pairs are known of all that there are. */
struct bond {
    uint32_t to;
    uint32_t count;
    double sum, best;
    bool barred; /* a pair conflicts */
    bool sure;   /* a pair links without a doubt */
};

struct group {
    struct bond *bonds;
    size_t bond_count, bond_cap;
    uint32_t *members;
    size_t size;
    uint32_t version; /* goes up with each join: older entries of the heap are void */
    double height;    /* of its last join */
    bool gone;
};

struct offer {
    double height;
    uint32_t a, b, a_version, b_version;
};

/* One component: records that pairs connect. */
struct joining {
    const struct cluster_options *options;
    struct group *groups;
    size_t group_count;
    struct offer *heap;
    size_t heap_count, heap_cap;
    cluster_join *join;
    void *context;
};

static void *grown(void *p, size_t *cap, size_t needed, size_t size)
{
    if (needed <= *cap)
        return p;
    *cap = needed + needed / 2 + 4;
    p = realloc(p, *cap * size);
    must(p != NULL, "memory for groups");
    return p;
}

/* --- the heap: highest first, ties by the groups' numbers */

static bool before(const struct offer *x, const struct offer *y)
{
    if (x->height != y->height)
        return x->height > y->height;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

static void heap_push(struct joining *j, struct offer offer)
{
    size_t i = j->heap_count++;

    j->heap = grown(j->heap, &j->heap_cap, j->heap_count, sizeof(*j->heap));
    for (; i > 0 && before(&offer, &j->heap[(i - 1) / 2]); i = (i - 1) / 2)
        j->heap[i] = j->heap[(i - 1) / 2];
    j->heap[i] = offer;
}

static struct offer heap_pop(struct joining *j)
{
    struct offer top = j->heap[0], last = j->heap[--j->heap_count];
    size_t i = 0;

    for (size_t child; (child = 2 * i + 1) < j->heap_count; i = child) {
        if (child + 1 < j->heap_count && before(&j->heap[child + 1], &j->heap[child]))
            child++;
        if (!before(&j->heap[child], &last))
            break;
        j->heap[i] = j->heap[child];
    }
    j->heap[i] = last;
    return top;
}

/* --- bonds */

static struct bond *bond_find(struct group *g, uint32_t to)
{
    for (size_t i = 0; i < g->bond_count; i++)
        if (g->bonds[i].to == to)
            return &g->bonds[i];
    return NULL;
}

static void bond_add(struct group *g, struct bond bond)
{
    struct bond *known = bond_find(g, bond.to);

    if (known == NULL) {
        g->bonds = grown(g->bonds, &g->bond_cap, g->bond_count + 1, sizeof(*g->bonds));
        g->bonds[g->bond_count++] = bond;
        return;
    }
    known->count += bond.count;
    known->sum += bond.sum;
    known->best = bond.best > known->best ? bond.best : known->best;
    known->barred |= bond.barred;
    known->sure |= bond.sure;
}

static void bond_drop(struct group *g, uint32_t to)
{
    struct bond *b = bond_find(g, to);

    if (b != NULL)
        *b = g->bonds[--g->bond_count];
}

static double height_of(const struct joining *j, uint32_t a, const struct bond *b)
{
    double all = (double)j->groups[a].size * (double)j->groups[b->to].size;
    double mean = (b->sum + (all - b->count) * CLUSTER_STRANGERS) / all;

    return (b->best + mean) / 2;
}

static void offer(struct joining *j, uint32_t a, const struct bond *bond)
{
    uint32_t b = bond->to, first = a < b ? a : b, second = a < b ? b : a;
    double height = height_of(j, a, bond);

    if (height >= j->options->least && (!j->options->guarded || (bond->sure && !bond->barred)))
        heap_push(j, (struct offer){height, first, second, j->groups[first].version,
                                    j->groups[second].version});
}

/* --- joining */

static void merge(struct joining *j, uint32_t a, uint32_t b, double height)
{
    struct group *x = &j->groups[a], *y = &j->groups[b];

    if (height > x->height)
        height = x->height;
    if (height > y->height)
        height = y->height;
    j->join(j->context, x->members, x->size, y->members, y->size, height);
    bond_drop(x, b);
    for (size_t i = 0; i < y->bond_count; i++) {
        struct bond bond = y->bonds[i], back = bond;

        if (bond.to == a)
            continue;
        bond_add(x, bond);
        bond_drop(&j->groups[bond.to], b);
        back.to = a;
        bond_add(&j->groups[bond.to], back);
    }
    x->members = realloc(x->members, (x->size + y->size) * sizeof(*x->members));
    must(x->members != NULL, "memory for groups");
    memcpy(x->members + x->size, y->members, y->size * sizeof(*y->members));
    x->size += y->size;
    x->height = height;
    x->version++;
    y->version++;
    y->gone = true;
    for (size_t i = 0; i < x->bond_count; i++)
        offer(j, a, &x->bonds[i]);
}

/* Is there another group that `a` resembles nearly as much as `b`, and that is not b's? Then nobody
 * can say whose record it is. */
static bool ambiguous(const struct joining *j, uint32_t a, uint32_t b, double height)
{
    struct group *x = &j->groups[a];

    for (size_t i = 0; j->options->guarded && i < x->bond_count; i++) {
        const struct bond *rival = &x->bonds[i], *between;

        if (rival->to == b || height_of(j, a, rival) < height - j->options->margin)
            continue;
        between = bond_find(&j->groups[b], rival->to);
        if (between == NULL || between->barred || height_of(j, b, between) < 0)
            return true;
    }
    return false;
}

static void join_all(struct joining *j)
{
    while (j->heap_count > 0) {
        struct offer o = heap_pop(j);

        if (!j->groups[o.a].gone && !j->groups[o.b].gone && j->groups[o.a].version == o.a_version &&
            j->groups[o.b].version == o.b_version && !ambiguous(j, o.a, o.b, o.height) &&
            !ambiguous(j, o.b, o.a, o.height))
            merge(j, o.a, o.b, o.height);
    }
}

/* --- components */

struct component {
    const struct link_pair *pairs;
    size_t count;
};

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static int record_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* The records of the component's pairs, each once, ascending. */
static size_t records_of(const struct component *c, uint32_t **out)
{
    uint32_t *list = malloc(2 * c->count * sizeof(*list));
    size_t kept = 0;

    must(list != NULL, "memory for groups");
    for (size_t i = 0; i < c->count; i++) {
        list[2 * i] = c->pairs[i].a;
        list[2 * i + 1] = c->pairs[i].b;
    }
    qsort(list, 2 * c->count, sizeof(*list), record_compare);
    for (size_t i = 0; i < 2 * c->count; i++)
        if (kept == 0 || list[i] != list[kept - 1])
            list[kept++] = list[i];
    *out = list;
    return kept;
}

static uint32_t local(const uint32_t *records, size_t count, uint32_t record)
{
    const uint32_t *at = bsearch(&record, records, count, sizeof(record), record_compare);

    return (uint32_t)(at - records);
}

static void join_component(struct joining *j, const struct component *c)
{
    uint32_t *records;

    j->group_count = records_of(c, &records);
    j->groups = calloc(j->group_count, sizeof(*j->groups));
    must(j->groups != NULL, "memory for groups");
    for (size_t i = 0; i < j->group_count; i++) {
        j->groups[i].members = malloc(sizeof(uint32_t));
        must(j->groups[i].members != NULL, "memory for groups");
        j->groups[i].members[0] = records[i];
        j->groups[i].size = 1;
        j->groups[i].height = 1e9;
    }
    for (size_t i = 0; i < c->count; i++) {
        uint32_t a = local(records, j->group_count, c->pairs[i].a);
        uint32_t b = local(records, j->group_count, c->pairs[i].b);
        double weight = (double)c->pairs[i].weight;
        struct bond bond = {.to = b,
                            .count = 1,
                            .sum = weight,
                            .best = weight,
                            .barred = mpi_guards_conflicts(c->pairs[i].guards) != 0,
                            .sure = c->pairs[i].guards == 0 && weight >= j->options->least};

        bond_add(&j->groups[a], bond);
        offer(j, a, &bond);
        bond.to = a;
        bond_add(&j->groups[b], bond);
    }
    join_all(j);
    for (size_t i = 0; i < j->group_count; i++) {
        free(j->groups[i].members);
        free(j->groups[i].bonds);
    }
    free(j->groups);
    free(records);
}

/* Which component each pair belongs to: its records are connected by pairs that could join. A pair
 * too weak to join two components is of neither. */
static uint32_t *connect(const struct link_pair *pairs, size_t count, size_t records, double least)
{
    uint32_t *parent = malloc((records + 1) * sizeof(*parent));

    must(parent != NULL, "memory for groups");
    for (size_t i = 0; i < records; i++)
        parent[i] = (uint32_t)i;
    for (size_t i = 0; i < count; i++) {
        uint32_t a = root_of(parent, pairs[i].a), b = root_of(parent, pairs[i].b);

        if ((double)pairs[i].weight >= least && a != b)
            parent[a > b ? a : b] = a > b ? b : a;
    }
    return parent;
}

/* The pairs, those of one component together; first[i + 1] .. first[i + 2] are those of root i. */
static void sort_by_component(const struct link_pair *pairs, size_t count, size_t records,
                              uint32_t *parent, struct link_pair *out, uint64_t *first)
{
    memset(first, 0, (records + 2) * sizeof(*first));
    for (size_t i = 0; i < count; i++) {
        uint32_t root = root_of(parent, pairs[i].a);

        if (root == root_of(parent, pairs[i].b))
            first[root + 2]++;
    }
    for (size_t i = 2; i < records + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < count; i++) {
        uint32_t root = root_of(parent, pairs[i].a);

        if (root == root_of(parent, pairs[i].b))
            out[first[root + 1]++] = pairs[i];
    }
}

void cluster_pairs(const struct link_pair *pairs, size_t count, size_t records,
                   const struct cluster_options *o, cluster_join *join, void *context)
{
    struct joining j = {.options = o, .join = join, .context = context};
    struct link_pair *sorted = malloc((count + 1) * sizeof(*sorted));
    uint64_t *first = malloc((records + 2) * sizeof(*first));
    uint32_t *parent = connect(pairs, count, records, o->least);

    must(sorted != NULL && first != NULL, "memory for groups");
    sort_by_component(pairs, count, records, parent, sorted, first);
    for (size_t i = 0; i < records; i++)
        if (first[i + 1] > first[i]) {
            struct component c = {sorted + first[i], first[i + 1] - first[i]};

            join_component(&j, &c);
        }
    free(j.heap);
    free(sorted);
    free(first);
    free(parent);
}
