#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/base/log.h"
#include "hub/metrics.h"
#include "xds/store.h"
#include "xds/store_folder.h"
#include "xds/store_walk.h"

/* STORE/tmp/PROCESS/lock     held with flock for the life of the process
 * STORE/tmp/PROCESS/UUID     being written
 * STORE/0194/3a2/UUID        whole and durable
 *
 * Names are UUIDv7, so their first digits are time: a folder takes the objects of some 17 minutes
 * (2^20 ms), and all that is written at one time shares one folder and one fsync of it. */
enum {
    FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    WRITEBACK_STEP = 8 << 20, /* bytes after which the kernel is told to begin writing */
    LOCK_NAME_MAX = 64,
};

struct fs_store {
    struct store base;
    int root, tmp, own; /* STORE, STORE/tmp, STORE/tmp/PROCESS */
    int lock;           /* STORE/tmp/PROCESS/lock */
    char process[UUID_TEXT + 1];
    struct folders *folders;
};

struct store_file {
    struct fs_store *store;
    struct uuid id;
    char name[UUID_TEXT + 1];
    int fd;
    uint64_t written, writeback; /* bytes; up to where writing has been begun */
    struct folder *folder;       /* held while it is committed */
    bool named;                  /* it has its final name */
};

struct store_object {
    int fd;
    uint64_t size;
};

static enum status broken(const char *event, const char *name)
{
    log_error(event, "object=%s error=\"%s\"", name, strerror(errno));
    return UPSTREAM;
}

/* "01943a2f-..." lies in "0194/3a2" */
static void folder_name(const char *name, char out[FOLDER_NAME])
{
    snprintf(out, FOLDER_NAME, "%.4s/%.3s", name, name + 4);
}

static struct store_file *fs_begin(struct store *s, struct uuid id)
{
    struct store_file *f = calloc(1, sizeof(*f));

