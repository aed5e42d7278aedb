#include <signal.h>
#include <unistd.h>

#include "hub/base/confine.h"
#include "hub/base/log.h"
#include "hub/command/audit/verbs.h"
#include "hub/command/audit/watch.h"
#include "hub/command/progress.h"

#define SO_FAR_US (600 * US_PER_SECOND) /* the day that is not over is judged so often */

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static enum status work(struct operation *o, struct strbuf *out)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    (void)out;
    audit_object_add(o->args.arena, row, "query", STR("audit watch"),
                     STR("detection reads the log from where it stopped"));
    return OK;
}

/* On to the end of the log, or until somebody else holds the watch. */
static enum status catch_up(struct watch *w, struct progress *progress, bool *at_end)
{
    int64_t count = 1;

    while (count > 0 && !stopping) {
        TRY(watch_batch(w, &count));
        progress_at(progress, w->leaves);
    }
    *at_end = count == 0;
    return OK;
}

static enum status follow(struct watch *w, struct progress *progress, bool once)
{
    int64_t judged_us = INT64_MIN / 2;
    bool at_end;

    do {
        TRY(catch_up(w, progress, &at_end));
        if (at_end && clock_monotonic_us() - judged_us >= SO_FAR_US) {
            TRY(watch_day_so_far(w));
            judged_us = clock_monotonic_us();
        }
        if (!once && !stopping)
            usleep(500000);
    } while (!once && !stopping);
    return OK;
}

static enum status then(struct operation *o, struct strbuf *out)
{
    struct sigaction act = {.sa_handler = stop};
    struct progress progress = progress_begin("records");
    struct watch w;
    enum status status;

    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    TRY(confine(o->args.err));
    watch_begin(&w, o);
    status = follow(&w, &progress, cli_value(&o->args, "once") != NULL);
    progress_end(&progress);
    if (status == OK)
        strbuf_addf(out, "%llu records read, %llu alerts raised.\n", (unsigned long long)w.leaves,
                    (unsigned long long)w.alerts);
    watch_end(&w);
    return status;
}

static const struct cli_option options[] = {
    {"once", NULL, "read to the end of the log, then stop"},
    {NULL, NULL, NULL},
};

const struct operation_kind audit_watch_kind = {
    .cli =
        {"causeway audit watch [--once]",
         "Runs the detection rules over the log as `causeway audit seal` numbers it, until\n"
         "SIGTERM, and raises alerts. It goes on where it stopped; of several watchers one works\n"
         "at a time. Working hours are those of the machine's time zone (TZ).\n"
         "\n"
         "  causeway audit staff load staff.csv        whom the rules know\n"
         "  causeway audit alerts rules                what they look for\n"
         "  causeway audit watch --once                from a timer; or without --once, a service\n"
         "  causeway audit alerts list                 what they found",
         options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit watch",
    .work = work,
    .then = then,
};
