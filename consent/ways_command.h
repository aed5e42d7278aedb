/* `causeway consent import|export|policy|flags`: consents that come from elsewhere. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind consent_import_kind, consent_export_kind;
int consent_policy_run(const void *context, int argc, char **argv);
int consent_flags_run(const void *context, int argc, char **argv);
