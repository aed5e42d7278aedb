#include "hub/base/confine.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* What the services were seen to call, and what the C library calls in its stead elsewhere. */
static const char *const ALLOWED[] = {
    /* memory */
    "brk",
    "madvise",
    "membarrier",
    "mincore",
    "mlock",
    "mlock2",
    "mremap",
    "msync",
    "munlock",
    "munmap",
    /* threads, time and the process itself */
    "arch_prctl",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "exit",
    "exit_group",
    "futex",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "gettid",
    "gettimeofday",
    "getuid",
    "nanosleep",
    "prctl",
    "prlimit64",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_setscheduler",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "sysinfo",
    "tgkill",
    "time",
    "times",
    "uname",
    /* files */
    "access",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchmod",
    "fcntl",
    "fdatasync",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents",
    "getdents64",
    "link",
    "linkat",
    "lseek",
    "lstat",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "pread64",
    "preadv",
    "pwrite64",
    "pwritev",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "stat",
    "statfs",
    "statx",
    "sync_file_range",
    "syncfs",
    "umask",
    "unlink",
    "unlinkat",
    "write",
    "writev",
    /* waiting and the network */
    "accept",
    "accept4",
    "bind",
    "connect",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd",
    "eventfd2",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "select",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    NULL,
};

/* Nothing in the program asks for these. */
static const char *const FATAL[] = {
    "add_key",
    "bpf",
    "chroot",
    "delete_module",
    "execve",
    "execveat",
    "finit_module",
    "fsmount",
    "init_module",
    "io_uring_setup",
    "kexec_load",
    "keyctl",
    "mount",
    "move_mount",
    "open_by_handle_at",
    "perf_event_open",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "reboot",
    "request_key",
    "setgid",
    "setns",
    "setresgid",
    "setresuid",
    "setuid",
    "swapoff",
    "swapon",
    "umount2",
    "unshare",
    "userfaultfd",
    NULL,
};

/* LeakSanitizer stops the world by a tracing process. */
static const char *const SANITIZERS[] = {"clone",  "kill",  "personality", "process_vm_readv",
                                         "ptrace", "wait4", "mprotect",    NULL};

struct filter {
    scmp_filter_ctx ctx;
    int error; /* the first */
};

static void note(struct filter *f, int result)
{
    if (result < 0 && f->error == 0)
        f->error = -result;
}

/* A call that this architecture has not is none to allow. */
static int number_of(const char *name)
{
    int number = seccomp_syscall_resolve_name(name);

    must(number != __NR_SCMP_ERROR, "a system call of this name");
    return number;
}

static void allow_all(struct filter *f, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++)
        note(f, seccomp_rule_add(f->ctx, SCMP_ACT_ALLOW, number_of(names[i]), 0));
}

static void allow_if(struct filter *f, const char *name, struct scmp_arg_cmp condition)
{
    note(f, seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, number_of(name), 1, &condition));
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static void add_fatal(struct filter *f)
{
    for (size_t i = 0; FATAL[i] != NULL; i++)
        if (!SANITIZED || !is_among(FATAL[i], SANITIZERS))
            note(f, seccomp_rule_add(f->ctx, SCMP_ACT_KILL_PROCESS, number_of(FATAL[i]), 0));
}

/* Mapping is for data or for code, never for both; what was mapped as data does not become code. */
static void add_memory(struct filter *f)
{
    const scmp_datum_t both = PROT_WRITE | PROT_EXEC;

    allow_if(f, "mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, both, 0));
    allow_if(f, "mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_WRITE));
    allow_if(f, "mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_EXEC));
    if (!SANITIZED)
        allow_if(f, "mprotect", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* The n-th argument of a call is this. (libseccomp's own macro leaves a field out, which clang
 * minds.)
 */
static struct scmp_arg_cmp equals(unsigned n, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){.arg = n, .op = SCMP_CMP_EQ, .datum_a = value};
}

static void add_sockets(struct filter *f)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK /* getaddrinfo */};

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        allow_if(f, "socket", equals(0, (scmp_datum_t)families[i]));
    allow_if(f, "socketpair", equals(0, AF_UNIX));
}

static void add_requests_to_devices(struct filter *f)
{
    static const unsigned requests[] = {FIONBIO, FIONREAD, SIOCOUTQ, TCGETS, TIOCGWINSZ};

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        allow_if(f, "ioctl", equals(1, requests[i]));
}

/* clone3 hides its flags from a filter: without it the C library takes clone. */
static void add_threads(struct filter *f)
{
    if (!SANITIZED)
        allow_if(f, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

static int install(void)
{
    struct filter f = {.ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS))};

    if (f.ctx == NULL)
        return ENOMEM;
    note(&f, seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_TSYNC, 1));
    note(&f, seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2)); /* a binary search */
    allow_all(&f, ALLOWED);
    if (SANITIZED)
        allow_all(&f, SANITIZERS);
    add_fatal(&f);
    add_memory(&f);
    add_sockets(&f);
    add_requests_to_devices(&f);
    add_threads(&f);
    if (f.error == 0)
        note(&f, seccomp_load(f.ctx));
    seccomp_release(f.ctx);
    return f.error;
}

enum status confine(struct errors *err)
{
    const struct rlimit none = {0, 0};
    int error = 0;

    setrlimit(RLIMIT_CORE, &none);
    if (!SANITIZED)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        error = errno;
    if (error == 0)
        error = install();
    if (error == 0)
        return OK;
    return fail(err, UPSTREAM, "confine",
                "the kernel takes no filter of system calls (seccomp): %s; under systemd the unit "
                "must let the call `seccomp` pass",
                strerror(error));
}
