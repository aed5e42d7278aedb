/* An exported log as a file: read line by line, in bounded memory. One thread. */
#pragma once

#include <stdio.h>

#include "hub/audit/log_check.h"

/* Calls read for each line, without its newline, with an arena of that line; until it fails.
 * digest: SHA-256 of the file; may be NULL. "-" reads standard input. */
enum status log_file_lines(const char *file,
                           enum status (*read)(void *context, struct arena *a, struct str line),
                           void *context, unsigned char digest[32], struct errors *err) MUST_CHECK;

/* All of hub/audit/log_check.h over a file. */
enum status log_file_check(struct arena *a, const char *file, const struct note_key *key,
                           struct str old, struct log_verdict *out, unsigned char digest[32],
                           struct errors *err) MUST_CHECK;
