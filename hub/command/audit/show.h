/* How records of the audit log are shown: a table for people, lines of JSON for scripts. */
#pragma once

#include "hub/audit/search.h"

void audit_show_table(struct strbuf *out, struct arena *a, const struct audit_found *found);
/* The record as it is; what cannot be read shows what the search knows of it. */
void audit_show_json(struct strbuf *out, struct arena *a, const struct audit_found *found);

/* TIME/ID: how one record is named. */
struct str audit_entry_name(struct arena *a, const struct audit_entry *e);
/* "st-mary (dr.kim)", or "-" when the record cannot be read. */
struct str audit_entry_who(struct arena *a, const struct audit_entry *e);
/* Break-glass, by the record's purpose of use or by its event. */
bool audit_entry_emergency(const struct audit_entry *e);
