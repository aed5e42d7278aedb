/* The room's entry in the table of modules (hub/main.c). */
#pragma once

#include "hub/module.h"

extern const struct hub_module gateway_module;
