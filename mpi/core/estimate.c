#include "mpi/core/estimate.h"

#include <math.h>
#include <string.h>

enum {
    ROUNDS = 40,        /* of expectation maximisation in a session */
    BASE_PAIRS_M = 20,  /* pairs that the built-in m counts for */
    BASE_PAIRS_U = 100, /* and u */
};

static const double SMALLEST = 1e-8;

typedef double table[MPI_COMPARISON_COUNT][MPI_LEVELS_MAX];

/* log2 of the odds that m gives against u over the comparisons that are not `left_out`. */
static double evidence(const struct mpi_model *m, uint64_t pattern, unsigned left_out)
{
    double bits = 0;

    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        int level = mpi_pattern_level(pattern, c);

        if (level != MPI_LEVEL_MISSING && (left_out & 1u << c) == 0)
            bits += log2(m->levels[c][level].m / m->levels[c][level].u);
    }
    return bits;
}

static double probability(double lambda, double bits)
{
    return 1 / (1 + (1 - lambda) / lambda * exp2(-bits));
}

static void tally(table sums, uint64_t pattern, double weight)
{
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        sums[c][mpi_pattern_level(pattern, c)] += weight;
}

static double observed(const double *sums, int c)
{
    double total = 0;

    for (int l = 1; l < MPI_COMPARISON_TABLES[c].count; l++)
        total += sums[l];
    return total;
}

void mpi_estimate_u(const struct mpi_patterns *random, const struct mpi_model *base,
                    struct mpi_model *m)
{
    table sums = {{0}};

    for (size_t i = 0; i < random->count; i++) {
        const struct mpi_pattern *p = &random->list[i];

        tally(sums, p->pattern,
              p->count * (1 - probability(m->lambda, evidence(m, p->pattern, 0))));
    }
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        double total = observed(sums[c], c);

        for (int l = 1; total > 0 && l < MPI_COMPARISON_TABLES[c].count; l++) {
            double u = (sums[c][l] + BASE_PAIRS_U * base->levels[c][l].u) / (total + BASE_PAIRS_U);
            double least = fmin(base->levels[c][l].u, .3 / total);

            m->levels[c][l].u = fmax(fmax(u, least), SMALLEST);
        }
    }
}

/* What people keep for life: that it differs more often than not of one person is an artefact of
 * names or dates that many share. */
static const unsigned LASTING = 1u << MPI_COMPARE_GIVEN | 1u << MPI_COMPARE_FAMILY |
                                1u << MPI_COMPARE_DOB | 1u << MPI_COMPARE_SEX |
                                1u << MPI_COMPARE_SSN;

static void clamp_lasting(struct mpi_model *m, int c)
{
    int last = MPI_COMPARISON_TABLES[c].count - 1;
    double differs = m->levels[c][last].m;

    if ((LASTING & 1u << c) == 0 || differs <= .5)
        return;
    for (int l = 1; l < last; l++)
        m->levels[c][l].m *= .5 / (1 - differs);
    m->levels[c][last].m = .5;
}

static void set_m(const table sums, const struct mpi_model *base, unsigned left_out,
                  struct mpi_model *m)
{
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        double total = observed(sums[c], c);

        if ((left_out & 1u << c) != 0)
            continue;
        for (int l = 1; l < MPI_COMPARISON_TABLES[c].count; l++)
            m->levels[c][l].m =
                (sums[c][l] + BASE_PAIRS_M * base->levels[c][l].m) / (total + BASE_PAIRS_M);
        clamp_lasting(m, c);
    }
}

static bool live_together(uint64_t pattern)
{
    int street = mpi_pattern_level(pattern, MPI_COMPARE_STREET);
    int family = mpi_pattern_level(pattern, MPI_COMPARE_FAMILY);

    return (street == MPI_STREET_EXACT || street == MPI_STREET_CLOSE) &&
           family >= MPI_FAMILY_EXACT && family <= MPI_FAMILY_CLOSE;
}

/* One step: the pairs' probabilities under m and lambda, and m and lambda from them. */
static void step(struct mpi_session *s, const struct mpi_model *base, struct mpi_model *m,
                 double *lambda, table sums)
{
    double matches = 0;

    s->together = s->together_matches = 0;
    for (size_t i = 0; i < s->patterns.count; i++) {
        const struct mpi_pattern *p = &s->patterns.list[i];
        double w = p->count * probability(*lambda, evidence(m, p->pattern, s->fixed));

        tally(sums, p->pattern, w);
        matches += w;
        if (live_together(p->pattern)) {
            s->together += p->count;
            s->together_matches += w;
        }
    }
    set_m(sums, base, s->fixed, m);
    *lambda = fmin(fmax(matches / s->patterns.pairs, 1e-7), 1 - 1e-7);
    s->matches = s->taken > 0 ? matches / s->taken : 0;
}

/* m and lambda of one session; adds what it expects to `all`. */
static void run_session(struct mpi_session *s, const struct mpi_model *base,
                        const struct mpi_model *start, table all)
{
    struct mpi_model m = *start;
    double lambda = .2;
    table sums;

    if (s->patterns.pairs == 0)
        return;
    for (int round = 0; round < ROUNDS; round++) {
        memset(sums, 0, sizeof(sums));
        step(s, base, &m, &lambda, sums);
    }
    for (int c = 0; !s->of_houses && c < MPI_COMPARISON_COUNT; c++)
        for (int l = 1; (s->fixed & 1u << c) == 0 && l < MPI_LEVELS_MAX; l++)
            all[c][l] += sums[c][l];
}

void mpi_estimate_m(struct mpi_session *sessions, size_t count, const struct mpi_model *base,
                    struct mpi_model *m)
{
    table all = {{0}};

    for (size_t i = 0; i < count; i++)
        run_session(&sessions[i], base, m, all);
    set_m(all, base, 0, m);
}

/* Levels from..to share one ratio of m to u. */
struct pool {
    int from, to;
    double m, u;
};

void mpi_estimate_order(struct mpi_model *model)
{
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        struct pool pools[MPI_LEVELS_MAX];
        int count = 0;

        for (int l = 1; l < MPI_COMPARISON_TABLES[c].count; l++) {
            pools[count++] = (struct pool){l, l, model->levels[c][l].m, model->levels[c][l].u};
            while (count > 1 && pools[count - 2].m * pools[count - 1].u <
                                    pools[count - 1].m * pools[count - 2].u) {
                pools[count - 2].to = pools[count - 1].to;
                pools[count - 2].m += pools[count - 1].m;
                pools[count - 2].u += pools[count - 1].u;
                count--;
            }
        }
        for (int i = 0; i < count; i++)
            for (int l = pools[i].from; l <= pools[i].to; l++) {
                double share = model->levels[c][l].u / pools[i].u;

                model->levels[c][l].m = pools[i].m * share;
            }
    }
}
