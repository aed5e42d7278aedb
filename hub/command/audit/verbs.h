/* The verbs of `causeway audit`: audit_command.c lists them. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind audit_search_kind;
