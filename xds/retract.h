/* `causeway xds retract`: a document that was filed under the wrong patient. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind xds_retract_kind;
