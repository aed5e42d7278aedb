#include "mpi/batch/link.h"

#include <stdlib.h>
#include <string.h>

#include "hub/command/progress.h"
#include "mpi/batch/metrics.h"
#include "mpi/batch/postings.h"
#include "mpi/core/weigh.h"

enum {
    RANGE = 512,      /* records that a thread takes at once */
    CLOSED_MAX = 200, /* records of a component whose pairs are all compared */
};

struct comparing {
    struct linking *l;
    const struct postings *postings;
    const struct components *components; /* when closing */
    _Atomic size_t next;
    _Atomic uint64_t compared, truth_met;
    struct progress progress;
    struct range *ranges; /* what came of each range of records, in order */
};

struct range {
    struct link_pair *pairs;
    size_t count;
};

struct comparer {
    struct comparing *job;
    struct mpi_memo *memo;
    struct candidates candidates;
    struct link_pair *pairs;
    size_t count, cap;
    uint64_t compared, truth_met;
};

static void keep_pair(struct comparer *c, struct link_pair pair)
{
    if (c->count == c->cap) {
        c->cap = c->cap * 2 + 1024;
        c->pairs = realloc(c->pairs, c->cap * sizeof(*c->pairs));
        must(c->pairs != NULL, "memory for pairs");
    }
    c->pairs[c->count++] = pair;
}

/* Bits that the record shows against itself: the most that another could agree. */
static double achievable(const struct linking *l, const struct mpi_view *x)
{
    struct mpi_vector self;
    struct mpi_evidence e;

    mpi_compare(&l->d->dict, NULL, x, x, &self);
    mpi_weigh_parts(l->model, &self, &e);
    return e.weight - e.prior;
}

static mpi_reasons guards_of(const struct linking *l, const struct mpi_view *x,
                             const struct mpi_view *y, const struct mpi_vector *v, double weight)
{
    mpi_reasons guards = mpi_guards_only(mpi_guards(l->model, &l->d->dict, x, y, v));

    if (weight >= mpi_posterior_bits(l->model->link) &&
        (achievable(l, x) < l->model->evidence || achievable(l, y) < l->model->evidence))
        guards |= MPI_WHY(TOO_LITTLE);
    return guards;
}

static void compare_two(struct comparer *c, uint32_t a, const struct mpi_view *x, uint32_t b)
{
    const struct linking *l = c->job->l;
    struct mpi_view y = mpi_view_of(dataset_coded(l->d, b));
    struct mpi_vector v;
    mpi_reasons guards;
    double weight;

    mpi_compare(&l->d->dict, c->memo, x, &y, &v);
    weight = mpi_weigh(l->model, &v);
    c->compared++;
    if (l->truth != NULL)
        c->truth_met += truth_same(l->truth, a, b);
    if (weight < LINK_FLOOR_BITS)
        return;
    guards = guards_of(l, x, &y, &v, weight);
    weight = mpi_guards_temper(l->model, weight, guards);
    keep_pair(c, (struct link_pair){a, b, (float)weight, guards});
}

static void compare_record(struct comparer *c, uint32_t a)
{
    const struct dataset *d = c->job->l->d;
    struct mpi_view x = mpi_view_of(dataset_coded(d, a));
    bool between = c->job->l->between;

    postings_candidates(c->job->postings, a, &c->candidates);
    for (size_t i = 0; i < c->candidates.count; i++) {
        uint32_t b = c->candidates.list[i];

        if (i + 4 < c->candidates.count)
            __builtin_prefetch(dataset_coded(d, c->candidates.list[i + 4]));
        if (!between || dataset_row(d, a)->file != dataset_row(d, b)->file)
            compare_two(c, a, &x, b);
    }
}

/* Records by component: those that likely pairs connect stand together, ascending. */
struct components {
    uint32_t *records;
    uint64_t *first; /* of each record that is a component's least; `count` + 1 of them */
};

/* Compares a with those of its component that it shares no key with. */
static void compare_component(struct comparer *c, uint32_t a)
{
    const struct dataset *d = c->job->l->d;
    const struct components *all = c->job->components;
    const uint32_t *records = all->records + all->first[a];
    size_t n = all->first[a + 1] - all->first[a];
    bool between = c->job->l->between;

    for (size_t i = 0; n > 2 && n <= CLOSED_MAX && i + 1 < n; i++) {
        struct mpi_view x = mpi_view_of(dataset_coded(d, records[i]));
        size_t at = 0;

        postings_candidates(c->job->postings, records[i], &c->candidates);
        for (size_t k = i + 1; k < n; k++) {
            while (at < c->candidates.count && c->candidates.list[at] < records[k])
                at++;
            if (at < c->candidates.count && c->candidates.list[at] == records[k])
                continue;
            if (!between || dataset_row(d, records[i])->file != dataset_row(d, records[k])->file)
                compare_two(c, records[i], &x, records[k]);
        }
    }
}

