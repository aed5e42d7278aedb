/* The hub's own sub-commands; hub/main.c lists them beside those of the rooms. */
#pragma once

#include "hub/module.h"

extern const struct command migrate_command, doctor_command, member_command, audit_command,
    outbox_command;

struct cli_verb;
/* The verbs of `causeway member agreement`, which lie in another room. hub/main.c sets them. */
void member_command_set_agreements(const struct cli_verb *verbs);
