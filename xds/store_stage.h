/* Objects that are being written, in files of their own until they have a name:
 *
 *   STORE/tmp/PROCESS/lock     held with flock for the life of the process
 *   STORE/tmp/PROCESS/UUID     being written
 *
 * Several hubs may share STORE. What a process leaves behind is taken away by the next one that
 * starts, and nothing of the living. One thread at a time may use a staged file. */
#pragma once

#include "hub/base/err.h"
#include "hub/base/uuid.h"

struct stage {
    int root, tmp, own; /* STORE, STORE/tmp, STORE/tmp/PROCESS; -1: not open */
    int lock;           /* STORE/tmp/PROCESS/lock */
    char process[UUID_TEXT + 1];
};

/* Opens the folder, laid out the first time, and removes what the dead have left. */
enum status stage_open(struct stage *s, const char *folder, struct errors *err) MUST_CHECK;
void stage_close(struct stage *s);

struct staged {
    int fd;
    char name[UUID_TEXT + 1];
    uint64_t written, writeback; /* bytes; up to where writing back has been begun */
};

enum status stage_begin(const struct stage *s, struct uuid id, struct staged *f) MUST_CHECK;
enum status stage_write(struct staged *f, const void *bytes, size_t n) MUST_CHECK;
/* Closes it and takes it away. */
void stage_drop(const struct stage *s, struct staged *f);

/* Logs what failed, with errno; UPSTREAM. */
enum status store_broken(const char *event, const char *name);
