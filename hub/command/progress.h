/* How far a long command is: one line on standard error while that is a terminal, else nothing. */
#pragma once

#include <stdint.h>

#include "hub/base/str.h"

struct progress {
    const char *what; /* "documents" */
    int64_t began_us, shown_us;
    bool shown;
};

struct progress progress_begin(const char *what);
/* So many are done; may be called for each. */
void progress_at(struct progress *p, uint64_t done);
void progress_end(struct progress *p); /* takes the line away */
