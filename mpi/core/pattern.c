#include "mpi/core/pattern.h"

#include <pthread.h>
#include <stdlib.h>

#include "hub/base/err.h"

enum { SLOTS_MIN = 1 << 12, THREADS_MAX = 64 };

/* Pattern + 1, so that 0 is a free slot: a pattern has no bit above 60. */
struct table {
    uint64_t *keys;
    double *counts;
    size_t slots, used;
};

static void table_init(struct table *t, size_t slots)
{
    *t = (struct table){calloc(slots, sizeof(uint64_t)), calloc(slots, sizeof(double)), slots, 0};
    must(t->keys != NULL && t->counts != NULL, "memory for patterns");
}

static void table_add(struct table *t, uint64_t pattern, double count);

static void table_grow(struct table *t)
{
    struct table bigger;

    table_init(&bigger, t->slots * 2);
    for (size_t i = 0; i < t->slots; i++)
        if (t->keys[i] != 0)
            table_add(&bigger, t->keys[i] - 1, t->counts[i]);
    free(t->keys);
    free(t->counts);
    *t = bigger;
}

static void table_add(struct table *t, uint64_t pattern, double count)
{
    size_t at = (pattern * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (t->slots - 1);

    while (t->keys[at] != 0 && t->keys[at] != pattern + 1)
        at = (at + 1) & (t->slots - 1);
    if (t->keys[at] == 0) {
        t->keys[at] = pattern + 1;
        t->used++;
    }
    t->counts[at] += count;
    if (t->used * 2 > t->slots)
        table_grow(t);
}

struct worker {
    const struct mpi_corpus *corpus;
    const struct mpi_pair *pairs;
    size_t count;
    struct table table;
    pthread_t thread;
};

static void *count_pairs(void *p)
{
    struct worker *w = p;
    const struct mpi_corpus *c = w->corpus;
    struct mpi_memo *memo = mpi_memo_new();
    struct mpi_vector v;

    table_init(&w->table, SLOTS_MIN);
    for (size_t i = 0; i < w->count; i++) {
        struct mpi_view a = mpi_view_of(c->words + c->at[w->pairs[i].a]);
        struct mpi_view b = mpi_view_of(c->words + c->at[w->pairs[i].b]);

        mpi_compare(c->dict, memo, &a, &b, &v);
        table_add(&w->table, mpi_vector_pattern(&v), 1);
    }
    mpi_memo_free(memo);
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    const struct mpi_pattern *x = a, *y = b;

    return x->pattern == y->pattern ? 0 : x->pattern < y->pattern ? -1 : 1;
}

static struct mpi_patterns listed(const struct table *t)
{
    struct mpi_patterns p = {calloc(t->used + 1, sizeof(struct mpi_pattern)), 0, 0};

    must(p.list != NULL, "memory for patterns");
    for (size_t i = 0; i < t->slots; i++)
        if (t->keys[i] != 0) {
            p.list[p.count++] = (struct mpi_pattern){t->keys[i] - 1, t->counts[i]};
            p.pairs += t->counts[i];
        }
    qsort(p.list, p.count, sizeof(*p.list), ascending);
    return p;
}

static void merge(struct table *into, struct table *from)
{
    for (size_t i = 0; i < from->slots; i++)
        if (from->keys[i] != 0)
            table_add(into, from->keys[i] - 1, from->counts[i]);
    free(from->keys);
    free(from->counts);
}

struct mpi_patterns mpi_patterns_count(const struct mpi_corpus *c, const struct mpi_pairs *pairs,
                                       int threads)
{
    struct worker w[THREADS_MAX];
    struct table all;
    struct mpi_patterns out;
    size_t n = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : (size_t)threads;

    for (size_t i = 0; i < n; i++) {
        size_t from = pairs->count * i / n, to = pairs->count * (i + 1) / n;

        w[i] = (struct worker){.corpus = c, .pairs = pairs->list + from, .count = to - from};
        must(pthread_create(&w[i].thread, NULL, count_pairs, &w[i]) == 0, "a thread");
    }
    table_init(&all, SLOTS_MIN);
    for (size_t i = 0; i < n; i++) {
        (void)pthread_join(w[i].thread, NULL);
        merge(&all, &w[i].table);
    }
    out = listed(&all);
    free(all.keys);
    free(all.counts);
    return out;
}
