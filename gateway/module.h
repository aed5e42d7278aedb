/* The gateway as the hub's main sees it: the doors of HL7 v2. */
#pragma once

#include "hub/module.h"

extern const struct hub_module gateway_module;
