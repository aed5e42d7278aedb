#include "mpi/batch/metrics.h"

#include <string.h>

#include "tests/support/suite.h"

enum { RECORDS = 40 };

/* Records with entities and files drawn by a small generator; 0 is nobody's. */
static void make(struct dataset *d, uint64_t seed)
{
    memset(d, 0, sizeof(*d));
    growing_init(&d->rows, sizeof(struct dataset_row));
    for (size_t i = 0; i < RECORDS; i++) {
        struct dataset_row *row = growing_add(&d->rows, 1);

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        row->entity = (uint32_t)(seed >> 33) % 9;
        row->file = (uint8_t)((seed >> 50) % 3);
    }
    d->count = RECORDS;
}

static uint64_t slow_total(const struct truth *t)
{
    uint64_t n = 0;

    for (uint32_t a = 0; a < RECORDS; a++)
        for (uint32_t b = a + 1; b < RECORDS; b++)
            n += truth_counts(t, a, b) && truth_same(t, a, b);
    return n;
}

static void the_pairs_of_the_truth_are_counted(void)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        for (int between = 0; between < 2; between++) {
            struct dataset d;
            struct truth t;

            make(&d, seed);
            truth_from_entities(&t, &d, between == 1);
            CU_ASSERT_EQUAL(t.total, slow_total(&t));
            truth_dispose(&t);
            growing_dispose(&d.rows);
        }
}

/* The definition: for each record, the share of its group that is its entity, and the reverse. */
static double slow_b3(const struct truth *t, const uint32_t *person)
{
    double precision = 0, recall = 0;

    for (uint32_t a = 0; a < RECORDS; a++) {
        double group = 0, entity = 0, both = 0;

        for (uint32_t b = 0; b < RECORDS; b++) {
            bool one = a == b || truth_same(t, a, b);

            group += person[a] == person[b];
            entity += one;
            both += one && person[a] == person[b];
        }
        precision += both / group / RECORDS;
        recall += both / entity / RECORDS;
    }
    return 2 * precision * recall / (precision + recall);
}

static void b_cubed_is_what_its_definition_says(void)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct dataset d;
        struct truth t;
        uint32_t person[RECORDS];

        make(&d, seed);
        truth_from_entities(&t, &d, false);
        for (uint32_t i = 0; i < RECORDS; i++)
            person[i] = (i * (uint32_t)seed) % 7;
        CU_ASSERT_DOUBLE_EQUAL(metrics_b3(&t, person), slow_b3(&t, person), 1e-9);
        truth_dispose(&t);
        growing_dispose(&d.rows);
    }
}

static void scores_follow_from_the_counts(void)
{
    struct score s = score_of(30, 10, 60);

    CU_ASSERT_DOUBLE_EQUAL(s.precision, .75, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(s.recall, .5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(s.f1, .6, 1e-12);
    CU_ASSERT_EQUAL(s.fn, 30);
    CU_ASSERT_EQUAL(score_of(0, 0, 0).f1, 0);
}

/* Joins of single records, so that each is one pair: the best cut is found by trying all. */
static void the_best_threshold_is_the_best_of_all(void)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct dataset d;
        struct truth t;
        struct curve c;
        struct score best;
        double tried = 0;

        make(&d, seed);
        truth_from_entities(&t, &d, false);
        curve_init(&c, &t);
        for (uint32_t a = 0; a + 1 < RECORDS; a++) {
            uint32_t b = a + 1;

            curve_join(&c, &a, 1, &b, 1, (double)(a * 7 % 11));
        }
        best = curve_best(&c);
        for (int bits = -1; bits < 12; bits++)
            tried = curve_at(&c, bits).f1 > tried ? curve_at(&c, bits).f1 : tried;
        CU_ASSERT_DOUBLE_EQUAL(best.f1, tried, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(best.f1, curve_at(&c, best.threshold).f1, 1e-12);
        curve_dispose(&c);
        truth_dispose(&t);
        growing_dispose(&d.rows);
    }
}

SUITE(test_metrics, CASE(the_pairs_of_the_truth_are_counted),
      CASE(b_cubed_is_what_its_definition_says), CASE(scores_follow_from_the_counts),
      CASE(the_best_threshold_is_the_best_of_all));
