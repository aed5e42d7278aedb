/* How far a long command is: one line on standard error while that is a terminal, else nothing.
 * Where the whole is known it is a bar with the time that is left. Any thread may tell. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "hub/base/str.h"

struct progress {
    const char *what; /* "documents" */
    uint64_t total;   /* 0: not known */
    int64_t began_us;
    _Atomic int64_t shown_us;
    _Atomic uint64_t done;
    bool terminal;
};

struct progress progress_begin(const char *what);
struct progress progress_begin_of(const char *what, uint64_t total);
/* So many are done; may be called for each. */
void progress_at(struct progress *p, uint64_t done);
void progress_add(struct progress *p, uint64_t more); /* than before */
void progress_end(struct progress *p);                /* takes the line away */
