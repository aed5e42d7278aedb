/* How records of the audit log are shown: a table for people, lines of JSON for scripts. */
#pragma once

#include "hub/audit/search.h"

void audit_show_table(struct strbuf *out, struct arena *a, const struct audit_found *found);
/* The record as it is; what cannot be read shows what the search knows of it. */
void audit_show_json(struct strbuf *out, struct arena *a, const struct audit_found *found);
