/* What is asked of the audit log: the options of a search, read into a filter. */
#pragma once

#include "hub/audit/search.h"
#include "hub/command/operation.h"

enum { AUDIT_ASKED_LIMIT = 50 }; /* rows at a time, unless --limit says another number */

/* A patient's identifier is looked up in the index too, when it is written out (CX): who was merged
 * into that person is sought as well. */
enum status audit_asked(struct operation *o, struct audit_filter *f) MUST_CHECK;
