#include "mpi/core/train.h"

#include <math.h>
#include <stdlib.h>

#include "mpi/core/estimate.h"
#include "mpi/core/frequency.h"

enum {
    ROUNDS = 4,
    RANDOM_PAIRS = 1000000,
    SESSION_PAIRS = 300000,
    ENOUGH = 20, /* matches that a session must show to be believed */
};

#define COMPARED(name) (1u << MPI_COMPARE_##name)

/* What pairs share, and what may not be learnt from them since they were chosen by it. Telephones
 * and houses are not among those that teach m: whoever lives together would pass for one person. */
static const struct {
    enum mpi_block_rule rule;
    unsigned fixed;
    bool of_houses;
} SESSIONS[] = {
    {MPI_BLOCK_DATE, COMPARED(DOB), false},
    {MPI_BLOCK_NAMES, COMPARED(GIVEN) | COMPARED(FAMILY) | COMPARED(OTHER), false},
    {MPI_BLOCK_IDENTIFIER, COMPARED(SSN) | COMPARED(ID), false},
    {MPI_BLOCK_EMAIL, COMPARED(EMAIL), false},
    {MPI_BLOCK_STREET,
     COMPARED(STREET) | COMPARED(LOCALITY) | COMPARED(PHONE) | COMPARED(FAMILY) | COMPARED(MOTHER),
     true},
};
enum { SESSION_COUNT = sizeof(SESSIONS) / sizeof(SESSIONS[0]) };

static void smooth(double counts[], const struct mpi_comparison_table *t,
                   const struct mpi_model *base, int c, struct mpi_model *out)
{
    enum { STRENGTH = 50 }; /* pairs that the base counts for */
    double total = STRENGTH;

    for (int l = 1; l < t->count; l++)
        total += counts[l];
    for (int l = 1; l < t->count; l++)
        out->levels[c][l].m = (counts[l] + STRENGTH * base->levels[c][l].m) / total;
}

static double pairs_of(size_t records)
{
    return (double)records * ((double)records - 1) / 2;
}

/* How many records say the field, as a share. */
static double share_with(const struct mpi_corpus *c, enum mpi_section section)
{
    size_t with = 0;

    for (size_t i = 0; i < c->count; i++)
        with += mpi_view_of(c->words + c->at[i]).count[section] > 0;
    return (double)with / (double)c->count;
}

/* Matches among all pairs: those that share a birth date, else those that share names, over the
 * share of all that the key finds: it must be known on both sides and agree. */
static double estimate_lambda(const struct mpi_corpus *c, const struct mpi_session *s,
                              const struct mpi_model *m)
{
    double dates = share_with(c, MPI_SECTION_DATE), found = 1;
    double names = share_with(c, MPI_SECTION_GIVEN) * share_with(c, MPI_SECTION_FAMILY);
    const double recall[] = {
        dates * dates * m->levels[MPI_COMPARE_DOB][MPI_DOB_EXACT].m,
        names * names * m->levels[MPI_COMPARE_GIVEN][MPI_GIVEN_EXACT].m *
            m->levels[MPI_COMPARE_FAMILY][MPI_FAMILY_EXACT].m,
    };

    for (size_t i = 0; i < sizeof(recall) / sizeof(recall[0]); i++)
        if (s[i].matches >= ENOUGH && recall[i] > .01) {
            found = s[i].matches / recall[i];
            break;
        }
    return fmin(fmax(found / pairs_of(c->count), 1e-10), .1);
}

/* Bits that living together under one family name is worth: from the odds that such pairs are of
 * one person, which the data show, back to those of any pair. */
static double estimate_household(const struct mpi_session *sessions, const struct mpi_model *m)
{
    double odds, prior = m->lambda / (1 - m->lambda);

    for (size_t i = 0; i < SESSION_COUNT; i++) {
        const struct mpi_session *s = &sessions[i];

        if (!s->of_houses || s->together < ENOUGH)
            continue;
        odds = (s->together_matches + .5) / (s->together - s->together_matches + .5);
        return fmin(fmax(log2(odds / prior), 0), 60);
    }
    return m->household;
}

static void learn(const struct mpi_corpus *c, const struct mpi_patterns *random,
                  struct mpi_session *sessions, struct mpi_model *m)
{
    const struct mpi_model *base = mpi_model_builtin();

    m->lambda = fmin(1 / (double)c->count, .1);
    for (int round = 0; round < ROUNDS; round++) {
        mpi_estimate_u(random, base, m);
        mpi_estimate_m(sessions, SESSION_COUNT, base, m);
        m->lambda = estimate_lambda(c, sessions, m);
    }
    m->household = estimate_household(sessions, m);
    mpi_estimate_order(m);
}

static struct mpi_patterns counted(const struct mpi_corpus *c, struct mpi_pairs pairs, int threads)
{
    struct mpi_patterns p = mpi_patterns_count(c, &pairs, threads);

    free(pairs.list);
    return p;
}

static void run(const struct mpi_corpus *c, const struct mpi_training *how, struct mpi_model *m)
{
    struct mpi_session sessions[SESSION_COUNT] = {0};
    uint32_t *order = mpi_sample_order(c);
    size_t random_pairs = how->random_pairs > 0 ? how->random_pairs : RANDOM_PAIRS;
    size_t session_pairs = how->session_pairs > 0 ? how->session_pairs : SESSION_PAIRS;
    struct mpi_patterns random =
        counted(c, mpi_sample_random(c, order, how->seed, random_pairs), how->threads);

    for (size_t i = 0; i < SESSION_COUNT; i++) {
        struct mpi_pairs pairs =
            mpi_sample_block(c, order, SESSIONS[i].rule, how->seed, session_pairs);

        sessions[i] = (struct mpi_session){.rule = SESSIONS[i].rule,
                                           .fixed = SESSIONS[i].fixed,
                                           .of_houses = SESSIONS[i].of_houses,
                                           .taken = pairs.taken};
        sessions[i].patterns = counted(c, pairs, how->threads);
    }
    learn(c, &random, sessions, m);
    for (size_t i = 0; i < SESSION_COUNT; i++)
        free(sessions[i].patterns.list);
    free(random.list);
    free(order);
}

void mpi_train(struct arena *a, const struct mpi_corpus *c, const struct mpi_training *how,
               struct mpi_model *out)
{
    *out = *mpi_model_builtin();
    out->name = how->name.n > 0 ? how->name : STR("trained");
    out->records = (double)c->count;
    if (c->count >= 2) {
        run(c, how, out);
        mpi_frequencies_count(a, c, out);
    }
    mpi_model_seal(a, out);
}

enum status mpi_train_labelled(struct arena *a, const struct mpi_model *base,
                               const struct mpi_labelled *pairs, size_t count, struct str name,
                               struct mpi_model *out, struct errors *err)
{
    double counts[MPI_COMPARISON_COUNT][MPI_LEVELS_MAX] = {{0}};
    size_t same = 0;

    for (size_t i = 0; i < count; i++) {
        same += pairs[i].same && pairs[i].judged;
        for (int c = 0; pairs[i].same && c < MPI_COMPARISON_COUNT; c++)
            counts[c][pairs[i].vector.level[c]]++;
    }
    if (same < MPI_LABELS_NEEDED)
        return fail(err, INVALID, "labels",
                    "stewards have judged %zu pairs of records to be of one person; %d are needed"
                    " to learn from",
                    same, MPI_LABELS_NEEDED);
    *out = *base;
    out->name = name;
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        smooth(counts[c], &MPI_COMPARISON_TABLES[c], base, c, out);
    mpi_estimate_order(out);
    mpi_model_seal(a, out);
    return OK;
}
