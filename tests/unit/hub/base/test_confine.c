/* What a confined process can no longer do; each case is a process of its own. */
#include "hub/base/confine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/base/arena.h"
#include "tests/support/suite.h"

enum { WORKED = 0, FAILED = 1, NOT_CONFINED = 2 };

/* How a confined process ends that does this: its exit status, or minus a signal. */
static int end_of(int (*act)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct arena a;
        struct errors err;

        arena_init(&a);
        errors_init(&err, &a);
        _exit(confine(&err) == OK ? act() : NOT_CONFINED);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1000;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_a_program(void)
{
    char *const argv[] = {"/bin/true", NULL};

    execv(argv[0], argv);
    return FAILED;
}

static int read_another_process(void)
{
    return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) == 0 ? WORKED : FAILED;
}

static int mount_something(void)
{
    return (int)syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL) == 0 ? WORKED : FAILED;
}

static int begin_a_process(void)
{
    return fork() >= 0 ? WORKED : FAILED;
}

static int open_a_raw_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) >= 0 ? WORKED : errno == ENOSYS ? FAILED : WORKED;
}

static int map_writable_code(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p != MAP_FAILED ? WORKED : FAILED;
}

static int make_data_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ? WORKED : FAILED;
}

static void *nothing(void *p)
{
    return p;
}

static int do_its_work(void)
{
    pthread_t thread;
    int fds[2];
    char c = 'x';

    return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0 &&
                   socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && write(fds[0], &c, 1) == 1 &&
                   read(fds[1], &c, 1) == 1 && socket(AF_INET, SOCK_STREAM, 0) >= 0
               ? WORKED
               : FAILED;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static void calls_of_intruders_end_the_process(void)
{
    CU_ASSERT_EQUAL(end_of(run_a_program), -SIGSYS);
    CU_ASSERT_EQUAL(end_of(mount_something), -SIGSYS);
    if (!SANITIZED)
        CU_ASSERT_EQUAL(end_of(read_another_process), -SIGSYS);
}

static void other_calls_that_are_not_listed_fail(void)
{
    CU_ASSERT_EQUAL(end_of(open_a_raw_socket), FAILED);
    if (SANITIZED)
        return;
    CU_ASSERT_EQUAL(end_of(map_writable_code), FAILED);
    CU_ASSERT_EQUAL(end_of(make_data_code), FAILED);
    CU_ASSERT_EQUAL(end_of(begin_a_process), FAILED);
}

static void threads_files_and_sockets_work_as_before(void)
{
    CU_ASSERT_EQUAL(end_of(do_its_work), WORKED);
}

SUITE(test_confine, CASE(calls_of_intruders_end_the_process),
      CASE(other_calls_that_are_not_listed_fail), CASE(threads_files_and_sockets_work_as_before));
