#include <stdio.h>

#include "hub/base/hex.h"
#include "hub/command/cli_print.h"
#include "mpi/batch/commands.h"
#include "mpi/batch/run.h"
#include "mpi/core/levels.h"

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};

static const struct cli show_cli = {
    "causeway mpi model show [FILE]",
    "A model's parameters: for each level of agreement how often it is met among pairs of one\n"
    "person (m) and of two (u), and the bits of evidence that follow. Without FILE the built-in\n"
    "one. With --json the model itself.",
    no_options,
};

static const struct cli diff_cli = {
    "causeway mpi model diff FILE [FILE]",
    "What the second model has that the first has not, a line a parameter; with one FILE, what it\n"
    "changes of the built-in model. Exit status 1 when they differ.",
    no_options,
};

/* The file's model, or the built-in one where no file is named. */
static enum status take_model(struct cli_args *args, size_t i, struct mpi_model *out)
{
    if (i < args->positional_count)
        return run_model_file(args, args->positional[i], out);
    *out = *mpi_model_builtin();
    return OK;
}

static void print_levels(struct cli_table *t, const struct mpi_model *m, int c)
{
    const struct mpi_comparison_table *table = &MPI_COMPARISON_TABLES[c];

    for (int level = 1; level < table->count; level++)
        cli_table_row(t, level == 1 ? str_from(table->key) : STR_NONE,
                      str_from(table->levels[level].text),
                      str_printf(t->arena, "%.6f", m->levels[c][level].m),
                      str_printf(t->arena, "%.8f", m->levels[c][level].u),
                      str_printf(t->arena, "%+.2f", m->weights[c][level]));
}

static void print_model(struct arena *a, const struct mpi_model *m)
{
    struct strbuf b = strbuf_on(a, 8192);
    struct cli_table t = cli_table_on(a, 5);

    strbuf_addf(&b, "name    %.*s\nhash    %.*s\nrecords %.0f\nlambda  %.3g\n", STR_ARG(m->name),
                STR_ARG(hex_encode(a, m->hash, sizeof(m->hash))), m->records, m->lambda);
#define X(name, value, least, most) strbuf_addf(&b, "%-11s %g\n", #name, m->name);
    MPI_THRESHOLDS(X)
#undef X
    strbuf_addc(&b, '\n');
    cli_table_row(&t, STR("COMPARISON"), STR("LEVEL"), STR("M"), STR("U"), STR("BITS"));
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        print_levels(&t, m, c);
    cli_table_write(&t, &b);
    fwrite(b.p, 1, b.n, stdout);
}

int mpi_model_show_command(const void *context, int argc, char **argv)
{
    struct cli_args args;
    struct mpi_model m;
    int done = cli_parse(&show_cli, argc, argv, &args);

    (void)context;
    if (done >= 0)
        return done;
    if (args.positional_count > 1)
        return cli_usage(&show_cli, "one model at a time");
    if (take_model(&args, 0, &m) != OK)
        return cli_fail(&args);
    if (args.json)
        printf("%.*s\n", STR_ARG(m.content));
    else
        print_model(args.arena, &m);
    return 0;
}

int mpi_model_diff_command(const void *context, int argc, char **argv)
{
    struct cli_args args;
    struct mpi_model from, to;
    struct str words;
    int done = cli_parse(&diff_cli, argc, argv, &args);

    (void)context;
    if (done >= 0)
        return done;
    if (args.positional_count < 1 || args.positional_count > 2)
        return cli_usage(&diff_cli, "one or two models");
    /* One file is compared with the built-in model, which comes first. */
    if (take_model(&args, args.positional_count == 1 ? 1 : 0, &from) != OK ||
        take_model(&args, args.positional_count == 1 ? 0 : 1, &to) != OK)
        return cli_fail(&args);
    words = mpi_model_diff(args.arena, &from, &to);
    fwrite(words.p, 1, words.n, stdout);
    return words.n > 0;
}
