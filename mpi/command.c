#include "mpi/command.h"

#include "hub/command/operation.h"
#include "mpi/person_command.h"
#include "mpi/steward_command.h"
#include "mpi/task_command.h"

/* One row a verb. `link` has two forms, told apart by its arguments: with --input it links files,
 * with a record and a person it is a steward's word. */
static const struct cli_verb verbs[] = {
    {"person", "what is believed of a person, and why", operation_run, &mpi_kind_person},
    {"record", "a record's versions, links and decisions", operation_run, &mpi_kind_record},
    {"task", "what waits for a steward", mpi_task_command, NULL},
    {"link", "a record belongs to this person", operation_run, &mpi_kind_link},
    {"unlink", "a record does not belong to its person", operation_run, &mpi_kind_unlink},
    {"merge", "two persons are one", operation_run, &mpi_kind_merge},
    {"unmerge", "take a merge, link or unlink back", operation_run, &mpi_kind_unmerge},
    {"no-link", "two records are never of one person", operation_run, &mpi_kind_no_link},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch("mpi", "The master patient index: which records are of one person.", verbs,
                        argc, argv);
}

const struct command mpi_command = {"mpi", "who is who: link, judge and explain records", run};