static void comparer_run(void *context, int i)
{
    struct comparer c = {.job = context, .memo = mpi_memo_new()};
    size_t records = c.job->l->d->count, at;

    (void)i;
    while ((at = atomic_fetch_add(&c.job->next, 1)) * RANGE < records) {
        size_t to = (at + 1) * RANGE < records ? (at + 1) * RANGE : records;
        struct range *r = &c.job->ranges[at];

        c.count = 0;
        for (size_t a = at * RANGE; a < to; a++)
            if (c.job->components != NULL)
                compare_component(&c, (uint32_t)a);
            else
                compare_record(&c, (uint32_t)a);
        r->count = c.count;
        r->pairs = malloc((c.count + 1) * sizeof(*r->pairs));
        must(r->pairs != NULL, "memory for pairs");
        if (c.count > 0)
            memcpy(r->pairs, c.pairs, c.count * sizeof(*r->pairs));
        progress_add(&c.job->progress, to - at * RANGE);
    }
    atomic_fetch_add(&c.job->compared, c.compared);
    atomic_fetch_add(&c.job->truth_met, c.truth_met);
    mpi_memo_free(c.memo);
    free(c.candidates.list);
    free(c.pairs);
}

/* The ranges' pairs, in order. */
static void gather(struct linking *l, struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].count > 0)
            memcpy(growing_add(&l->pairs, ranges[i].count), ranges[i].pairs,
                   ranges[i].count * sizeof(*ranges[i].pairs));
        free(ranges[i].pairs);
    }
}

/* One pass over all records, by all threads. */
static void compare_all(struct linking *l, const struct postings *postings,
                        const struct components *components)
{
    struct comparing job = {.l = l, .postings = postings, .components = components};
    size_t ranges = (l->d->count + RANGE - 1) / RANGE;

    job.ranges = calloc(ranges + 1, sizeof(*job.ranges));
    must(job.ranges != NULL, "memory for pairs");
    job.progress = progress_begin_of(components == NULL ? "comparing" : "closing", l->d->count);
    crew_run(l->threads, comparer_run, &job);
    progress_end(&job.progress);
    gather(l, job.ranges, ranges);
    free(job.ranges);
    l->compared += job.compared;
    l->truth_met += job.truth_met;
}

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

/* Records that pairs above the threshold for review connect. */
static void components_make(struct components *c, const struct linking *l)
{
    const struct link_pair *pairs = l->pairs.items;
    size_t n = l->d->count;
    uint32_t *parent = malloc((n + 1) * sizeof(*parent));
    double likely = mpi_posterior_bits(l->model->review);

    c->records = malloc((n + 1) * sizeof(*c->records));
    c->first = calloc(n + 2, sizeof(*c->first));
    must(parent != NULL && c->records != NULL && c->first != NULL, "memory for components");
    for (size_t i = 0; i < n; i++)
        parent[i] = (uint32_t)i;
    for (size_t i = 0; i < l->pairs.count; i++) {
        uint32_t a = root_of(parent, pairs[i].a), b = root_of(parent, pairs[i].b);

        if ((double)pairs[i].weight >= likely)
            parent[a > b ? a : b] = a > b ? b : a;
    }
    for (size_t i = 0; i < n; i++)
        c->first[root_of(parent, (uint32_t)i) + 1]++;
    for (size_t i = 1; i <= n; i++)
        c->first[i] += c->first[i - 1];
    for (size_t i = n; i-- > 0;)
        c->records[--c->first[root_of(parent, (uint32_t)i) + 1]] = (uint32_t)i;
    for (size_t i = 0; i < n; i++) /* each start went down to its own component's */
        c->first[i] = c->first[i + 1];
    c->first[n] = n;
    free(parent);
}

static int pair_compare(const void *a, const void *b)
{
    const struct link_pair *x = a, *y = b;

    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return x->b < y->b ? -1 : x->b > y->b;
}

void link_compare(struct linking *l)
{
    struct postings postings;
    struct components components;

    growing_init(&l->pairs, sizeof(struct link_pair));
    postings_make(&postings, l->d, l->threads);
    l->left_out = postings.left_out;
    compare_all(l, &postings, NULL);
    components_make(&components, l);
    compare_all(l, &postings, &components);
    if (l->pairs.count > 0)
        qsort(l->pairs.items, l->pairs.count, sizeof(struct link_pair), pair_compare);
    free(components.records);
    free(components.first);
    postings_dispose(&postings);
}

void link_dispose(struct linking *l)
{
    growing_dispose(&l->pairs);
}
