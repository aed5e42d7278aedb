#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "tests/support/suite.h"
#include "xds/store.h"

/* These three stand in front of the C library's, so that a test sees the order of things. */
static atomic_uint step;          /* one for each call, in order */
static atomic_uint synced_to;     /* the latest fsync of a folder that ended began at this step */
static atomic_uint folder_fsyncs; /* that ended */
static atomic_bool fail_fdatasync, fail_fsync;
static atomic_uint fsync_delay_us; /* so that others gather behind one */
static _Thread_local unsigned data_synced_at, renamed_at;

int fdatasync(int fd)
{
    if (atomic_load(&fail_fdatasync)) {
        errno = EIO;
        return -1;
    }
    data_synced_at = atomic_fetch_add(&step, 1) + 1;
    return (int)syscall(SYS_fdatasync, fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
    renamed_at = atomic_fetch_add(&step, 1) + 1;
    return (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

int fsync(int fd)
{
    unsigned began = atomic_fetch_add(&step, 1) + 1, before = atomic_load(&synced_to);

    if (atomic_load(&fail_fsync)) {
        errno = EIO;
        return -1;
    }
    usleep(atomic_load(&fsync_delay_us));
    if (syscall(SYS_fsync, fd) != 0)
        return -1;
    while (before < began && !atomic_compare_exchange_weak(&synced_to, &before, began))
        ;
    atomic_fetch_add(&folder_fsyncs, 1);
    return 0;
}

static char folder[64];

static struct store *open_store(int64_t group_us)
{
    struct arena a;
    struct errors err;
    struct store *s = NULL;

    arena_init(&a);
    errors_init(&err, &a);
    CU_ASSERT_EQUAL_FATAL(store_fs_open(folder, group_us, &s, &err), OK);
    arena_dispose(&a);
    return s;
}

static struct store *new_store(int64_t group_us)
{
    snprintf(folder, sizeof(folder), "/tmp/causeway-store-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    return open_store(group_us);
}

static void remove_store(struct store *s)
{
    char command[128];

    s->ops->free(s);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* "FOLDER/0194/3a2/UUID" or "FOLDER/tmp" and the like */
static const char *path_of(struct uuid id)
{
    static _Thread_local char path[160];
    char name[UUID_TEXT + 1];

    uuid_write(id, name);
    snprintf(path, sizeof(path), "%s/%.4s/%.3s/%s", folder, name, name + 4, name);
    return path;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static struct store_file *begun(struct store *s, struct uuid id, const char *text)
{
    struct store_file *f = s->ops->begin(s, id);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(s->ops->write(f, text, strlen(text)), OK);
    return f;
}

static void the_bytes_are_synced_then_named_then_the_folder_is_synced(void)
{
    struct store *s = new_store(0);
    struct uuid id = uuid_v7();
    struct store_file *f = begun(s, id, "text");
    struct stat st;

    CU_ASSERT_FALSE(exists(path_of(id)));
    CU_ASSERT_EQUAL(s->ops->commit(s, &f, 1), OK);
    CU_ASSERT(data_synced_at > 0 && data_synced_at < renamed_at);
    CU_ASSERT(renamed_at < atomic_load(&synced_to));
    CU_ASSERT_EQUAL(stat(path_of(id), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    remove_store(s);
}

static void what_was_committed_is_read_and_removed(void)
{
    struct store *s = new_store(0);
    struct uuid id = uuid_v7();
    struct store_file *f = begun(s, id, "some text");
    struct store_object *o;
    char bytes[16];
    size_t n;

    CU_ASSERT_EQUAL(s->ops->open(s, id, &o), NOT_FOUND);
    CU_ASSERT_EQUAL(s->ops->commit(s, &f, 1), OK);
    CU_ASSERT_EQUAL_FATAL(s->ops->open(s, id, &o), OK);
    CU_ASSERT_EQUAL(s->ops->size(o), 9);
    CU_ASSERT_EQUAL(s->ops->read(o, 5, bytes, sizeof(bytes), &n), OK);
    CHECK_STR(str_of(bytes, n), STR("text"));
    s->ops->close(o);
    CU_ASSERT_EQUAL(s->ops->remove(s, id), OK);
    CU_ASSERT_EQUAL(s->ops->remove(s, id), NOT_FOUND);
    CU_ASSERT_EQUAL(s->ops->open(s, id, &o), NOT_FOUND);
    remove_store(s);
}

static void a_failed_sync_leaves_none_of_a_submission(void)
{
    atomic_bool *const faults[] = {&fail_fdatasync, &fail_fsync};
    struct store *s = new_store(0);

    for (int i = 0; i < 2; i++) {
        struct uuid one = uuid_v7(), two = uuid_v7();
        struct store_file *f[] = {begun(s, one, "one"), begun(s, two, "two")};

        atomic_store(faults[i], true);
        CU_ASSERT_EQUAL(s->ops->commit(s, f, 2), UPSTREAM);
        atomic_store(faults[i], false);
        CU_ASSERT_FALSE(exists(path_of(one)) || exists(path_of(two)));
        f[0] = begun(s, one, "one");
        CU_ASSERT_EQUAL(s->ops->commit(s, f, 1), OK);
    }
    remove_store(s);
}

enum { THREADS = 16, COMMITS = 25 };

static void *commit_many(void *p)
{
    struct store *s = p;
    uintptr_t uncovered = 0;

    for (int i = 0; i < COMMITS; i++) {
        struct uuid id = uuid_v7();
        struct store_file *f = s->ops->begin(s, id);

        if (f == NULL || s->ops->write(f, "text", 4) != OK || s->ops->commit(s, &f, 1) != OK ||
            atomic_load(&synced_to) <= renamed_at || !exists(path_of(id)))
            uncovered++;
    }
    return (void *)uncovered;
}

static void run_threads(struct store *s)
{
    pthread_t threads[THREADS];
    void *uncovered;

    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, commit_many, s), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &uncovered);
        CU_ASSERT_PTR_NULL(uncovered);
    }
}

static void concurrent_commits_share_folder_fsyncs_that_began_after_their_rename(void)
{
    static const int64_t group_us[] = {0, 300};

    for (int i = 0; i < 2; i++) {
        struct store *s = new_store(group_us[i]);

        atomic_store(&fsync_delay_us, 3000);
        atomic_store(&folder_fsyncs, 0);
        run_threads(s);
        CU_ASSERT(atomic_load(&folder_fsyncs) < THREADS * COMMITS / 2);
        atomic_store(&fsync_delay_us, 0);
        remove_store(s);
    }
}

/* A folder below tmp/ as a process leaves it: a lock file and a temporary. */
static void make_process_folder(const char *name, char *temporary, size_t size, int *lock)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/tmp/%s", folder, name);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    snprintf(temporary, size, "%s/half-written", path);
    close(open(temporary, O_WRONLY | O_CREAT, 0600));
    snprintf(path, sizeof(path), "%s/tmp/%s/lock", folder, name);
    *lock = open(path, O_RDWR | O_CREAT, 0600);
}

static void temporaries_of_the_dead_go_and_those_of_the_living_stay(void)
{
    struct store *s = new_store(0), *second;
    char dead[200], living[200];
    int dead_lock, living_lock;

    make_process_folder("00000000-0000-4000-8000-000000000001", dead, sizeof(dead), &dead_lock);
    make_process_folder("00000000-0000-4000-8000-000000000002", living, sizeof(living),
                        &living_lock);
    close(dead_lock);
    CU_ASSERT_EQUAL(flock(living_lock, LOCK_EX | LOCK_NB), 0);
    second = open_store(0);
    CU_ASSERT_FALSE(exists(dead));
    CU_ASSERT(exists(living));
    close(living_lock);
    second->ops->free(second);
    remove_store(s);
}

static void an_aborted_file_leaves_nothing(void)
{
    struct store *s = new_store(0);
    char command[160];

    s->ops->abort(begun(s, uuid_v7(), "text"));
    snprintf(command, sizeof(command), "test -z \"$(find %s -type f ! -name lock)\"", folder);
    CU_ASSERT_EQUAL(system(command), 0);
    remove_store(s);
}

static void symbolic_links_are_not_followed(void)
{
    struct store *s = new_store(0);
    struct uuid id = uuid_v7();
    struct store_file *f = begun(s, id, "text");
    struct store_object *o;
    char moved[200];

    CU_ASSERT_EQUAL(s->ops->commit(s, &f, 1), OK);
    snprintf(moved, sizeof(moved), "%s/elsewhere", folder);
    CU_ASSERT_EQUAL(rename(path_of(id), moved), 0);
    CU_ASSERT_EQUAL(symlink(moved, path_of(id)), 0);
    CU_ASSERT_EQUAL(s->ops->open(s, id, &o), UPSTREAM);
    remove_store(s);
}

/* Names of other times lie in other folders; what is no object is passed over. */
static void a_walk_sees_every_object_once_in_order(void)
{
    struct store *s = new_store(0);
    struct store_walk *walk = NULL;
    struct store_entry e;
    struct uuid ids[5];
    char path[128];
    bool found;

    for (size_t i = 0; i < 5; i++) {
        struct store_file *f;

        clock_set_for_tests(INT64_C(1700000000000000) + (int64_t)i * 3000 * US_PER_SECOND);
        ids[i] = uuid_v7();
        f = begun(s, ids[i], "some text");
        CU_ASSERT_EQUAL(s->ops->commit(s, &f, 1), OK);
    }
    clock_set_for_tests(0);
    snprintf(path, sizeof(path), "%.110s.bak", path_of(ids[2]));
    CU_ASSERT(close(open(path, O_CREAT | O_WRONLY, 0600)) == 0);
    walk = s->ops->walk(s);
    for (size_t i = 0; i < 5; i++) {
        CU_ASSERT(s->ops->walk_next(walk, &e, &found) == OK && found && uuid_eq(e.id, ids[i]));
        CU_ASSERT_EQUAL(e.size, 9);
        CU_ASSERT(llabs(e.since_us - clock_now_us()) < 60 * US_PER_SECOND);
    }
    CU_ASSERT(s->ops->walk_next(walk, &e, &found) == OK && !found);
    s->ops->walk_end(walk);
    remove_store(s);
}

SUITE(test_store_fs, CASE(the_bytes_are_synced_then_named_then_the_folder_is_synced),
      CASE(what_was_committed_is_read_and_removed), CASE(a_failed_sync_leaves_none_of_a_submission),
      CASE(concurrent_commits_share_folder_fsyncs_that_began_after_their_rename),
      CASE(temporaries_of_the_dead_go_and_those_of_the_living_stay),
      CASE(an_aborted_file_leaves_nothing), CASE(symbolic_links_are_not_followed),
      CASE(a_walk_sees_every_object_once_in_order));
