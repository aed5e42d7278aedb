/* Searches that auditors named: `--save NAME` keeps the conditions beside it, `--saved NAME` adds
 * them to those given, which stand above them. Paging and paths are not kept. */
#pragma once

#include "hub/command/operation.h"

/* Puts the conditions of --saved before those given. NOT_FOUND when nothing bears the name. */
enum status audit_saved_apply(struct operation *o) MUST_CHECK;
/* Queues what --save asks for; INVALID when there is no condition to keep. */
enum status audit_saved_keep(struct operation *o) MUST_CHECK;

extern const struct cli_verb audit_saved_verbs[]; /* `causeway audit saved`: list, remove */
