/* Migrations: numbered, forward-only files sql/NNNN_name.sql, each applied once, in one
 * transaction, with its checksum kept in schema_migration(version, name, sha256, applied_at).
 * A file that changed after it was applied is an error, as is one that is missing. */
#pragma once

#include "hub/data/db.h"

/* Where the files are when the configuration names no folder: where the program was installed,
 * else the source tree it was built from. */
const char *migrate_directory(const char *configured);

enum migration_state { MIGRATION_APPLIED, MIGRATION_PENDING, MIGRATION_CHANGED, MIGRATION_UNKNOWN };

struct migration {
    int version;
    struct str name, file;
    enum migration_state state;
    int64_t applied_at_us; /* 0 when pending */
};

struct migrations {
    struct migration *items; /* by version */
    size_t count;
    size_t pending;
};

/* What the folder has and what the database has. CHANGED and UNKNOWN are recorded as failures. */
enum status migrate_list(struct db *db, struct arena *a, const char *directory,
                         struct migrations *out, struct errors *err) MUST_CHECK;

/* Applies what is pending over a connection of its own, as the owner; concurrent migrators wait
 * for each other. `progress` is called before each file; may be NULL. */
enum status migrate_run(const char *conninfo, const char *directory, struct arena *a,
                        void (*progress)(void *context, const struct migration *m), void *context,
                        struct errors *err) MUST_CHECK;

/* OK when the database stands exactly where this program expects it; else says what to do. */
enum status migrate_check(struct db *db, struct arena *a, const char *directory,
                          struct errors *err) MUST_CHECK;
