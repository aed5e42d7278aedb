#include "mpi/command.h"

#include "hub/command/cli.h"

/* One row a verb. `link` has two forms, told apart by its arguments: with --input it links files,
 * with a record and a person it is a steward's word. */
static const struct cli_verb verbs[] = {
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch("mpi", "The master patient index: which records are of one person.", verbs,
                        argc, argv);
}

const struct command mpi_command = {"mpi", "who is who: link, judge and explain records", run};
