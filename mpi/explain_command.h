/* `causeway mpi explain` and `causeway mpi replay`: decisions shown, and made again. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind mpi_kind_explain, mpi_kind_replay;
