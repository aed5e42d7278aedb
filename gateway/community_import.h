/* `causeway community import`: communities and their addresses out of a directory (mCSD). */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind community_import_kind;
