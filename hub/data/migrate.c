#include "hub/data/migrate.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/base/hex.h"
#include "hub/data/pg_connect.h"

enum { SHA256 = crypto_hash_sha256_BYTES, FILE_MAX = 4 << 20, VERSION_DIGITS = 4 };

/* A file of the folder. */
struct file {
    struct migration m;
    struct str sql;
    struct str sha256; /* hexadecimal */
};

struct files {
    struct file *items; /* by version */
    size_t count;
};

/* --- the folder --------------------------------------------------------------------------- */

static char default_directory[4096];

/* From the program's own place: PREFIX/bin/causeway has PREFIX/share/causeway/sql, and
 * SOURCE/build/PRESET/causeway has SOURCE/sql. */
static void find_default_directory(void)
{
    static const char *const places[] = {"../share/causeway/sql", "../../sql", "../../../sql"};
    char program[3072];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash;

    if (n <= 0)
        return;
    program[n] = '\0';
    slash = strrchr(program, '/');
    for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(default_directory, sizeof(default_directory), "%.*s/%s", (int)(slash - program),
                 program, places[i]);
        if (access(default_directory, R_OK | X_OK) == 0)
            return;
    }
}

const char *migrate_directory(const char *configured)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (configured != NULL && configured[0] != '\0')
        return configured;
    pthread_once(&once, find_default_directory);
    return default_directory;
}

/* The whole file in the arena; STR_NONE when it cannot be read. */
static struct str read_whole(struct arena *a, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct str text = STR_NONE;
    struct stat st;

    if (fd < 0)
        return STR_NONE;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
        char *p = arena_alloc(a, (size_t)st.st_size + 1);

        if (read(fd, p, (size_t)st.st_size) == st.st_size)
            text = str_of(p, (size_t)st.st_size);
    }
    close(fd);
    return text;
}

static struct str sha256_of(struct arena *a, struct str bytes)
{
    unsigned char hash[SHA256];

    crypto_hash_sha256(hash, (const unsigned char *)bytes.p, bytes.n);
    return hex_encode(a, hash, sizeof(hash));
}

/* NNNN_name.sql */
static bool name_parse(struct str file, struct migration *m)
{
    uint64_t version;

    if (!str_ends(file, STR(".sql")) || file.n < VERSION_DIGITS + sizeof("_x.sql") - 1 ||
        file.p[VERSION_DIGITS] != '_' ||
        !str_to_u64(str_slice(file, 0, VERSION_DIGITS), &version) || version == 0)
        return false;
    m->version = (int)version;
    m->name = str_slice(file, VERSION_DIGITS + 1, file.n - sizeof(".sql") + 1);
    return true;
}

static enum status file_read(struct arena *a, const char *directory, const char *name,
                             struct file *f, struct errors *err)
{
    const char *path = str_printf(a, "%s/%s", directory, name).p;

    if (!name_parse(str_dup(a, str_from(name)), &f->m))
        return fail(err, INVALID, "Migration", "%s is not named NNNN_name.sql", path);
    f->m.file = str_from(path);
    f->m.state = MIGRATION_PENDING;
    f->sql = read_whole(a, path);
    if (f->sql.p == NULL)
        return fail(err, UPSTREAM, "Migration", "%s cannot be read", path);
    f->sha256 = sha256_of(a, f->sql);
    return OK;
}

static int is_sql(const struct dirent *e)
{
    return str_ends(str_from(e->d_name), STR(".sql"));
}

static enum status files_check(const struct files *f, const char *directory, struct errors *err)
{
    if (f->count == 0)
        return fail(err, UPSTREAM, "Migration", "there are no migrations in %s", directory);
    for (size_t i = 1; i < f->count; i++)
        if (f->items[i].m.version == f->items[i - 1].m.version)
            return fail(err, INVALID, "Migration", "%s has two migrations of number %d", directory,
                        f->items[i].m.version);
    return OK;
}

static enum status files_read(struct arena *a, const char *directory, struct files *out,
                              struct errors *err)
{
    struct dirent **entries = NULL;
    enum status status = OK;
    int n;

    directory = migrate_directory(directory);
    n = scandir(directory, &entries, is_sql, alphasort);
    *out = (struct files){0};
    if (n < 0)
        return fail(err, UPSTREAM, "Migration", "the folder of migrations '%s' cannot be read",
                    directory);
    out->items = ARENA_ARRAY(a, (size_t)n, struct file);
    for (int i = 0; i < n; i++) {
        if (status == OK)
            status = file_read(a, directory, entries[i]->d_name, &out->items[out->count++], err);
        free(entries[i]);
    }
    free(entries);
    return status == OK ? files_check(out, directory, err) : status;
}

/* --- what the database has ---------------------------------------------------------------- */

