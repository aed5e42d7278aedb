#include "xds/store_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hub/base/log.h"
#include "hub/metrics.h"

enum { FOLDERS_KEPT = 4, FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

struct folder {
    struct folders *all;
    char name[FOLDER_NAME];
    int fd;
    unsigned users;
    /* Rounds of fsync, numbered from 1. A round that begins is `begun`, one that ended `ended`. */
    uint64_t begun, ended;
    bool leading;          /* somebody is in a round, or gathers one */
    bool failed;           /* an fsync failed: nothing here counts as durable any more */
    pthread_cond_t rounds; /* a round ended */
    struct folder *next;
};

struct folders {
    int root;
    int64_t group_us;
    pthread_mutex_t lock; /* over everything here */
    struct folder *first;
};

struct folders *folders_new(int root, int64_t group_us)
{
    struct folders *all = calloc(1, sizeof(*all));

    must(all != NULL, "out of memory");
    all->root = root;
    all->group_us = group_us;
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

static void folder_free(struct folder *f)
{
    close(f->fd);
    pthread_cond_destroy(&f->rounds);
    free(f);
}

void folders_free(struct folders *all)
{
    while (all->first != NULL) {
        struct folder *f = all->first;

        all->first = f->next;
        folder_free(f);
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static int sync_descriptor(int fd)
{
    metric_add(METRIC_blob_fsyncs_total, 1);
    return fsync(fd);
}

/* Opens a folder, made when it is not there, and makes its name durable. The parent is synced even
 * when the folder was there: another process may have made it a moment ago and not synced yet. */
static int open_durable(int parent, const char *name)
{
    int fd;

    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    fd = openat(parent, name, FOLDER_FLAGS);
    if (fd >= 0 && sync_descriptor(parent) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int open_two_levels(int root, const char *name)
{
    char top[FOLDER_NAME];
    const char *slash = strchr(name, '/');
    int parent, fd;

    must(slash != NULL, "a folder has two levels");
    snprintf(top, sizeof(top), "%.*s", (int)(slash - name), name);
    parent = open_durable(root, top);
    if (parent < 0)
        return -1;
    fd = open_durable(parent, slash + 1);
    close(parent);
    return fd;
}

static struct folder *folder_open(struct folders *all, const char *name)
{
    struct folder *f;
    int fd = open_two_levels(all->root, name);

    if (fd < 0) {
        log_error("store_folder_failed", "folder=%s error=\"%s\"", name, strerror(errno));
        return NULL;
    }
    f = calloc(1, sizeof(*f));
    must(f != NULL, "out of memory");
    f->all = all;
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->fd = fd;
    pthread_cond_init(&f->rounds, NULL);
    f->next = all->first;
    all->first = f;
    return f;
}

/* The lock is held while a folder is made: that happens some 80 times a day. */
struct folder *folder_hold(struct folders *all, const char *name)
{
    struct folder *f;

    pthread_mutex_lock(&all->lock);
    for (f = all->first; f != NULL; f = f->next)
        if (strcmp(f->name, name) == 0)
            break;
    if (f == NULL)
        f = folder_open(all, name);
    if (f != NULL)
        f->users++;
    pthread_mutex_unlock(&all->lock);
    return f;
}

/* Closes what nobody uses: folders that failed, and the oldest beyond a few. */
static void trim(struct folders *all)
{
    unsigned position = 0;

    for (struct folder **at = &all->first; *at != NULL;) {
        struct folder *f = *at;

        if (f->users == 0 && (f->failed || position >= FOLDERS_KEPT)) {
            *at = f->next;
            folder_free(f);
        } else {
            at = &f->next;
            position++;
        }
    }
}

void folder_release(struct folder *f)
{
    struct folders *all = f->all;

    pthread_mutex_lock(&all->lock);
    f->users--;
    if (f->users == 0)
        trim(all);
    pthread_mutex_unlock(&all->lock);
}

int folder_descriptor(const struct folder *f)
{
    return f->fd;
}

static void gather(int64_t us)
{
    struct timespec t = {us / 1000000, us % 1000000 * 1000};

    if (us > 0)
        nanosleep(&t, NULL);
}

/* Called and returns with the lock held; not held while it waits and syncs. */
static void lead_round(struct folder *f)
{
    struct folders *all = f->all;
    int result;

    f->leading = true;
    pthread_mutex_unlock(&all->lock);
    gather(all->group_us);
    pthread_mutex_lock(&all->lock);
    f->begun++; /* whoever comes from here on needs the next round */
    pthread_mutex_unlock(&all->lock);
    result = sync_descriptor(f->fd);
    if (result != 0)
        log_error("store_fsync_failed", "folder=%s error=\"%s\"", f->name, strerror(errno));
    pthread_mutex_lock(&all->lock);
    f->failed |= result != 0;
    f->ended = f->begun;
    f->leading = false;
    pthread_cond_broadcast(&f->rounds);
}

enum status folder_sync(struct folder *f)
{
    uint64_t needed;
    bool failed;

    pthread_mutex_lock(&f->all->lock);
    needed = f->begun + 1;
    while (f->ended < needed) {
        if (f->leading)
            pthread_cond_wait(&f->rounds, &f->all->lock);
        else
            lead_round(f);
    }
    failed = f->failed;
    pthread_mutex_unlock(&f->all->lock);
    return failed ? UPSTREAM : OK;
}
