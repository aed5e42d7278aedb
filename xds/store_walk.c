#include "xds/store_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/base/log.h"

enum { TOP, SUB, OBJECT, LEVELS };

/* The names of one folder, as long as its level has them, sorted. */
struct level {
    int fd; /* of the folder; -1: not open */
    char (*names)[UUID_TEXT + 1];
    size_t count, at;
};

struct store_walk {
    struct level levels[LEVELS];
};

static const size_t NAME_LENGTH[LEVELS] = {4, 3, UUID_TEXT};

static bool is_ours(const char *name, int depth)
{
    struct uuid id;

    if (strlen(name) != NAME_LENGTH[depth] || strspn(name, "0123456789abcdef-") != strlen(name))
        return false;
    return depth != OBJECT || uuid_parse(str_from(name), &id);
}

static void level_add(struct level *l, const char *name)
{
    if (l->count == 0 || (l->count >= 16 && (l->count & (l->count - 1)) == 0)) {
        size_t room = l->count == 0 ? 16 : l->count * 2;

        l->names = realloc(l->names, room * sizeof(*l->names));
        must(l->names != NULL, "out of memory");
    }
    memcpy(l->names[l->count++], name, strlen(name) + 1);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static enum status level_read(struct level *l, int depth)
{
    int copy = dup(l->fd);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;

    if (dir == NULL) {
        log_error("store_walk_failed", "error=\"%s\"", strerror(errno));
        if (copy >= 0)
            close(copy);
        return UPSTREAM;
    }
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL)
        if (is_ours(entry->d_name, depth))
            level_add(l, entry->d_name);
    closedir(dir);
    if (l->count > 0)
        qsort(l->names, l->count, sizeof(*l->names), by_name);
    return OK;
}

static void level_close(struct level *l)
{
    if (l->fd >= 0)
        close(l->fd);
    free(l->names);
    *l = (struct level){.fd = -1};
}

/* Opens the folder that the level above stands at. One that is gone has no objects. */
static enum status level_open(struct store_walk *w, int depth)
{
    const struct level *above = &w->levels[depth - 1];
    struct level *l = &w->levels[depth];

    l->fd =
        openat(above->fd, above->names[above->at], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (l->fd >= 0)
        return level_read(l, depth);
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        return OK;
    log_error("store_walk_failed", "error=\"%s\"", strerror(errno));
    return UPSTREAM;
}

struct store_walk *store_walk_new(int root)
{
    struct store_walk *w = calloc(1, sizeof(*w));

    must(w != NULL, "out of memory");
    for (int i = 0; i < LEVELS; i++)
        w->levels[i].fd = -1;
    w->levels[TOP].fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->levels[TOP].fd < 0 || level_read(&w->levels[TOP], TOP) != OK)
        level_close(&w->levels[TOP]);
    return w;
}

/* Goes on to a folder that has objects left. False at the end. */
static enum status find_folder(struct store_walk *w, bool *found)
{
    int depth = OBJECT;

    *found = false;
    while (depth >= TOP && w->levels[depth].at >= w->levels[depth].count) {
        if (depth == TOP)
            return OK;
        level_close(&w->levels[depth]);
        if (w->levels[depth - 1].at < w->levels[depth - 1].count) {
            TRY(level_open(w, depth));
            w->levels[depth - 1].at++;
            depth = OBJECT;
        } else {
            depth--;
        }
    }
    *found = true;
    return OK;
}

/* False when it has been removed since its folder was read. */
static bool look_at(const struct level *l, const char *name, struct store_entry *out)
{
    struct stat st;

    if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return false;
    must(uuid_parse(str_from(name), &out->id), "is_ours let it in");
    out->size = (uint64_t)st.st_size;
    /* The rename that gave it its name is a change of the inode, not of the bytes. */
    out->since_us = (int64_t)st.st_ctim.tv_sec * 1000000 + st.st_ctim.tv_nsec / 1000;
    return true;
}

enum status store_walk_next(struct store_walk *w, struct store_entry *out, bool *found)
{
    struct level *objects = &w->levels[OBJECT];

    if (w->levels[TOP].fd < 0)
        return UPSTREAM;
    do {
        TRY(find_folder(w, found));
    } while (*found && !look_at(objects, objects->names[objects->at++], out));
    return OK;
}

void store_walk_end(struct store_walk *w)
{
    for (int i = 0; i < LEVELS; i++)
        level_close(&w->levels[i]);
    free(w);
}
