#include "mpi/batch/link.h"

#include <stdlib.h>
#include <string.h>

#include "hub/command/progress.h"
#include "mpi/batch/metrics.h"
#include "mpi/batch/postings.h"
#include "mpi/core/weigh.h"

enum { RANGE = 512 }; /* records that a thread takes at once */

struct comparing {
    struct linking *l;
    const struct postings *postings;
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
    double weight;

    mpi_compare(&l->d->dict, c->memo, x, &y, &v);
    weight = mpi_weigh(l->model, &v);
    c->compared++;
    if (l->truth != NULL)
        c->truth_met += truth_same(l->truth, a, b);
    if (weight >= LINK_FLOOR_BITS)
        keep_pair(c, (struct link_pair){a, b, (float)weight, guards_of(l, x, &y, &v, weight)});
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

void link_compare(struct linking *l)
{
    struct postings postings;
    struct comparing job = {.l = l, .postings = &postings};
    size_t ranges = (l->d->count + RANGE - 1) / RANGE;

    growing_init(&l->pairs, sizeof(struct link_pair));
    postings_make(&postings, l->d, l->threads);
    job.ranges = calloc(ranges + 1, sizeof(*job.ranges));
    must(job.ranges != NULL, "memory for pairs");
    job.progress = progress_begin_of("comparing", l->d->count);
    crew_run(l->threads, comparer_run, &job);
    progress_end(&job.progress);
    gather(l, job.ranges, ranges);
    free(job.ranges);
    l->compared = job.compared;
    l->truth_met = job.truth_met;
    l->left_out = postings.left_out;
    postings_dispose(&postings);
}

void link_dispose(struct linking *l)
{
    growing_dispose(&l->pairs);
}
