#include "hub/command/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "hub/base/clock.h"

#define EVERY_US (US_PER_SECOND / 5)
enum { WIDTH = 30 };

struct progress progress_begin(const char *what)
{
    return progress_begin_of(what, 0);
}

struct progress progress_begin_of(const char *what, uint64_t total)
{
    return (struct progress){.what = what,
                             .total = total,
                             .began_us = clock_monotonic_us(),
                             .terminal = isatty(STDERR_FILENO) == 1};
}

static void draw(const struct progress *p, uint64_t done, int64_t now)
{
    static const char full[] = "##############################";
    static const char none[] = "..............................";
    double seconds = (double)(now - p->began_us + 1) / 1e6;
    double share = p->total > 0 ? (double)done / (double)p->total : 0;
    int width = share < 1 ? (int)(share * WIDTH) : WIDTH;

    if (p->total == 0)
        fprintf(stderr, "\r\033[K%llu %s, %.0f a second", (unsigned long long)done, p->what,
                (double)done / seconds);
    else
        fprintf(stderr, "\r\033[K%-12s [%.*s%.*s] %3.0f %%, %.0f s left", p->what, width, full,
                WIDTH - width, none, 100 * share, share > 0 ? seconds * (1 / share - 1) : 0);
    fflush(stderr);
}

static void show(struct progress *p, uint64_t done)
{
    int64_t now, shown = p->shown_us;

    if (!p->terminal)
        return;
    now = clock_monotonic_us();
    if (now - shown >= EVERY_US && atomic_compare_exchange_strong(&p->shown_us, &shown, now))
        draw(p, done, now);
}

void progress_at(struct progress *p, uint64_t done)
{
    p->done = done;
    show(p, done);
}

void progress_add(struct progress *p, uint64_t more)
{
    show(p, atomic_fetch_add(&p->done, more) + more);
}

void progress_end(struct progress *p)
{
    if (p->shown_us != 0)
        fputs("\r\033[K", stderr);
    p->shown_us = 0;
}
