/* `causeway xds source` and `causeway xds codes`: what members may submit, and the affinity
 * domain's codes. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind xds_source_kind;
int xds_codes_run(const void *context, int argc,
                  char **argv); /* a cli_verb with verbs of its own */
