/* The hub's own sub-commands; hub/main.c lists them beside those of the rooms. */
#pragma once

#include "hub/module.h"

extern const struct command migrate_command, doctor_command, member_command, audit_command,
    outbox_command;

struct identifier;
struct person;
struct request;

/* Lets `causeway audit search --patient` ask the index, another room's, whose identifier it is and
 * who was merged into that person. NOT_FOUND: the log alone is asked. hub/main.c sets it. */
void audit_command_set_resolver(enum status (*resolve)(struct request *rq, struct identifier id,
                                                       struct person *out));
