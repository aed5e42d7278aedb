/* `causeway mpi model refine`: a model whose m is learnt from what stewards decided. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind mpi_kind_model_refine;
