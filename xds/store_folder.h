/* The folders of a file store, and the grouped fsync of their names.
 *
 * A file's name is durable only when its folder was fsynced after the rename. Submissions that run
 * at the same time write into the same folder (names sort by time), so one fsync serves them all:
 * whoever needs one and finds none that starts after its rename becomes the leader, the others
 * wait. Any thread. */
#pragma once

#include "hub/base/err.h"

struct folders;
struct folder;

enum { FOLDER_NAME = 16 }; /* "0194/3a2" and its NUL, with room */

/* root: descriptor of the store's folder, borrowed. group_us: how long a leader waits for others
 * to join before it syncs. */
struct folders *folders_new(int root, int64_t group_us);
void folders_free(struct folders *all);

/* The folder of that name (two levels: TOP/SUB), made when it is not there. Its own name is
 * durable when this returns. NULL when the file system fails. Release it after use. */
struct folder *folder_hold(struct folders *all, const char *name);
void folder_release(struct folder *f);
int folder_descriptor(const struct folder *f);

/* Returns OK when an fsync of the folder that began after this call has ended well. */
enum status folder_sync(struct folder *f) MUST_CHECK;
