/* How well records were linked, beside the truth. */
#pragma once

#include "mpi/batch/link.h"

/* Which pairs are of one person. Entities are those of the dataset's rows, or the groups that
 * listed pairs make. */
struct truth {
    const struct dataset *d;
    bool between;     /* only pairs of different files count */
    uint32_t *entity; /* of each record; 0: of nobody else's */
    uint64_t *listed; /* a << 32 | b, ascending; NULL: the entities say which pairs */
    size_t listed_count;
    uint64_t total; /* pairs */
};

/* From the dataset's entities. */
void truth_from_entities(struct truth *t, const struct dataset *d, bool between);
/* From a CSV whose first two columns of identifiers that the dataset knows are pairs; rows that a
 * column of labels says are none are passed over. */
enum status truth_from_pairs(struct truth *t, const struct dataset *d, bool between,
                             const char *path, struct arena *a, struct errors *err) MUST_CHECK;
void truth_dispose(struct truth *t);
bool truth_counts(const struct truth *t, uint32_t a, uint32_t b); /* the pair is to be judged */
bool truth_same(const struct truth *t, uint32_t a, uint32_t b);

struct score {
    uint64_t tp, fp, fn;
    double precision, recall, f1, threshold; /* bits */
};

/* Joins of groups, as cluster_pairs tells them, counted against the truth. */
struct curve {
    const struct truth *truth;
    struct growing cuts; /* struct cut */
};
void curve_init(struct curve *c, const struct truth *t);
void curve_join(void *curve, const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                double height); /* a cluster_join */
struct score curve_best(struct curve *c);
struct score curve_at(const struct curve *c, double bits); /* joins of at least that height */
void curve_dispose(struct curve *c);

/* Of pairs: tp and fp among those predicted. */
struct score score_of(uint64_t tp, uint64_t fp, uint64_t total);

/* B-cubed (Bagga and Baldwin 1998): `person` gives each record's group, equal for one group. */
double metrics_b3(const struct truth *t, const uint32_t *person);
