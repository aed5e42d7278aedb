/* mpi/core/train and model: what is learnt, that it is the same every time, and its file. */
#include "mpi/core/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

enum { PEOPLE = 1500, RECORDS = 2 * PEOPLE };

/* A small town: everyone twice, the second time with an error now and then. */
struct town {
    struct mpi_dict dict;
    uint32_t words[RECORDS * 40];
    uint64_t at[RECORDS];
    size_t used;
};

/* A property of person n, in [0, kinds): one tells nothing of another. */
static unsigned draw(uint64_t n, unsigned salt, unsigned kinds)
{
    uint64_t h = (n + 1) * UINT64_C(0x9E3779B97F4A7C15) + salt * UINT64_C(0xD1B54A32D192ED03);

    h = (h ^ h >> 32) * UINT64_C(0xBF58476D1CE4E5B9);
    h = (h ^ h >> 29) * UINT64_C(0x94D049BB133111EB);
    return (unsigned)((h ^ h >> 32) % kinds);
}

/* One of some hundred words that do not resemble each other. */
static struct str word(struct arena *a, uint64_t n, unsigned salt)
{
    static const char *const HEADS[] = {"Bor", "Kel", "Tam", "Win", "Sul", "Dra", "Fen", "Gox"};
    static const char *const TAILS[] = {"ander", "ibeth", "ovic", "umly",  "ester", "ongo",
                                        "arz",   "iquet", "ull",  "yphon", "adda",  "ewitz"};

    return str_printf(a, "%s%s", HEADS[draw(n, salt, 8)], TAILS[draw(n, salt + 1, 12)]);
}

static void add_record(struct town *t, struct arena *a, uint64_t n, bool spoilt, size_t place)
{
    struct mpi_traits traits;
    struct mpi_input in = {
        .names = {{.given = word(a, n, 1), .family = word(a, n, 3)}},
        .name_count = 1,
        .birth_dates = {str_printf(a, "%04u-%02u-%02u", 1940 + draw(n, 5, 60), 1 + draw(n, 6, 12),
                                   2 + draw(n, 7, 26))},
        .birth_date_count = 1,
        .sex = draw(n, 8, 2) == 0 ? STR("M") : STR("F"),
        .addresses = {{.street = str_printf(a, "%u %.*s Street", 1 + draw(n, 9, 200),
                                            STR_ARG(word(a, n, 10))),
                       .postcode = str_printf(a, "%05u", 10000 + 37 * draw(n, 12, 200))}},
        .address_count = 1,
    };

    if (spoilt && n % 5 == 0)
        in.names[0].given = STR("Mistaken");
    if (spoilt && n % 7 == 0)
        in.birth_date_count = 0;
    if (spoilt && n % 3 == 0)
        in.addresses[0].street = STR("1 Newstreet");
    mpi_traits_read(a, &in, &traits);
    t->at[place] = t->used;
    t->used += mpi_encode(&t->dict, &traits, t->words + t->used);
}

/* Record i is that of person i / 2, at another place when `turned`. */
static struct mpi_corpus town_corpus(struct town *t, struct arena *a, bool turned)
{
    t->used = 0;
    mpi_dict_init(&t->dict, mpi_model_builtin(), 1024);
    for (size_t i = 0; i < RECORDS; i++) {
        size_t n = turned ? RECORDS - 1 - i : i;

        add_record(t, a, n / 2, n % 2 == 1, i);
    }
    return (struct mpi_corpus){&t->dict, t->words, t->at, RECORDS};
}

static void learn(struct arena *a, bool turned, int threads, uint64_t seed, struct mpi_model *m)
{
    struct town *t = malloc(sizeof(*t));
    struct mpi_corpus c = town_corpus(t, a, turned);
    struct mpi_training how = {.seed = seed, .threads = threads, .random_pairs = 100000};

    mpi_train(a, &c, &how, m);
    mpi_dict_dispose(&t->dict);
    free(t);
}

static void order_and_threads_change_no_bit(void)
{
    struct mpi_model one, other;
    struct arena a;

    arena_init(&a);
    learn(&a, false, 1, 42, &one);
    learn(&a, true, 3, 42, &other);
    CHECK_STR(other.content, one.content);
    learn(&a, false, 1, 43, &other);
    CU_ASSERT(!str_eq(other.content, one.content));
    arena_dispose(&a);
}

static void what_is_learnt_is_what_was_put_in(void)
{
    struct mpi_model m;
    struct arena a;
    double lambda = PEOPLE / ((double)RECORDS * (RECORDS - 1) / 2);

    arena_init(&a);
    learn(&a, false, 2, 1, &m);
    CU_ASSERT(m.lambda > lambda / 1.5 && m.lambda < lambda * 1.5);
    CU_ASSERT_DOUBLE_EQUAL(m.levels[MPI_COMPARE_GIVEN][MPI_GIVEN_DIFFER].m, .2, .05);
    CU_ASSERT_DOUBLE_EQUAL(m.levels[MPI_COMPARE_SEX][MPI_SEX_EXACT].u, .5, .05);
    CU_ASSERT_EQUAL(m.levels[MPI_COMPARE_SSN][MPI_SSN_EXACT].m, .92); /* nobody has one */
    CU_ASSERT_EQUAL(m.records, RECORDS);
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        for (int l = 2; l < MPI_COMPARISON_TABLES[c].count; l++)
            CU_ASSERT(m.weights[c][l] <= m.weights[c][l - 1] + 1e-4);
    arena_dispose(&a);
}

