/* `causeway member agreement`: what may flow between members. hub/main.c hands the verbs to
 * `causeway member`, which does not know consent. */
#pragma once

#include "hub/command/cli.h"

extern const struct cli_verb agreement_verbs[]; /* ends with a NULL name */
