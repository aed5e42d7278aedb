/* The log's doors on the members' port: its checkpoints, proofs, and members' cosignatures.
 *
 *   GET  /log/checkpoint             the newest signed note (C2SP tlog-checkpoint), with
 * cosignatures GET  /log/consistency?old=SIZE   "old SIZE", the proof's lines, an empty line, the
 * newest checkpoint: the body of C2SP tlog-witness' add-checkpoint GET  /log/proof?record=ID that a
 * record is in the log (C2SP tlog-proof); nothing of what it says POST /log/cosignature a
 * checkpoint of this log with the member's cosignature lines (C2SP tlog-cosignature), by keys of
 * `causeway member cosigner`
 *
 * Plain text. What a member cosigns it has compared with what it kept: `causeway audit cosign`. */
#pragma once

#include "hub/module.h"

extern const struct hub_module log_door_module;
