/* `causeway consent`: the domain's default and patients' permits and denials. */
#pragma once

#include "hub/module.h"

extern const struct command consent_command;
