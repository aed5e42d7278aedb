/* The verbs of `causeway mpi` that work on files; mpi/command.c lists them. Each is called as
 * cli_verb.run is, without a context. */
#pragma once

int mpi_link_command(const void *context, int argc, char **argv);
int mpi_eval_command(const void *context, int argc, char **argv);
int mpi_train_command(const void *context, int argc, char **argv);
int mpi_model_show_command(const void *context, int argc, char **argv);
int mpi_model_diff_command(const void *context, int argc, char **argv);
