#include "xds/store_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/base/log.h"

enum {
    FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    WRITEBACK_STEP = 8 << 20, /* bytes after which the kernel is told to begin writing */
    LOCK_NAME_MAX = 64,
};

enum status store_broken(const char *event, const char *name)
{
    log_error(event, "object=%s error=\"%s\"", name, strerror(errno));
    return UPSTREAM;
}

enum status stage_begin(const struct stage *s, struct uuid id, struct staged *f)
{
    *f = (struct staged){.fd = -1};
    uuid_write(id, f->name);
    f->fd = openat(s->own, f->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return f->fd >= 0 ? OK : store_broken("store_begin_failed", f->name);
}

/* Begins to write back what has come, so that the fdatasync of a large document finds little left
 * and dirty pages do not pile up. A hint: its failure does not matter. */
static void begin_writeback(struct staged *f)
{
    if (f->written - f->writeback < WRITEBACK_STEP)
        return;
    sync_file_range(f->fd, (off64_t)f->writeback, (off64_t)(f->written - f->writeback),
                    SYNC_FILE_RANGE_WRITE);
    f->writeback = f->written;
}

enum status stage_write(struct staged *f, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = write(f->fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return store_broken("store_write_failed", f->name);
        p += done;
        n -= (size_t)done;
        f->written += (uint64_t)done;
    }
    begin_writeback(f);
    return OK;
}

void stage_drop(const struct stage *s, struct staged *f)
{
    if (unlinkat(s->own, f->name, 0) != 0 && errno != ENOENT)
        store_broken("store_abort_failed", f->name);
    close(f->fd);
    f->fd = -1;
}

/* Removes the files of one folder below tmp/, and the folder; its lock goes last, so that whoever
 * finds the folder half emptied can finish. */
static void empty_folder(int tmp, const char *name)
{
    int fd = openat(tmp, name, FOLDER_FLAGS);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0)
            unlinkat(fd, entry->d_name, 0);
    unlinkat(fd, "lock", 0);
    closedir(dir);
    unlinkat(tmp, name, AT_REMOVEDIR);
}

/* The lock of another process' folder, or -1 while its owner lives. */
static int take_lock_of_dead(int tmp, const char *process)
{
    char name[UUID_TEXT + LOCK_NAME_MAX];
    int fd;

    snprintf(name, sizeof(name), "%.40s/lock", process);
    fd = openat(tmp, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What processes that ended left half written. A folder without a lock file is just being made, or
 * removed, by another process: it is let alone. */
static void remove_stale(const struct stage *s)
{
    int fd = openat(s->tmp, ".", FOLDER_FLAGS);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    struct uuid id;
    int lock;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (!uuid_parse(str_from(entry->d_name), &id) || strcmp(entry->d_name, s->process) == 0)
            continue;
        lock = take_lock_of_dead(s->tmp, entry->d_name);
        if (lock < 0)
            continue;
        log_info("store_stale_removed", "process=%s", entry->d_name);
        empty_folder(s->tmp, entry->d_name);
        close(lock);
    }
    closedir(dir);
}

/* Makes the folder when it is not there, and opens it. */
static int make_folder(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, FOLDER_FLAGS);
}

/* Locked before it gets its name, so that nobody finds it there unlocked. */
static int make_own_lock(const struct stage *s)
{
    char name[LOCK_NAME_MAX];
    int fd;

    snprintf(name, sizeof(name), ".lock-%s", s->process);
    fd = openat(s->tmp, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 &&
        (flock(fd, LOCK_EX | LOCK_NB) != 0 || renameat(s->tmp, name, s->own, "lock") != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool lay_out(struct stage *s, const char *folder)
{
    uuid_write(uuid_v4(), s->process);
    s->root = make_folder(AT_FDCWD, folder);
    if (s->root < 0)
        return false;
    s->tmp = make_folder(s->root, "tmp");
    if (s->tmp < 0)
        return false;
    s->own = make_folder(s->tmp, s->process);
    if (s->own < 0)
        return false;
    s->lock = make_own_lock(s);
    return s->lock >= 0;
}

enum status stage_open(struct stage *s, const char *folder, struct errors *err)
{
    enum status status;

    *s = (struct stage){-1, -1, -1, -1, ""};
    if (lay_out(s, folder)) {
        remove_stale(s);
        return OK;
    }
    status = fail(err, UPSTREAM, "store",
                  "store_dir %s: %s: its parent must exist, and the folder belong to the "
                  "service user",
                  folder, strerror(errno));
    stage_close(s);
    return status;
}

void stage_close(struct stage *s)
{
    if (s->own >= 0)
        empty_folder(s->tmp, s->process);
    for (const int *fd = (const int[]){s->lock, s->own, s->tmp, s->root, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            close(*fd);
}
