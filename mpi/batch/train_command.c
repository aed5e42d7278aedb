#include <stdio.h>

#include "hub/base/hex.h"
#include "hub/command/cli_print.h"
#include "hub/command/progress.h"
#include "mpi/batch/commands.h"
#include "mpi/batch/run.h"

static const struct cli_option options[] = {
    RUN_OPTIONS,
    {"out", "FILE", "the model, as JSON"},
    {"seed", "N", "of the samples that are taken; default 0"},
    {"name", "NAME", "of the model; default trained"},
    {NULL, NULL, NULL},
};

static const struct cli cli = {
    "causeway mpi train --input FILE... --columns ROLE=HEADER,... --out FILE",
    "Learns from records how often the fields of one person agree, and those of two, without "
    "being\n"
    "told who is who: a model, as JSON, whose name is the hash of its content. The same records\n"
    "and seed give the same model, whatever the order of rows and the number of threads.\n"
    "`causeway mpi link --help` lists the roles.",
    options,
};

static enum status train(struct run *run)
{
    const char *seed = cli_value(&run->args, "seed"), *name = cli_value(&run->args, "name");
    struct mpi_training how = {.threads = run->options.threads, .name = str_from(name)};
    struct mpi_corpus corpus;

    if (seed != NULL && !str_to_u64(str_from(seed), &how.seed))
        return fail(run->args.err, INVALID, "seed", "--seed %s is no number", seed);
    TRY(run_read(run));
    corpus = dataset_corpus(&run->data);
    mpi_train(run->args.arena, &corpus, &how, &run->model);
    return run_model_write(&run->args, cli_value(&run->args, "out"), &run->model);
}

int mpi_train_command(const void *context, int argc, char **argv)
{
    struct run run;
    int done = run_start(&run, &cli, argc, argv);

    (void)context;
    if (done >= 0)
        return done;
    if (run.options.input_count == 0)
        return cli_usage(&cli, "--input names a file");
    if (cli_value(&run.args, "out") == NULL)
        return cli_usage(&cli, "--out names the file to write");
    if (train(&run) != OK)
        return cli_fail(&run.args);
    printf("%.*s\n", STR_ARG(hex_encode(run.args.arena, run.model.hash, sizeof(run.model.hash))));
    run_end(&run);
    return 0;
}
