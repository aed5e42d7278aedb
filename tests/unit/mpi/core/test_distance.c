/* mpi/core/distance: the bit-parallel distances against slow, obvious ones. */
#include "mpi/core/distance.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/suite.h"

/* Jaro (1989) as the text books have it, the shorter value first. */
static double slow_jaro(struct str a, struct str b)
{
    bool in_a[64] = {false}, in_b[64] = {false};
    size_t longer = a.n > b.n ? a.n : b.n, window = longer > 3 ? longer / 2 - 1 : 0, k = 0;
    double common = 0, crossed = 0;

    for (size_t j = 0; j < b.n; j++)
        for (size_t i = j > window ? j - window : 0; i < a.n && i <= j + window; i++)
            if (!in_a[i] && a.p[i] == b.p[j]) {
                in_a[i] = in_b[j] = true;
                common++;
                break;
            }
    for (size_t j = 0; j < b.n; j++) {
        if (!in_b[j])
            continue;
        while (!in_a[k])
            k++;
        crossed += a.p[k++] != b.p[j];
    }
    if (common == 0)
        return 0;
    return (common / (double)a.n + common / (double)b.n + (common - floor(crossed / 2)) / common) /
           3;
}

static double slow_jaro_winkler(struct str a, struct str b)
{
    bool turn = a.n > b.n || (a.n == b.n && str_compare(a, b) > 0);
    double jaro = turn ? slow_jaro(b, a) : slow_jaro(a, b);
    size_t start = 0;

    while (start < 4 && start < a.n && start < b.n && a.p[start] == b.p[start])
        start++;
    return jaro + (double)start * 0.1 * (1 - jaro);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned slow_osa(struct str a, struct str b)
{
    unsigned d[65][65];

    for (unsigned i = 0; i <= a.n; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= b.n; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= a.n; i++)
        for (size_t j = 1; j <= b.n; j++) {
            unsigned cost = a.p[i - 1] != b.p[j - 1];

            d[i][j] = least(least(d[i - 1][j] + 1, d[i][j - 1] + 1), d[i - 1][j - 1] + cost);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.n][b.n];
}

/* Words of few letters, so that much agrees. */
static struct str word(char *at, unsigned *seed, size_t longest)
{
    size_t n = (size_t)rand_r(seed) % (longest + 1);

    for (size_t i = 0; i < n; i++)
        at[i] = (char)('A' + rand_r(seed) % 4);
    return str_of(at, n);
}

static void distances_are_those_of_the_textbook(void)
{
    unsigned seed = 7;
    char x[64], y[64];

    for (int i = 0; i < 40000; i++) {
        size_t longest = i % 3 == 0 ? 64 : 10;
        struct str a = word(x, &seed, longest), b = word(y, &seed, longest);

        CU_ASSERT_EQUAL(mpi_osa(a, b), slow_osa(a, b));
        if (a.n > 0 && b.n > 0)
            CU_ASSERT_DOUBLE_EQUAL(mpi_jaro_winkler(a, b), slow_jaro_winkler(a, b), 1e-12);
        CU_ASSERT_EQUAL(mpi_jaro_winkler(a, b), mpi_jaro_winkler(b, a));
        CU_ASSERT_EQUAL(mpi_osa(a, b), mpi_osa(b, a));
    }
}

static void known_values(void)
{
    CU_ASSERT_DOUBLE_EQUAL(mpi_jaro_winkler(STR("MARTHA"), STR("MARHTA")), 0.9611, 0.0001);
    CU_ASSERT_DOUBLE_EQUAL(mpi_jaro_winkler(STR("DIXON"), STR("DICKSONX")), 0.8133, 0.0001);
    CU_ASSERT_EQUAL(mpi_osa(STR("CA"), STR("AC")), 1);
    CU_ASSERT_EQUAL(mpi_osa(STR("CA"), STR("ABC")), 3);
    CU_ASSERT_EQUAL(mpi_osa(STR(""), STR("ABC")), 3);
    CU_ASSERT_EQUAL(mpi_jaro_winkler(STR(""), STR("")), 1);
    CU_ASSERT_EQUAL(mpi_jaro_winkler(STR("A"), STR("")), 0);
}

SUITE(test_distance, CASE(distances_are_those_of_the_textbook), CASE(known_values));
