#include "mpi/core/model.h"

#include <math.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/json_text.h"
#include "mpi/core/placeholder.h"

enum { FORMAT = 1 };

static const struct {
    const char *key;
    size_t at; /* offset of the double */
    double value, least, most;
} THRESHOLDS[] = {
#define X(name, value, least, most) {#name, offsetof(struct mpi_model, name), value, least, most},
    MPI_THRESHOLDS(X)
#undef X
};

static const char *const FREQUENCY_KEYS[] = {
#define X(name, key, class) key,
    MPI_FREQUENCIES(X)
#undef X
};

double mpi_model_frequency(const struct mpi_model *m, enum mpi_frequency f, struct str value)
{
    const struct mpi_frequency_table *t = &m->frequencies[f];
    size_t from = 0, to = t->count;

    while (from < to) {
        size_t middle = (from + to) / 2;
        int order = str_compare(t->values[middle].value, value);

        if (order == 0)
            return t->values[middle].frequency;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return t->floor;
}

/* Numbers to six significant digits: what is written is read back as the same double. */
static double rounded(double v)
{
    char text[32];

    snprintf(text, sizeof(text), "%.6g", v);
    return strtod(text, NULL);
}

static void write_levels(struct strbuf *b, const struct mpi_model *m)
{
    strbuf_lit(b, "\"levels\":{");
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        const struct mpi_comparison_table *t = &MPI_COMPARISON_TABLES[c];

        strbuf_addf(b, "%s\n\"%s\":{", c > 0 ? "," : "", t->key);
        for (int l = 1; l < t->count; l++)
            strbuf_addf(b, "%s\n  \"%s\":{\"m\":%.6g,\"u\":%.6g}", l > 1 ? "," : "",
                        t->levels[l].text, m->levels[c][l].m, m->levels[c][l].u);
        strbuf_lit(b, "}");
    }
    strbuf_lit(b, "}");
}

static void write_frequencies(struct strbuf *b, const struct mpi_model *m)
{
    strbuf_lit(b, "\"frequencies\":{");
    for (int f = 0; f < MPI_FREQUENCY_COUNT; f++) {
        const struct mpi_frequency_table *t = &m->frequencies[f];

        strbuf_addf(b, "%s\n\"%s\":{\"others\":%.6g,\"values\":{", f > 0 ? "," : "",
                    FREQUENCY_KEYS[f], t->floor);
        for (size_t i = 0; i < t->count; i++) {
            strbuf_add(b, i > 0 ? STR(",\n  ") : STR("\n  "));
            json_text_add(b, t->values[i].value);
            strbuf_addf(b, ":%.6g", t->values[i].frequency);
        }
        strbuf_lit(b, "}}");
    }
    strbuf_lit(b, "}");
}

static struct str content_of(struct arena *a, const struct mpi_model *m)
{
    struct strbuf b = strbuf_on(a, 1 << 14);

    strbuf_addf(&b, "{\"format\":%d,\n\"name\":", FORMAT);
    json_text_add(&b, m->name);
    strbuf_addf(&b, ",\n\"placeholders\":%d,\n\"records\":%.0f,\n\"lambda\":%.6g",
                MPI_PLACEHOLDERS_VERSION, m->records, m->lambda);
    for (size_t i = 0; i < sizeof(THRESHOLDS) / sizeof(THRESHOLDS[0]); i++)
        strbuf_addf(&b, ",\n\"%s\":%.6g", THRESHOLDS[i].key,
                    *(const double *)((const char *)m + THRESHOLDS[i].at));
    strbuf_lit(&b, ",\n");
    write_levels(&b, m);
    strbuf_lit(&b, ",\n");
    write_frequencies(&b, m);
    strbuf_lit(&b, "}\n");
    return strbuf_str(&b);
}

/* Every number as it will be read back. */
static void round_numbers(struct mpi_model *m)
{
    m->lambda = rounded(m->lambda);
    for (size_t i = 0; i < sizeof(THRESHOLDS) / sizeof(THRESHOLDS[0]); i++) {
        double *value = (double *)((char *)m + THRESHOLDS[i].at);

        *value = rounded(*value);
    }
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        for (int l = 1; l < MPI_COMPARISON_TABLES[c].count; l++) {
            m->levels[c][l].m = rounded(m->levels[c][l].m);
            m->levels[c][l].u = rounded(m->levels[c][l].u);
        }
    for (int f = 0; f < MPI_FREQUENCY_COUNT; f++) {
        m->frequencies[f].floor = rounded(m->frequencies[f].floor);
        for (size_t i = 0; i < m->frequencies[f].count; i++)
            m->frequencies[f].values[i].frequency = rounded(m->frequencies[f].values[i].frequency);
    }
}

/* The level whose u is the average that the rarity of an agreeing value is held against. */
static int reference_level(int comparison)
{
    return comparison == MPI_COMPARE_LOCALITY ? (int)MPI_LOCALITY_CITY : 1;
}

