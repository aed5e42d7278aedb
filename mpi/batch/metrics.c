#include "mpi/batch/metrics.h"

#include <stdlib.h>
#include <string.h>

bool truth_counts(const struct truth *t, uint32_t a, uint32_t b)
{
    return !t->between || dataset_row(t->d, a)->file != dataset_row(t->d, b)->file;
}

static int number_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

bool truth_same(const struct truth *t, uint32_t a, uint32_t b)
{
    uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;

    if (t->listed != NULL)
        return bsearch(&pair, t->listed, t->listed_count, sizeof(pair), number_compare) != NULL;
    return t->entity[a] != 0 && t->entity[a] == t->entity[b];
}

/* Pairs within the runs of equal numbers (entity << 8 | file), less those of one file. */
static uint64_t count_pairs(uint64_t *keys, size_t n, bool between)
{
    uint64_t pairs = 0;

    qsort(keys, n, sizeof(*keys), number_compare);
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && keys[i + run] >> 8 == keys[i] >> 8; run++)
            ;
        pairs += run * (run - 1) / 2;
        for (size_t k = 0, same; between && k < run; k += same) {
            for (same = 1; k + same < run && keys[i + k + same] == keys[i + k]; same++)
                ;
            pairs -= same * (same - 1) / 2;
        }
    }
    return pairs;
}

void truth_from_entities(struct truth *t, const struct dataset *d, bool between)
{
    uint64_t *keys = malloc((d->count + 1) * sizeof(*keys));
    size_t n = 0;

    *t = (struct truth){.d = d, .between = between};
    t->entity = malloc((d->count + 1) * sizeof(*t->entity));
    must(keys != NULL && t->entity != NULL, "memory for the truth");
    for (size_t i = 0; i < d->count; i++) {
        const struct dataset_row *row = dataset_row(d, i);

        t->entity[i] = row->entity;
        if (row->entity != 0)
            keys[n++] = (uint64_t)row->entity << 8 | row->file;
    }
    t->total = count_pairs(keys, n, between);
    free(keys);
}

void truth_dispose(struct truth *t)
{
    free(t->entity);
    free(t->listed);
}

/* --- scores */

struct score score_of(uint64_t tp, uint64_t fp, uint64_t total)
{
    struct score s = {.tp = tp, .fp = fp, .fn = total - tp};

    s.precision = tp + fp > 0 ? (double)tp / (double)(tp + fp) : 0;
    s.recall = total > 0 ? (double)tp / (double)total : 0;
    s.f1 = tp > 0 ? 2 * s.precision * s.recall / (s.precision + s.recall) : 0;
    return s;
}

struct cut {
    double height;
    uint64_t same, other; /* pairs that the join puts together */
};

void curve_init(struct curve *c, const struct truth *t)
{
    c->truth = t;
    growing_init(&c->cuts, sizeof(struct cut));
}

void curve_join(void *curve, const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                double height)
{
    struct curve *c = curve;
    struct cut cut = {.height = height};

    for (size_t i = 0; i < a_count; i++)
        for (size_t k = 0; k < b_count; k++)
            if (truth_counts(c->truth, a[i], b[k])) {
                bool same = truth_same(c->truth, a[i], b[k]);

                cut.same += same;
                cut.other += !same;
            }
    memcpy(growing_add(&c->cuts, 1), &cut, sizeof(cut));
}

static int highest_first(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;

    return x->height > y->height ? -1 : x->height < y->height;
}

struct score curve_best(struct curve *c)
{
    struct cut *cuts = c->cuts.items;
    struct score best = score_of(0, 0, c->truth->total);
    uint64_t tp = 0, fp = 0;

    if (c->cuts.count > 0)
        qsort(cuts, c->cuts.count, sizeof(*cuts), highest_first);
    for (size_t i = 0; i < c->cuts.count; i++) {
        tp += cuts[i].same;
        fp += cuts[i].other;
        if (i + 1 < c->cuts.count && cuts[i + 1].height == cuts[i].height)
            continue; /* one threshold takes all of a height */
        if (score_of(tp, fp, c->truth->total).f1 > best.f1) {
            best = score_of(tp, fp, c->truth->total);
            best.threshold = cuts[i].height;
        }
    }
    return best;
}

struct score curve_at(const struct curve *c, double bits)
{
    const struct cut *cuts = c->cuts.items;
    uint64_t tp = 0, fp = 0;
    struct score s;

    for (size_t i = 0; i < c->cuts.count; i++)
        if (cuts[i].height >= bits) {
            tp += cuts[i].same;
            fp += cuts[i].other;
        }
    s = score_of(tp, fp, c->truth->total);
    s.threshold = bits;
    return s;
}

void curve_dispose(struct curve *c)
{
    growing_dispose(&c->cuts);
}

/* --- B-cubed */

/* How many records share both numbers with record i, for each i: by sorting. */
static void sizes(const uint32_t *x, const uint32_t *y, size_t n, uint32_t *out)
{
    struct keyed {
        uint64_t key;
        uint32_t record;
    } *list = malloc((n + 1) * sizeof(*list));

    must(list != NULL, "memory for the score");
    for (size_t i = 0; i < n; i++) {
        list[i].key = (uint64_t)x[i] << 32 | y[i];
        list[i].record = (uint32_t)i;
    }
    qsort(list, n, sizeof(*list), number_compare); /* the key comes first in the struct */
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && list[i + run].key == list[i].key; run++)
            ;
        for (size_t k = i; k < i + run; k++)
            out[list[k].record] = (uint32_t)run;
    }
    free(list);
}

double metrics_b3(const struct truth *t, const uint32_t *person)
{
    size_t n = t->d->count;
    uint32_t *both = malloc((3 * n + 1) * sizeof(*both)), *of_person = both + n,
             *of_entity = both + 2 * n;
    double precision = 0, recall = 0, known = 0;

    must(both != NULL, "memory for the score");
    sizes(t->entity, person, n, both);
    sizes(person, person, n, of_person);
    sizes(t->entity, t->entity, n, of_entity);
    for (size_t i = 0; i < n; i++) {
        bool alone = t->entity[i] == 0;

        precision += (alone ? 1.0 : both[i]) / of_person[i];
        recall += alone ? 1.0 : (double)both[i] / of_entity[i];
        known++;
    }
    free(both);
    if (known == 0)
        return 0;
    precision /= known;
    recall /= known;
    return 2 * precision * recall / (precision + recall);
}
