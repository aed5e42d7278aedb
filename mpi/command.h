/* `causeway mpi`: the index by hand, live and in batches. */
#pragma once

#include "hub/module.h"

extern const struct command mpi_command;