void mpi_model_seal(struct arena *a, struct mpi_model *m)
{
    round_numbers(m);
    m->prior = log2(m->lambda / (1 - m->lambda));
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        m->weights[c][MPI_LEVEL_MISSING] = 0;
        m->average[c] = log2(m->levels[c][reference_level(c)].u);
        for (int l = 1; l < MPI_COMPARISON_TABLES[c].count; l++)
            m->weights[c][l] = log2(m->levels[c][l].m / m->levels[c][l].u);
    }
    m->content = content_of(a, m);
    crypto_hash_sha256(m->hash, (const unsigned char *)m->content.p, m->content.n);
}

static struct mpi_model builtin;
static pthread_once_t builtin_once = PTHREAD_ONCE_INIT;

static const struct {
    enum mpi_frequency table;
    struct mpi_frequent entry;
} FREQUENT_VALUES[] = {
#define FREQUENT(table, value, frequency) {MPI_FREQUENCY_##table, {STR(value), frequency}},
#include "mpi/core/frequent.def"
#undef FREQUENT
};

/* Of values that no table knows. */
static const double FLOORS[MPI_FREQUENCY_COUNT] = {
    [MPI_FREQUENCY_GIVEN] = .0004,   [MPI_FREQUENCY_FAMILY] = .00005,
    [MPI_FREQUENCY_CITY] = .01,      [MPI_FREQUENCY_BIRTHPLACE] = .01,
    [MPI_FREQUENCY_POSTCODE] = .001, [MPI_FREQUENCY_OCCUPATION] = .02,
};

static void builtin_frequencies(struct arena *a, struct mpi_model *m)
{
    enum { COUNT = sizeof(FREQUENT_VALUES) / sizeof(FREQUENT_VALUES[0]) };

    for (int f = 0; f < MPI_FREQUENCY_COUNT; f++) {
        m->frequencies[f].values = ARENA_ARRAY(a, COUNT, struct mpi_frequent);
        m->frequencies[f].floor = FLOORS[f];
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct mpi_frequency_table *t = &m->frequencies[FREQUENT_VALUES[i].table];

        t->values[t->count++] = FREQUENT_VALUES[i].entry;
    }
}

static void builtin_make(void)
{
    static struct arena a; /* for the process's life */
    struct mpi_model *m = &builtin;

    arena_init(&a);
    m->name = STR("built-in");
    m->lambda = 1e-6;
    for (size_t i = 0; i < sizeof(THRESHOLDS) / sizeof(THRESHOLDS[0]); i++)
        *(double *)((char *)m + THRESHOLDS[i].at) = THRESHOLDS[i].value;
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        for (int l = 1; l < MPI_COMPARISON_TABLES[c].count; l++) {
            m->levels[c][l].m = MPI_COMPARISON_TABLES[c].levels[l].m;
            m->levels[c][l].u = MPI_COMPARISON_TABLES[c].levels[l].u;
        }
    builtin_frequencies(&a, m);
    mpi_model_seal(&a, m);
}

const struct mpi_model *mpi_model_builtin(void)
{
    (void)pthread_once(&builtin_once, builtin_make);
    return &builtin;
}

static void diff_number(struct strbuf *b, const char *what, const char *level, const char *key,
                        double from, double to)
{
    if (from == to)
        return;
    strbuf_addf(b, "%s%s%s: %s%s%.6g -> %.6g\n", what, level[0] != 0 ? " / " : "", level, key,
                key[0] != 0 ? " " : "", from, to);
}

static void diff_frequencies(struct strbuf *b, const struct mpi_model *from,
                             const struct mpi_model *to)
{
    for (int f = 0; f < MPI_FREQUENCY_COUNT; f++) {
        diff_number(b, FREQUENCY_KEYS[f], "", "values in the table",
                    (double)from->frequencies[f].count, (double)to->frequencies[f].count);
        diff_number(b, FREQUENCY_KEYS[f], "", "frequency of others", from->frequencies[f].floor,
                    to->frequencies[f].floor);
    }
}

struct str mpi_model_diff(struct arena *a, const struct mpi_model *from, const struct mpi_model *to)
{
    struct strbuf b = strbuf_on(a, 1024);

    diff_number(&b, "records", "", "", from->records, to->records);
    diff_number(&b, "lambda", "", "", from->lambda, to->lambda);
    for (size_t i = 0; i < sizeof(THRESHOLDS) / sizeof(THRESHOLDS[0]); i++)
        diff_number(&b, THRESHOLDS[i].key, "", "",
                    *(const double *)((const char *)from + THRESHOLDS[i].at),
                    *(const double *)((const char *)to + THRESHOLDS[i].at));
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        const struct mpi_comparison_table *t = &MPI_COMPARISON_TABLES[c];

        for (int l = 1; l < t->count; l++) {
            diff_number(&b, t->key, t->levels[l].text, "m", from->levels[c][l].m,
                        to->levels[c][l].m);
            diff_number(&b, t->key, t->levels[l].text, "u", from->levels[c][l].u,
                        to->levels[c][l].u);
            diff_number(&b, t->key, t->levels[l].text, "weight", rounded(from->weights[c][l]),
                        rounded(to->weights[c][l]));
        }
    }
    diff_frequencies(&b, from, to);
    return strbuf_str(&b);
}
