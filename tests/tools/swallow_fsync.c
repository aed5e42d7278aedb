/* For tests/e2e/trace.py: a library for LD_PRELOAD that takes fsync and fdatasync away from the
 * hub, so that the trace test can be seen to fail. It does so for one kind of file only:
 *
 *   SWALLOW_FSYNC=file        regular files
 *   SWALLOW_FSYNC=directory   directories
 *
 * The call returns success without reaching the kernel, as if the line were not in the source. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool swallowed(int fd)
{
    const char *kind = getenv("SWALLOW_FSYNC");
    struct stat st;

    if (kind == NULL || fstat(fd, &st) != 0)
        return false;
    if (strcmp(kind, "file") == 0)
        return S_ISREG(st.st_mode);
    return strcmp(kind, "directory") == 0 && S_ISDIR(st.st_mode);
}

int fsync(int fd)
{
    return swallowed(fd) ? 0 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return swallowed(fd) ? 0 : (int)syscall(SYS_fdatasync, fd);
}
