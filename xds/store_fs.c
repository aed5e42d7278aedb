#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/metrics.h"
#include "xds/store.h"
#include "xds/store_folder.h"
#include "xds/store_stage.h"
#include "xds/store_walk.h"

/* STORE/tmp/...          being written (store_stage.h)
 * STORE/0194/3a2/UUID    whole and durable
 *
 * Names are UUIDv7, so their first digits are time: a folder takes the objects of some 17 minutes
 * (2^20 ms), and all that is written at one time shares one folder and one fsync of it. */
enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

struct fs_store {
    struct store base;
    struct stage stage;
    struct folders *folders;
};

struct store_file {
    struct fs_store *store;
    struct staged staged;
    struct folder *folder; /* held while it is committed */
    bool named;            /* it has its final name */
};

struct store_object {
    int fd;
    uint64_t size;
};

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
    if (stage_begin(&f->store->stage, id, &f->staged) == OK)
        return f;
    free(f);
    return NULL;
}

static enum status fs_write(struct store_file *f, const void *bytes, size_t n)
{
    return stage_write(&f->staged, bytes, n);
}

static void end(struct store_file *f)
{
    if (f->folder != NULL)
        folder_release(f->folder);
    close(f->staged.fd);
    free(f);
}

static void fs_abort(struct store_file *f)
{
    int at = f->named ? folder_descriptor(f->folder) : f->store->stage.own;

    if (unlinkat(at, f->staged.name, 0) != 0 && errno != ENOENT)
        store_broken("store_abort_failed", f->staged.name);
    end(f);
}

/* The bytes first, then the name: what has its final name is whole. */
static enum status name_durable_bytes(struct store_file *f)
{
    const char *name = f->staged.name;
    char folder[FOLDER_NAME];

    metric_add(METRIC_blob_fsyncs_total, 1);
    if (fdatasync(f->staged.fd) != 0)
        return store_broken("store_fsync_failed", name);
    folder_name(name, folder);
    f->folder = folder_hold(f->store->folders, folder);
    if (f->folder == NULL)
        return UPSTREAM;
    if (renameat(f->store->stage.own, name, folder_descriptor(f->folder), name) != 0)
        return store_broken("store_rename_failed", name);
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
    top = openat(fs->stage.root, folder, FOLDER_FLAGS);
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
        return errno == ENOENT ? NOT_FOUND : store_broken("store_open_failed", name);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return store_broken("store_open_failed", name);
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
            return store_broken("store_read_failed", "open");
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
        return errno == ENOENT ? NOT_FOUND : store_broken("store_remove_failed", name);
    result = unlinkat(folder, name, 0);
    if (result != 0 && errno != ENOENT)
        store_broken("store_remove_failed", name);
    else if (result != 0)
        result = ENOENT;
    close(folder);
    return result == 0 ? OK : result == ENOENT ? NOT_FOUND : UPSTREAM;
}

static struct store_walk *fs_walk(struct store *s)
{
    return store_walk_new(((struct fs_store *)s)->stage.root);
}

static void fs_free(struct store *s)
{
    struct fs_store *fs = (struct fs_store *)s;

    folders_free(fs->folders);
    stage_close(&fs->stage);
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

enum status store_fs_open(const char *folder, int64_t fsync_group_us, struct store **out,
                          struct errors *err)
{
    struct fs_store *fs = calloc(1, sizeof(*fs));
    enum status status;

    must(fs != NULL, "out of memory");
    fs->base.ops = &FS_OPS;
    status = stage_open(&fs->stage, folder, err);
    if (status != OK) {
        free(fs);
        return status;
    }
    fs->folders = folders_new(fs->stage.root, fsync_group_us);
    *out = &fs->base;
    return OK;
}
