/* `causeway mpi link|unlink|merge|unmerge|no-link`: the words of stewards at a terminal. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind mpi_kind_link, mpi_kind_unlink, mpi_kind_merge, mpi_kind_unmerge,
    mpi_kind_no_link;
