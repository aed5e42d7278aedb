/* The verbs of `causeway audit`: audit_command.c lists them. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind audit_search_kind, audit_export_kind, audit_watch_kind;
extern const struct cli_verb audit_staff_verbs[], audit_vip_verbs[], audit_case_verbs[],
    audit_review_verbs[], audit_report_verbs[];
