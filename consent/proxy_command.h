/* `causeway consent proxy`: who represents a patient, how far and until when. */
#pragma once

#include "hub/command/operation.h"

int consent_proxy_run(const void *context, int argc, char **argv);
