/* `causeway community`: other communities, where they are reached, and what is put up with. */
#pragma once

#include "hub/module.h"

extern const struct command community_command;
