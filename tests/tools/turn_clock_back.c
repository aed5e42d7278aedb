/* For tests/e2e/test_audit_log.py: a library for LD_PRELOAD under which the wall clock is behind by
 * CLOCK_BEHIND seconds, as when somebody turned it back. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *t)
{
    const char *behind = getenv("CLOCK_BEHIND");
    int status = (int)syscall(SYS_clock_gettime, clock, t);

    if (clock == CLOCK_REALTIME && behind != NULL)
        t->tv_sec -= atol(behind);
    return status;
}
