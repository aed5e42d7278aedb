/* A model: the parameters of the matching core. A JSON file; its name is the SHA-256 of its
 * canonical content, so a decision that stores the hash can be made again.
 *
 * Reading is strict: keys, ranges and sizes are checked, and what cannot be is refused with words.
 * A model that was read does not change and may be used by any thread. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "mpi/core/dict.h"
#include "mpi/core/levels.h"

enum {
    MPI_MODEL_BYTES_MAX = 4 << 20,
    MPI_MODEL_VALUES_MAX = 8192, /* of one frequency table */
};

struct mpi_frequent {
    struct str value;
    double frequency;
};

/* Values in ascending order of their bytes; all others have `floor`. */
struct mpi_frequency_table {
    struct mpi_frequent *values;
    size_t count;
    double floor;
};

/* X(name, default, least, most): the thresholds. Weights are bits (log2 of odds). */
#define MPI_THRESHOLDS(X)                                                                          \
    X(link, .999, .5, 1)     /* posterior at which a record is linked by itself */                 \
    X(review, .5, .001, 1)   /* and at which a steward is asked */                                 \
    X(margin, 3, 0, 60)      /* bits by which the best person must lead */                         \
    X(evidence, 20, 0, 200)  /* bits that a record must be able to show for a link */              \
    X(household, 14, 0, 60)  /* most that address, telephone and family name add */                \
    X(generation, 13, 5, 60) /* years between namesakes that make them parent and child */

struct mpi_model {
    struct str name;
    double lambda; /* probability that two records taken at random are one person's */
    struct {
        double m, u;
    } levels[MPI_COMPARISON_COUNT][MPI_LEVELS_MAX];
    double weights[MPI_COMPARISON_COUNT][MPI_LEVELS_MAX]; /* log2(m/u), worked out */
    double prior;                                         /* log2 odds of lambda, likewise */
    double average[MPI_COMPARISON_COUNT]; /* log2 of the u that a value's rarity is held against */
#define X(name, value, least, most) double name;
    MPI_THRESHOLDS(X)
#undef X
    struct mpi_frequency_table frequencies[MPI_FREQUENCY_COUNT];
    double records; /* that it was trained on; 0: the built-in */
    unsigned char hash[32];
    struct str content; /* canonical JSON, of which hash is */
};

/* The model that is built in: levels.h and frequent.def. Made once, lives as long as the process.
 */
const struct mpi_model *mpi_model_builtin(void);

/* Values lie on the arena. INVALID with what is wrong. */
enum status mpi_model_parse(struct arena *a, struct str json, struct mpi_model *out,
                            struct errors *err) MUST_CHECK;
/* Sets weights, content and hash from the rest; the content lies on the arena. */
void mpi_model_seal(struct arena *a, struct mpi_model *m);

/* What changed, a line a parameter: "birth_date / exact: m 0.91 -> 0.88, u ..., weight ...". */
struct str mpi_model_diff(struct arena *a, const struct mpi_model *from,
                          const struct mpi_model *to);

double mpi_model_frequency(const struct mpi_model *m, enum mpi_frequency f, struct str value);
