/* `causeway mpi model list|activate|shadow`: the models of the live index. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind mpi_kind_model_list, mpi_kind_model_activate,
    mpi_kind_model_shadow;
