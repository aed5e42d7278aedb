/* `causeway mpi task`: the stewards' list. */
#pragma once

int mpi_task_command(const void *context, int argc, char **argv);
