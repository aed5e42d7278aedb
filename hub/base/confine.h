/* What a service gives up for good, by itself, wherever it was started from: new privileges, core
 * files, being looked into by others of its account, and every system call that it has no use for.
 *
 * Calls of intruders alone (execve, ptrace, mount, bpf ...) end the process at once, with SIGSYS;
 * all others that are not listed fail with ENOSYS, as on an older kernel. Sockets are of the Unix
 * and Internet families, memory is never writable and executable, and no process is begun: threads
 * are. Sanitizers need a few calls more, and get them in their builds alone. */
#pragma once

#include "hub/base/err.h"

/* For this thread, all others, and those to come. Early: before anything that a client sent is
 * read. UPSTREAM, code "confine", where the kernel will not have it: then the service does not
 * start. */
enum status confine(struct errors *err) MUST_CHECK;
