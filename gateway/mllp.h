/* The door for HL7 v2: which transaction a message is, and what failures look like. */
#pragma once

#include "hub/request.h"

extern const struct protocol mllp_protocol;
extern const struct transaction mllp_transactions[];
