/* `causeway mpi reindex`: the look-up keys made again, while the hub serves. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind mpi_kind_reindex;