static void hardly_any_records_leave_the_built_in_model(void)
{
    struct mpi_corpus none = {.dict = NULL};
    struct mpi_training how = {.name = STR("empty")};
    struct mpi_model m;
    struct arena a;

    arena_init(&a);
    mpi_train(&a, &none, &how, &m);
    CU_ASSERT_EQUAL(memcmp(m.levels, mpi_model_builtin()->levels, sizeof(m.levels)), 0);
    CHECK_STR(m.name, STR("empty"));
    arena_dispose(&a);
}

static void judged_pairs_change_m_and_nothing_else(void)
{
    struct mpi_labelled *pairs = calloc(1000, sizeof(*pairs));
    const struct mpi_model *base = mpi_model_builtin();
    struct mpi_model m;
    struct errors err;
    struct arena a;

    arena_init(&a);
    errors_init(&err, &a);
    for (size_t i = 0; i < 1000; i++) {
        pairs[i].same = i < 800;
        pairs[i].judged = i < 500 || i >= 800;
        pairs[i].vector.level[MPI_COMPARE_SEX] = i % 4 == 0 ? MPI_SEX_DIFFER : MPI_SEX_EXACT;
    }
    CU_ASSERT_EQUAL(mpi_train_labelled(&a, base, pairs, 1000, STR("judged"), &m, &err), OK);
    CU_ASSERT_DOUBLE_EQUAL(m.levels[MPI_COMPARE_SEX][MPI_SEX_DIFFER].m, .25, .02);
    CU_ASSERT_EQUAL(m.levels[MPI_COMPARE_SEX][MPI_SEX_DIFFER].u,
                    base->levels[MPI_COMPARE_SEX][MPI_SEX_DIFFER].u);
    CU_ASSERT_EQUAL(mpi_train_labelled(&a, base, pairs, 499, STR("few"), &m, &err), INVALID);
    CU_ASSERT_EQUAL(mpi_train_labelled(&a, base, pairs + 1, 799, STR("few"), &m, &err), INVALID);
    free(pairs);
    arena_dispose(&a);
}

static void a_model_is_read_back_as_it_was_written(void)
{
    struct mpi_model m, back;
    struct errors err;
    struct arena a;

    arena_init(&a);
    errors_init(&err, &a);
    learn(&a, false, 1, 1, &m);
    CU_ASSERT_EQUAL(mpi_model_parse(&a, m.content, &back, &err), OK);
    CHECK_STR(back.content, m.content);
    CU_ASSERT_EQUAL(memcmp(back.hash, m.hash, sizeof(m.hash)), 0);
    CU_ASSERT_EQUAL(memcmp(back.weights, m.weights, sizeof(m.weights)), 0);
    CU_ASSERT_EQUAL(mpi_model_diff(&a, &m, &back).n, 0);
    CU_ASSERT(mpi_model_diff(&a, mpi_model_builtin(), &m).n > 0);
    arena_dispose(&a);
}

static struct str replaced(struct arena *a, struct str s, const char *what, const char *with)
{
    ptrdiff_t at = str_find_str(s, str_from(what));

    CU_ASSERT_FATAL(at >= 0);
    return str_printf(a, "%.*s%s%.*s", (int)at, s.p, with, (int)(s.n - (size_t)at - strlen(what)),
                      s.p + at + strlen(what));
}

static void a_model_that_cannot_be_is_refused(void)
{
    static const struct {
        const char *what, *with;
    } FAULTS[] = {
        {"\"format\":1", "\"format\":2"},
        {"\"link\":0.999", "\"link\":1.5"},
        {"\"link\":0.999", "\"link\":\"0.999\""},
        {"\"link\":0.999", "\"linc\":0.999"},
        {"\"link\":0.999", "\"link\":0.999,\"extra\":1"},
        {"\"link\":0.999", "\"link\":0.1"}, /* below review */
        {"\"m\":0.8", "\"m\":0"},
        {"\"m\":0.8", "\"m\":0.8,\"w\":1"},
        {"\"typing error\"", "\"typo\""},
        {"\"JAMES\":0.0125", "\"JAMES\":-1"},
        {"}", "]"},
    };
    struct mpi_model m;
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        struct str json =
            replaced(&a, mpi_model_builtin()->content, FAULTS[i].what, FAULTS[i].with);
        struct errors err;

        errors_init(&err, &a);
        CU_ASSERT_EQUAL(mpi_model_parse(&a, json, &m, &err), INVALID);
        CU_ASSERT(err.first != NULL && err.first->text.n > 0);
    }
    arena_dispose(&a);
}

static void the_built_in_model_sums_to_one(void)
{
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        const struct mpi_comparison_table *t = &MPI_COMPARISON_TABLES[c];
        double m = 0, u = 0;

        for (int l = 1; l < t->count; l++) {
            m += t->levels[l].m;
            u += t->levels[l].u;
        }
        CU_ASSERT_DOUBLE_EQUAL(m, 1, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(u, 1, 1e-9);
    }
}

SUITE(test_train, CASE(order_and_threads_change_no_bit), CASE(what_is_learnt_is_what_was_put_in),
      CASE(hardly_any_records_leave_the_built_in_model),
      CASE(judged_pairs_change_m_and_nothing_else), CASE(a_model_is_read_back_as_it_was_written),
      CASE(a_model_that_cannot_be_is_refused), CASE(the_built_in_model_sums_to_one));
