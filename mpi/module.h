/* The index as the hub's main sees it. */
#pragma once

#include "hub/module.h"

extern const struct hub_module mpi_module;
