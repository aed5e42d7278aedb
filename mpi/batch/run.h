/* What `causeway mpi link`, `eval` and `train` share: their options, the records, the model. */
#pragma once

#include "hub/command/cli.h"
#include "mpi/batch/link.h"

#define RUN_OPTIONS                                                                                \
    {"input", "FILE", "a CSV file; may be given several times (- is standard input)"},             \
        {"columns", "ROLE=HEADER,...", "what the columns mean; see the list of roles"},            \
    {                                                                                              \
        "threads", "N", "default: as many as there are processors"                                 \
    }
#define RUN_MODEL_OPTION                                                                           \
    {                                                                                              \
        "model", "FILE", "score by this model; default: one trained on the records themselves"     \
    }

struct run {
    struct cli_args args;
    struct columns columns;
    struct dataset_options options;
    struct truth_rule truth; /* when options.truth points to it */
    struct dataset data;
    struct mpi_model model;
    int64_t started_us;
};

/* Reads the options of `c` and what they name; -1: go on, else the exit status. */
int run_start(struct run *run, const struct cli *c, int argc, char **argv);
/* Reads the records. */
enum status run_read(struct run *run) MUST_CHECK;
/* The model of --model, or one trained on the records; the records' values get its frequencies. */
enum status run_model(struct run *run) MUST_CHECK;
void run_end(struct run *run);

/* A model from a file. */
enum status run_model_file(struct cli_args *args, const char *path,
                           struct mpi_model *out) MUST_CHECK;
/* The other way. UPSTREAM when it cannot be written. */
enum status run_model_write(struct cli_args *args, const char *path,
                            const struct mpi_model *m) MUST_CHECK;

/* People: who is linked to whom at the model's thresholds. person[i] is the least record of i's
 * group. */
uint32_t *run_people(const struct linking *l);
