/* `causeway xds`: the repository by hand. */
#pragma once

#include "hub/module.h"

extern const struct command xds_command;
