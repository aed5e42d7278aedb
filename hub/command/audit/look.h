/* Looking at the audit log is an event too (110101 Audit Log Used): each command that shows records
 * writes a row about it, in the transaction that reads them. */
#pragma once

#include "hub/audit/search.h"
#include "hub/command/operation.h"

/* `what` is the command's own name, "audit search"; the options stand in the row as given. */
void audit_look(struct operation *o, struct str what, const struct audit_filter *f,
                const struct audit_found *found);
