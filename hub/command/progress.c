#include "hub/command/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "hub/base/clock.h"

#define EVERY_US (US_PER_SECOND / 5)

struct progress progress_begin(const char *what)
{
    return (struct progress){what, clock_monotonic_us(), 0, false};
}

void progress_at(struct progress *p, uint64_t done)
{
    int64_t now = clock_monotonic_us();

    if (now - p->shown_us < EVERY_US)
        return;
    p->shown_us = now;
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r\033[K%llu %s, %llu a second", (unsigned long long)done, p->what,
            (unsigned long long)((double)done * 1e6 / (double)(now - p->began_us + 1)));
    fflush(stderr);
    p->shown = true;
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