    must(f != NULL, "out of memory");
    f->store = (struct fs_store *)s;
    f->id = id;
    uuid_write(id, f->name);
    f->fd =
        openat(f->store->own, f->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (f->fd >= 0)
        return f;
    broken("store_begin_failed", f->name);
    free(f);
    return NULL;
}

/* Begins to write back what has come, so that the fdatasync of a large document finds little left
 * and dirty pages do not pile up. A hint: its failure does not matter. */
static void begin_writeback(struct store_file *f)
{
    if (f->written - f->writeback < WRITEBACK_STEP)
        return;
    sync_file_range(f->fd, (off64_t)f->writeback, (off64_t)(f->written - f->writeback),
                    SYNC_FILE_RANGE_WRITE);
    f->writeback = f->written;
}

static enum status fs_write(struct store_file *f, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = write(f->fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return broken("store_write_failed", f->name);
        p += done;
        n -= (size_t)done;
        f->written += (uint64_t)done;
    }
    begin_writeback(f);
    return OK;
}

static void end(struct store_file *f)
{
    if (f->folder != NULL)
        folder_release(f->folder);
    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

static void fs_abort(struct store_file *f)
{
    int at = f->named ? folder_descriptor(f->folder) : f->store->own;

    if (unlinkat(at, f->name, 0) != 0 && errno != ENOENT)
        broken("store_abort_failed", f->name);
    end(f);
}

/* The bytes first, then the name: what has its final name is whole. */
static enum status name_durable_bytes(struct store_file *f)
{
    char folder[FOLDER_NAME];

    metric_add(METRIC_blob_fsyncs_total, 1);
    if (fdatasync(f->fd) != 0)
        return broken("store_fsync_failed", f->name);
    folder_name(f->name, folder);
    f->folder = folder_hold(f->store->folders, folder);
    if (f->folder == NULL)
        return UPSTREAM;
    if (renameat(f->store->own, f->name, folder_descriptor(f->folder), f->name) != 0)
        return broken("store_rename_failed", f->name);
    f->named = true;
    return OK;
}

static enum status commit_all(struct store_file **files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(name_durable_bytes(files[i]));
    for (size_t i = 0; i < count; i++)
        if (i == 0 || files[i]->folder != files[i - 1]->folder)
            TRY(folder_sync(files[i]->folder));
    return OK;
}

static enum status fs_commit(struct store *s, struct store_file **files, size_t count)
{
    enum status status = commit_all(files, count);

    (void)s;
    for (size_t i = 0; i < count; i++) {
        if (status == OK)
            end(files[i]);
        else
            fs_abort(files[i]);
    }
    return status;
}

/* The folder of an object, or -1; no component may be a symbolic link. */
static int open_folder_of(const struct fs_store *fs, const char *name)
{
    char folder[FOLDER_NAME], *slash;
    int top, sub;

    folder_name(name, folder);
    slash = strchr(folder, '/');
    *slash = '\0';
    top = openat(fs->root, folder, FOLDER_FLAGS);
    if (top < 0)
        return -1;
    sub = openat(top, slash + 1, FOLDER_FLAGS);
    close(top);
    return sub;
}

static int open_for_reading(const struct fs_store *fs, const char *name)
{
    int folder = open_folder_of(fs, name);
    int fd, error;

    if (folder < 0)
        return -1;
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    error = errno;
    close(folder);
    errno = error;
    return fd;
}

static enum status fs_open(struct store *s, struct uuid id, struct store_object **out)
{
    char name[UUID_TEXT + 1];
    struct store_object *o;
    struct stat st;
    int fd;

    uuid_write(id, name);
    fd = open_for_reading((struct fs_store *)s, name);
    if (fd < 0)
        return errno == ENOENT ? NOT_FOUND : broken("store_open_failed", name);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return broken("store_open_failed", name);
    }
    o = calloc(1, sizeof(*o));
    must(o != NULL, "out of memory");
    o->fd = fd;
    o->size = (uint64_t)st.st_size;
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    *out = o;
    return OK;
}

static uint64_t fs_size(const struct store_object *o)
{
    return o->size;
}

static enum status fs_read(struct store_object *o, uint64_t offset, void *to, size_t size,
                           size_t *n)
{
    *n = 0;
    while (*n < size) {
        ssize_t got = pread(o->fd, (char *)to + *n, size - *n, (off_t)(offset + *n));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return broken("store_read_failed", "open");
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    return OK;
}

static void fs_close(struct store_object *o)
{
    close(o->fd);
    free(o);
}

static enum status fs_remove(struct store *s, struct uuid id)
{
    char name[UUID_TEXT + 1];
    int folder, result;

    uuid_write(id, name);
    folder = open_folder_of((struct fs_store *)s, name);
    if (folder < 0)
        return errno == ENOENT ? NOT_FOUND : broken("store_remove_failed", name);
    result = unlinkat(folder, name, 0);
    if (result != 0 && errno != ENOENT)
        broken("store_remove_failed", name);
    else if (result != 0)
        result = ENOENT;
    close(folder);
    return result == 0 ? OK : result == ENOENT ? NOT_FOUND : UPSTREAM;
}

static struct store_walk *fs_walk(struct store *s)
{
    return store_walk_new(((struct fs_store *)s)->root);
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
static void remove_stale(const struct fs_store *fs)
{
    int fd = openat(fs->tmp, ".", FOLDER_FLAGS);
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
        if (!uuid_parse(str_from(entry->d_name), &id) || strcmp(entry->d_name, fs->process) == 0)
            continue;
        lock = take_lock_of_dead(fs->tmp, entry->d_name);
        if (lock < 0)
            continue;
        log_info("store_stale_removed", "process=%s", entry->d_name);
        empty_folder(fs->tmp, entry->d_name);
        close(lock);
    }
    closedir(dir);
}

static void fs_free(struct store *s)
{
    struct fs_store *fs = (struct fs_store *)s;

    if (fs->folders != NULL)
        folders_free(fs->folders);
    if (fs->own >= 0)
        empty_folder(fs->tmp, fs->process);
    for (const int *fd = (const int[]){fs->lock, fs->own, fs->tmp, fs->root, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            close(*fd);
    free(fs);
}

static const struct store_ops FS_OPS = {
    .name = "fs",
    .begin = fs_begin,
    .write = fs_write,
    .commit = fs_commit,
    .abort = fs_abort,
    .open = fs_open,
    .size = fs_size,
    .read = fs_read,
    .close = fs_close,
    .remove = fs_remove,
    .walk = fs_walk,
    .walk_next = store_walk_next,
    .walk_end = store_walk_end,
    .free = fs_free,
};

/* Makes the folder when it is not there, and opens it. */
static int make_folder(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, FOLDER_FLAGS);
}

/* Locked before it gets its name, so that nobody finds it there unlocked. */
static int make_own_lock(const struct fs_store *fs)
{
    char name[LOCK_NAME_MAX];
    int fd;

    snprintf(name, sizeof(name), ".lock-%s", fs->process);
    fd = openat(fs->tmp, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 &&
        (flock(fd, LOCK_EX | LOCK_NB) != 0 || renameat(fs->tmp, name, fs->own, "lock") != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool lay_out(struct fs_store *fs, const char *folder)
{
    uuid_write(uuid_v4(), fs->process);
    fs->root = make_folder(AT_FDCWD, folder);
    if (fs->root < 0)
        return false;
    fs->tmp = make_folder(fs->root, "tmp");
    if (fs->tmp < 0)
        return false;
    fs->own = make_folder(fs->tmp, fs->process);
    if (fs->own < 0)
        return false;
    fs->lock = make_own_lock(fs);
    return fs->lock >= 0;
}

enum status store_fs_open(const char *folder, int64_t fsync_group_us, struct store **out,
                          struct errors *err)
{
    struct fs_store *fs = calloc(1, sizeof(*fs));

    must(fs != NULL, "out of memory");
    *fs = (struct fs_store){{&FS_OPS}, -1, -1, -1, -1, "", NULL};
    if (!lay_out(fs, folder)) {
        enum status status =
            fail(err, UPSTREAM, "store",
                 "store_dir %s: %s: its parent must exist, and the folder belong to the "
                 "service user",
                 folder, strerror(errno));

        fs_free(&fs->base);
        return status;
    }
    fs->folders = folders_new(fs->root, fsync_group_us);
    remove_stale(fs);
    *out = &fs->base;
    return OK;
}