static const struct statement EXISTS = {
    "migrate_exists",
    "SELECT to_regclass('schema_migration') IS NOT NULL",
};
static const struct statement APPLIED = {
    "migrate_applied",
    "SELECT version, name, sha256, applied_at\n"
    "FROM schema_migration\n"
    "ORDER BY version",
};

/* Empty where nothing was ever migrated; asked first, because a statement about a table that does
 * not exist would break the caller's transaction. */
static enum status applied_read(struct db *db, struct rows *out)
{
    struct rows exists;

    *out = (struct rows){0};
    db_queue0(db, &EXISTS, &exists);
    TRY(db_flush(db));
    if (!row_bool(&exists, 0, 0))
        return OK;
    db_queue0(db, &APPLIED, out);
    return db_flush(db);
}

static enum status changed(struct errors *err, const struct migration *m)
{
    return fail(err, INVALID, "Migration",
                "%.*s was changed after it was applied: put its applied text back, and make a new "
                "migration of the change",
                STR_ARG(m->file));
}

static enum status unknown(struct errors *err, int version, struct str name)
{
    return fail(err, INVALID, "Migration",
                "the database has migration %04d_%.*s, which this program does not know: use the "
                "program that made it, or a later one",
                version, STR_ARG(name));
}

/* What an applied row says of its file, which may be none. */
static enum status compare(struct migration *m, const struct file *f, const struct rows *applied,
                           int row, struct errors *err)
{
    m->applied_at_us = row_time(applied, row, 3);
    if (f == NULL) {
        m->state = MIGRATION_UNKNOWN;
        m->version = (int)row_int(applied, row, 0);
        m->name = row_text(applied, row, 1);
        return unknown(err, m->version, m->name);
    }
    m->state = MIGRATION_APPLIED;
    if (str_eq(f->sha256, row_text(applied, row, 2)))
        return OK;
    m->state = MIGRATION_CHANGED;
    return changed(err, m);
}

/* Both lists are in order of version: one walk. */
static enum status merge(struct arena *a, const struct files *files, const struct rows *applied,
                         struct migrations *out, struct errors *err)
{
    const struct file *f = files->items, *end = f + files->count;
    enum status status = OK, found;
    int row = 0;

    out->items = ARENA_ARRAY(a, files->count + (size_t)applied->count, struct migration);
    while (f < end || row < applied->count) {
        int version = row < applied->count ? (int)row_int(applied, row, 0) : INT32_MAX;
        const struct file *next = f < end && f->m.version <= version ? f++ : NULL;
        struct migration *m = &out->items[out->count++];

        if (next != NULL)
            *m = next->m;
        if (next != NULL && next->m.version < version) {
            out->pending++;
            continue;
        }
        found = compare(m, next, applied, row++, err);
        status = status == OK ? found : status;
    }
    return status;
}

enum status migrate_list(struct db *db, struct arena *a, const char *directory,
                         struct migrations *out, struct errors *err)
{
    struct files files;
    struct rows applied;

    *out = (struct migrations){0};
    TRY(files_read(a, directory, &files, err));
    TRY(applied_read(db, &applied));
    return merge(a, &files, &applied, out, err);
}

enum status migrate_check(struct db *db, struct arena *a, const char *directory, struct errors *err)
{
    struct migrations all;

    TRY(migrate_list(db, a, directory, &all, err));
    if (all.pending == 0)
        return OK;
    return fail(err, INVALID, "Migration",
                "%zu of %zu migrations are not applied: run `causeway migrate`", all.pending,
                all.count);
}

/* --- applying ----------------------------------------------------------------------------- */

static void finish(void *conn)
{
    PQfinish(conn);
}

static void clear(void *result)
{
    PQclear(result);
}

/* One step of a migration; the server's words go to the operator as they are. `about` names it. */
static enum status run(PGconn *conn, struct arena *a, const char *about, const char *sql,
                       const char *const *values, int count, PGresult **out, struct errors *err)
{
    PGresult *r =
        count > 0 ? PQexecParams(conn, sql, count, NULL, values, NULL, NULL, 0) : PQexec(conn, sql);
    ExecStatusType kind = PQresultStatus(r);

    arena_defer(a, clear, r);
    if (out != NULL)
        *out = r;
    if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK || kind == PGRES_EMPTY_QUERY)
        return OK;
    return fail(err, UPSTREAM, "Migration", "%s failed: %s", about, PQerrorMessage(conn));
}

static enum status run_plain(PGconn *conn, struct arena *a, const char *sql, struct errors *err)
{
    return run(conn, a, sql, sql, NULL, 0, NULL, err);
}

