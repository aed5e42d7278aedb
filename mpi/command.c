#include "mpi/command.h"

#include <stdio.h>
#include <string.h>

#include "hub/command/operation.h"
#include "mpi/batch/commands.h"
#include "mpi/explain_command.h"
#include "mpi/match_command.h"
#include "mpi/model_command.h"
#include "mpi/person_command.h"
#include "mpi/refine_command.h"
#include "mpi/reindex_command.h"
#include "mpi/steward_command.h"
#include "mpi/task_command.h"

/* `link` has two forms: with --input it links files, else it is a steward's word. */
static int link_either(const void *context, int argc, char **argv)
{
    int done;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--input", 7) == 0)
            return mpi_link_command(NULL, argc, argv);
        if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0)
            continue;
        done = operation_run(context, argc, argv);
        putchar('\n');
        return done | mpi_link_command(NULL, argc, argv);
    }
    return operation_run(context, argc, argv);
}

static int model(const void *context, int argc, char **argv)
{
    static const struct cli_verb models[] = {
        {"show", "a model's parameters", mpi_model_show_command, NULL},
        {"diff", "what one model has that another has not", mpi_model_diff_command, NULL},
        {"list", "the models that the hub knows", operation_run, &mpi_kind_model_list},
        {"shadow", "how would this model have decided?", operation_run, &mpi_kind_model_shadow},
        {"refine", "learn from what stewards decided", operation_run, &mpi_kind_model_refine},
        {"activate", "let this model decide", operation_run, &mpi_kind_model_activate},
        {NULL, NULL, NULL, NULL},
    };

    (void)context;
    return cli_dispatch("mpi model", "Models: the parameters of the matching core.", models, argc,
                        argv);
}

/* One row a verb. */
static const struct cli_verb verbs[] = {
    {"person", "what is believed of a person, and why", operation_run, &mpi_kind_person},
    {"record", "a record's versions, links and decisions", operation_run, &mpi_kind_record},
    {"explain", "the evidence of a decision", operation_run, &mpi_kind_explain},
    {"replay", "make decisions again, and compare", operation_run, &mpi_kind_replay},
    {"task", "what waits for a steward", mpi_task_command, NULL},
    {"link", "a record belongs to this person; with --input: the records of files", link_either,
     &mpi_kind_link},
    {"unlink", "a record does not belong to its person", operation_run, &mpi_kind_unlink},
    {"merge", "two persons are one", operation_run, &mpi_kind_merge},
    {"unmerge", "take a merge, link or unlink back", operation_run, &mpi_kind_unmerge},
    {"no-link", "two records are never of one person", operation_run, &mpi_kind_no_link},
    {"match", "whom a patient like this would be linked to; nothing is made", operation_run,
     &mpi_kind_match},
    {"eval", "link files, and say how well it went", mpi_eval_command, NULL},
    {"train", "learn a model from the records of files", mpi_train_command, NULL},
    {"reindex", "make the look-up keys again", operation_run, &mpi_kind_reindex},
    {"model", "show and compare models", model, NULL},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch("mpi", "The master patient index: which records are of one person.", verbs,
                        argc, argv);
}

const struct command mpi_command = {"mpi", "who is who: link, judge and explain records", run};
