#include "mpi/batch/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "hub/command/progress.h"
#include "mpi/batch/cluster.h"
#include "mpi/core/train.h"
#include "mpi/core/weigh.h"

static int read_threads(struct run *run, const struct cli *c)
{
    const char *text = cli_value(&run->args, "threads");
    uint64_t n = 0;

    run->options.threads = crew_default();
    if (text == NULL)
        return -1;
    if (!str_to_u64(str_from(text), &n) || n < 1 || n > 256)
        return cli_usage(c, "--threads is a number from 1 to 256");
    run->options.threads = (int)n;
    return -1;
}

int run_start(struct run *run, const struct cli *c, int argc, char **argv)
{
    const char *columns;
    int done;

    memset(run, 0, sizeof(*run));
    run->started_us = clock_monotonic_us();
    done = cli_parse(c, argc, argv, &run->args);
    if (done >= 0)
        return done;
    columns = cli_value(&run->args, "columns");
    run->options.input_count =
        cli_values(&run->args, "input", run->options.inputs, DATASET_FILES_MAX);
    run->options.columns = &run->columns;
    if (run->args.positional_count > 0)
        return cli_usage(c, "what is '%s'?", run->args.positional[0]);
    if (run->options.input_count > DATASET_FILES_MAX)
        return cli_usage(c, "at most %d files", DATASET_FILES_MAX);
    if (columns == NULL)
        return cli_usage(c, "--columns says what the columns mean");
    if (read_threads(run, c) >= 0)
        return 2;
    return -1;
}

enum status run_read(struct run *run)
{
    TRY(columns_parse(cli_value(&run->args, "columns"), false, &run->columns, run->args.err));
    TRY(dataset_read(&run->data, &run->options, run->args.arena, run->args.err));
    dataset_tell(&run->data, &run->options);
    return OK;
}

static enum status read_text(struct cli_args *args, const char *path, struct str *out)
{
    FILE *f = fopen(path, "rb");
    char *text;
    size_t n;

    if (f == NULL)
        return fail(args->err, NOT_FOUND, "model", "%s: %s", path, strerror(errno));
    text = arena_alloc(args->arena, MPI_MODEL_BYTES_MAX + 1);
    n = fread(text, 1, MPI_MODEL_BYTES_MAX + 1, f);
    fclose(f);
    if (n > MPI_MODEL_BYTES_MAX)
        return fail(args->err, INVALID, "model", "%s has more than 4 MiB: no model", path);
    *out = str_of(text, n);
    return OK;
}

enum status run_model_file(struct cli_args *args, const char *path, struct mpi_model *out)
{
    struct str json;

    TRY(read_text(args, path, &json));
    if (mpi_model_parse(args->arena, json, out, args->err) != OK)
        return fail(args->err, INVALID, "model", "%s is not a model", path);
    return OK;
}

enum status run_model_write(struct cli_args *args, const char *path, const struct mpi_model *m)
{
    FILE *f = fopen(path, "w");
    bool bad;

    if (f == NULL)
        return fail(args->err, UPSTREAM, "out", "%s: %s", path, strerror(errno));
    fwrite(m->content.p, 1, m->content.n, f);
    putc('\n', f);
    bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad)
        return fail(args->err, UPSTREAM, "out", "%s: %s", path, strerror(errno));
    return OK;
}

enum status run_model(struct run *run)
{
    const char *path = cli_value(&run->args, "model");
    struct mpi_corpus corpus = dataset_corpus(&run->data);
    struct mpi_training how = {.threads = run->options.threads};
    struct progress progress;

    if (path != NULL) {
        TRY(run_model_file(&run->args, path, &run->model));
    } else {
        progress = progress_begin_of("training", 0);
        progress_add(&progress, 0);
        mpi_train(run->args.arena, &corpus, &how, &run->model);
        progress_end(&progress);
    }
    mpi_dict_set_model(&run->data.dict, &run->model);
    return OK;
}

void run_end(struct run *run)
{
    dataset_dispose(&run->data);
    if (run->truth.by_regex)
        regfree(&run->truth.regex);
}

/* --- people */

static uint32_t root_of(uint32_t *person, uint32_t i)
{
    while (person[i] != i)
        i = person[i] = person[person[i]];
    return i;
}

static void join(void *context, const uint32_t *a, size_t a_count, const uint32_t *b,
                 size_t b_count, double height)
{
    uint32_t *person = context, x = root_of(person, a[0]), y = root_of(person, b[0]);

    (void)a_count;
    (void)b_count;
    (void)height;
    person[x > y ? x : y] = x > y ? y : x;
}

uint32_t *run_people(const struct linking *l)
{
    struct cluster_options o = {.least = mpi_posterior_bits(l->model->link),
                                .guarded = true,
                                .margin = l->model->margin};
    uint32_t *person = malloc((l->d->count + 1) * sizeof(*person));

    must(person != NULL, "memory for the people");
    for (size_t i = 0; i < l->d->count; i++)
        person[i] = (uint32_t)i;
    cluster_pairs(l->pairs.items, l->pairs.count, l->d->count, &o, join, person);
    for (size_t i = 0; i < l->d->count; i++)
        person[i] = root_of(person, (uint32_t)i);
    return person;
}
