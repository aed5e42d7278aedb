/* `causeway mpi match`: what a feed with these demographics would decide, and nothing of it done.
 */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind mpi_kind_match;
