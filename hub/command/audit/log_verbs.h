/* The log's part of `causeway audit`: sealing, proofs, export and verification, erasure, archives.
 * Each is the `run` of a verb in the table of audit_command.c. */
#pragma once

#include "hub/command/operation.h"

int audit_key_run(const void *context, int argc, char **argv);
int audit_seal_run(const void *context, int argc, char **argv);
int audit_checkpoint_run(const void *context, int argc, char **argv);
int audit_cosign_run(const void *context, int argc, char **argv);
int audit_verify_run(const void *context, int argc, char **argv);

/* With operation_run: they look at the log, and write a row about it. */
extern const struct operation_kind audit_prove_kind, audit_export_log_kind;
/* What the hub's role may not do: over the owner's connection. */
extern const struct operation_kind audit_erase_kind, audit_archive_kind, audit_restore_kind;
