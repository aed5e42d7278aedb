#include "mpi/core/frequency.h"

#include <math.h>
#include <stdlib.h>

#include "hub/base/err.h"

enum { NAMED_COUNT = 3, LARGEST_TABLE = MPI_MODEL_VALUES_MAX / 2 };

/* Where each frequency is counted: words of a section, `step` apart. */
static const struct source {
    enum mpi_section section;
    int word, step;
} SOURCES[MPI_FREQUENCY_COUNT] = {
    [MPI_FREQUENCY_GIVEN] = {MPI_SECTION_GIVEN, 0, 1},
    [MPI_FREQUENCY_FAMILY] = {MPI_SECTION_FAMILY, 0, 1},
    [MPI_FREQUENCY_CITY] = {MPI_SECTION_ADDRESS, MPI_ADDRESS_CITY, MPI_ADDRESS_WORDS},
    [MPI_FREQUENCY_BIRTHPLACE] = {MPI_SECTION_PLACE, 0, 1},
    [MPI_FREQUENCY_POSTCODE] = {MPI_SECTION_ADDRESS, MPI_ADDRESS_POSTCODE, MPI_ADDRESS_WORDS},
    [MPI_FREQUENCY_OCCUPATION] = {MPI_SECTION_WORK, 0, 1},
};

struct counted {
    uint32_t id, count;
};

static int most_first(const void *a, const void *b, void *dict)
{
    const struct counted *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return str_compare(mpi_dict_text(dict, x->id), mpi_dict_text(dict, y->id));
}

static int by_value(const void *a, const void *b)
{
    const struct mpi_frequent *x = a, *y = b;

    return str_compare(x->value, y->value);
}

/* Mentions of each value, by its number; returns their sum. */
static double count_mentions(const struct mpi_corpus *c, const struct source *s, uint32_t *counts)
{
    double total = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct mpi_view v = mpi_view_of(c->words + c->at[i]);

        for (int j = 0; j < v.count[s->section]; j++) {
            uint32_t id = MPI_CODED_ID(v.at[s->section][j * s->step + s->word]);

            counts[id] += id != 0;
            total += id != 0;
        }
    }
    return total;
}

static void make_table(struct arena *a, const struct mpi_dict *d, const uint32_t *counts,
                       double total, struct mpi_frequency_table *t)
{
    struct counted *list = calloc(d->count, sizeof(*list));
    size_t n = 0;
    double named = 0;

    must(list != NULL, "memory for frequencies");
    for (uint32_t id = 1; id < d->count; id++)
        if (counts[id] > 0)
            list[n++] = (struct counted){id, counts[id]};
    qsort_r(list, n, sizeof(*list), most_first, (void *)(uintptr_t)d);
    *t = (struct mpi_frequency_table){.values = ARENA_ARRAY(a, LARGEST_TABLE, struct mpi_frequent)};
    while (t->count < n && t->count < LARGEST_TABLE && list[t->count].count >= NAMED_COUNT) {
        const struct counted *x = &list[t->count];

        named += x->count;
        t->values[t->count++] =
            (struct mpi_frequent){str_dup(a, mpi_dict_text(d, x->id)), (double)x->count / total};
    }
    t->floor = n > t->count ? fmax((total - named) / (double)(n - t->count), 1) / total : 1 / total;
    qsort(t->values, t->count, sizeof(*t->values), by_value);
    free(list);
}

void mpi_frequencies_count(struct arena *a, const struct mpi_corpus *c, struct mpi_model *m)
{
    for (int f = 0; f < MPI_FREQUENCY_COUNT; f++) {
        uint32_t *counts = calloc(c->dict->count, sizeof(*counts));
        double total;

        must(counts != NULL, "memory for frequencies");
        total = count_mentions(c, &SOURCES[f], counts);
        if (total > 0)
            make_table(a, c->dict, counts, total, &m->frequencies[f]);
        free(counts);
    }
}
