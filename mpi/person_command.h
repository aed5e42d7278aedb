/* `causeway mpi person` and `causeway mpi record`: what the index believes, and how it came to. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind mpi_kind_person, mpi_kind_record;
