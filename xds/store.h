/* Where document bytes lie: a table of operations, and who implements it.
 *
 * A store keeps named objects, written once and never changed. It sees ciphertext only (xds/blob.h
 * encrypts), and knows neither documents nor patients. `fs` is a folder on a local or shared file
 * system, `s3` a bucket of an S3 server, `mem` is for tests.
 *
 * Any thread may call any operation of a store; one struct store_file or store_object belongs to
 * one thread at a time. Operations that return a status log what went wrong. */
#pragma once

#include "hub/base/err.h"
#include "hub/base/uuid.h"
#include "hub/config.h"

struct store;
struct store_file;   /* an object that is being written: nobody can read it yet */
struct store_object; /* an object that is open for reading */
struct store_walk;   /* a walk over all objects, in the order of their ids */

struct store_entry {
    struct uuid id;
    uint64_t size;
    int64_t since_us; /* when it got its name, by the store's clock */
};

struct store_ops {
    const char *name; /* as xds_blob.store keeps it */
    /* A temporary object that will be called `id`. NULL when the store fails. */
    struct store_file *(*begin)(struct store *s, struct uuid id);
    enum status (*write)(struct store_file *f, const void *bytes, size_t n) MUST_CHECK;
    /* Makes all of them durable under their names: when this returns OK, neither their bytes nor
     * their names are lost in a crash. Otherwise none of them is left. Ends the files. */
    enum status (*commit)(struct store *s, struct store_file **files, size_t count) MUST_CHECK;
    void (*abort)(struct store_file *f); /* ends and forgets it */
    /* NOT_FOUND when there is no such object, UPSTREAM when the store fails. */
    enum status (*open)(struct store *s, struct uuid id, struct store_object **out) MUST_CHECK;
    uint64_t (*size)(const struct store_object *o);
    /* Reads at `offset`; *n is less than size only at the end of the object. */
    enum status (*read)(struct store_object *o, uint64_t offset, void *to, size_t size,
                        size_t *n) MUST_CHECK;
    /* Brings the whole object near, so that reads wait for a disk and no network; NULL where they
     * never do. May take long. */
    enum status (*fetch)(struct store_object *o) MUST_CHECK;
    void (*close)(struct store_object *o);
    enum status (*remove)(struct store *s, struct uuid id) MUST_CHECK; /* may say NOT_FOUND */
    /* The same, but never waits for a network; may leave it to another thread. NULL: remove does.
     */
    void (*forget)(struct store *s, struct uuid id);
    /* Objects that come or go meanwhile may be seen or not; all others are seen, once each.
     * walk_next: *found false at the end. */
    struct store_walk *(*walk)(struct store *s);
    enum status (*walk_next)(struct store_walk *w, struct store_entry *out, bool *found) MUST_CHECK;
    void (*walk_end)(struct store_walk *w);
    void (*free)(struct store *s); /* no file or object of it is open any more */
};

/* What every store begins with. */
struct store {
    const struct store_ops *ops;
};

/* Opens (and, the first time, lays out) the folder. Removes what crashed processes left half
 * written, and nothing of the living: several hubs may share a folder. */
enum status store_fs_open(const char *folder, int64_t fsync_group_us, struct store **out,
                          struct errors *err) MUST_CHECK;

/* Opens the bucket; in store_dir lies what is on its way to it and from it, encrypted. */
enum status store_s3_open(const struct config *config, struct store **out,
                          struct errors *err) MUST_CHECK;

struct store *store_mem_new(void);
/* The bytes of an object, to look at and to spoil; NULL when there is none. */
unsigned char *store_mem_bytes(struct store *s, struct uuid id, size_t **size);
size_t store_mem_count(struct store *s); /* committed objects */
void store_mem_fail_commits(struct store *s, bool fail);