#define MAKE_TABLE                                                                                 \
    "CREATE TABLE schema_migration (\n"                                                            \
    "    version int PRIMARY KEY,\n"                                                               \
    "    name text NOT NULL,\n"                                                                    \
    "    sha256 text NOT NULL,\n"                                                                  \
    "    applied_at timestamptz NOT NULL DEFAULT now()\n"                                          \
    ");\n"                                                                                         \
    "COMMENT ON TABLE schema_migration IS 'Migrations that were applied, with the SHA-256 of "     \
    "their files; a reference table, written by `causeway migrate`';\n"                            \
    "GRANT SELECT ON schema_migration TO PUBLIC"

/* Of two migrators that find the table missing one makes it, whole; the other fails at it, and
 * sees by the table that all is well. */
static enum status prepare(PGconn *conn, struct arena *a, struct errors *err)
{
    static const char TABLE[] = "SELECT 'schema_migration'::regclass";

    TRY(run_plain(conn, a, "SET lock_timeout = 0", err));
    for (int i = 0; i < 2; i++) {
        PGresult *found = PQexec(conn, TABLE);
        bool there = PQresultStatus(found) == PGRES_TUPLES_OK;

        PQclear(found);
        if (!there)
            PQclear(PQexec(conn, MAKE_TABLE));
    }
    return run_plain(conn, a, TABLE, err);
}

static enum status refuse_unknown(PGconn *conn, struct arena *a, const struct files *files,
                                  struct errors *err)
{
    size_t at = 0;
    PGresult *r;

    TRY(run(conn, a, "the list of migrations",
            "SELECT version, name FROM schema_migration ORDER BY version", NULL, 0, &r, err));
    for (int i = 0; i < PQntuples(r); i++) {
        int version = atoi(PQgetvalue(r, i, 0));

        while (at < files->count && files->items[at].m.version < version)
            at++;
        if (at == files->count || files->items[at].m.version != version)
            return unknown(err, version, str_from(PQgetvalue(r, i, 1)));
    }
    return OK;
}

/* Under the lock: applies the file unless another migrator has done it meanwhile. */
static enum status apply_locked(PGconn *conn, struct arena *a, struct file *f, struct errors *err)
{
    const char *version = str_printf(a, "%d", f->m.version).p, *file = str_c(a, f->m.file);
    const char *values[] = {version, str_c(a, f->m.name), f->sha256.p};
    PGresult *r;

    TRY(run(conn, a, "the look for a migration",
            "SELECT sha256 FROM schema_migration WHERE version = $1", values, 1, &r, err));
    if (PQntuples(r) > 0)
        return str_eq(str_from(PQgetvalue(r, 0, 0)), f->sha256) ? OK : changed(err, &f->m);
    TRY(run(conn, a, file, f->sql.p, NULL, 0, NULL, err));
    if (PQtransactionStatus(conn) != PQTRANS_INTRANS)
        return fail(err, INVALID, "Migration", "%s ends its transaction itself", file);
    return run(conn, a, "the note of a migration",
               "INSERT INTO schema_migration (version, name, sha256) VALUES ($1, $2, $3)", values,
               3, NULL, err);
}

static enum status apply(PGconn *conn, struct arena *a, struct file *f, struct errors *err)
{
    enum status status;

    TRY(run_plain(conn, a, "BEGIN", err));
    status = run_plain(conn, a, "LOCK TABLE schema_migration IN SHARE ROW EXCLUSIVE MODE", err);
    if (status == OK)
        status = apply_locked(conn, a, f, err);
    if (status == OK)
        return run_plain(conn, a, "COMMIT", err);
    PQclear(PQexec(conn, "ROLLBACK"));
    return status;
}

static bool is_applied(PGconn *conn, struct arena *a, const struct file *f)
{
    const char *values[] = {str_printf(a, "%d", f->m.version).p, f->sha256.p};
    PGresult *r = PQexecParams(conn,
                               "SELECT FROM schema_migration\n"
                               "WHERE version = $1\n"
                               "AND sha256 = $2",
                               2, NULL, values, NULL, NULL, 0);

    arena_defer(a, clear, r);
    return PQntuples(r) > 0;
}

enum status migrate_run(const char *conninfo, const char *directory, struct arena *a,
                        void (*progress)(void *context, const struct migration *m), void *context,
                        struct errors *err)
{
    PGconn *conn;
    struct files files;

    TRY(files_read(a, directory, &files, err));
    conn = pg_connect(conninfo, "causeway migrate", "");
    arena_defer(a, finish, conn);
    if (PQstatus(conn) != CONNECTION_OK)
        return fail(err, UPSTREAM, "Migration", "cannot connect to the database: %s",
                    PQerrorMessage(conn));
    TRY(prepare(conn, a, err));
    TRY(refuse_unknown(conn, a, &files, err));
    for (size_t i = 0; i < files.count; i++) {
        if (is_applied(conn, a, &files.items[i]))
            continue;
        if (progress != NULL)
            progress(context, &files.items[i].m);
        TRY(apply(conn, a, &files.items[i], err));
    }
    return OK;
}
