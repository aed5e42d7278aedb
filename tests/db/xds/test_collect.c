/* The collector beside submissions that are not yet at their COMMIT. */
#include "xds/collect.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/db/xds/bench.h"
#include "xds/repository.h"

static const unsigned char MASTER[32] = "a master key of thirty-two byte";

static const struct statement BEGIN_SUBMISSION = {
    "test_collect_submit",
    "INSERT INTO xds_blob (pkey, entry_uuid, blob_id, store, wrapped_key, size, sha1, sha256,\n"
    "    stored_at)\n"
    "VALUES (1, gen_random_uuid(), $1, 'mem', decode(repeat('00', 72), 'hex'), 3,\n"
    "    decode(repeat('00', 20), 'hex'), decode(repeat('00', 32), 'hex'), now())"};

static void ignore(void *context, uint64_t done)
{
    (void)context, (void)done;
}

struct collecting {
    struct collection c;
    struct arena arena;
    struct errors err;
    enum status status;
    atomic_bool done;
};

static void *collect(void *p)
{
    struct collecting *x = p;

    arena_init(&x->arena);
    errors_init(&x->err, &x->arena);
    x->c.err = &x->err;
    x->c.advanced = ignore;
    x->c.db = db_open(bench_conninfo(), "test_collect", &x->err);
    x->status = x->c.db != NULL ? xds_collect(&x->c) : UPSTREAM;
    if (x->c.db != NULL)
        db_close(x->c.db);
    arena_dispose(&x->arena);
    atomic_store(&x->done, true);
    return NULL;
}

static struct uuid stored(struct blobs *b, struct arena *a)
{
    struct blob_writer *w = blob_begin(b, a);

    CU_ASSERT(blob_write(w, STR("abc")) == OK && blob_end(w) == OK && blob_commit(&w, 1) == OK);
    blob_keep(w);
    return blob_info_of(w)->id;
}

/* A submission whose object is there and whose transaction is open while the collector runs,
 * without any least age to protect it. */
static void race(bool commits, struct collecting *x)
{
    struct blobs *b = blobs_new(store_mem_new(), MASTER);
    struct store *store = blobs_store(b);
    struct bench t;
    pthread_t thread;
    struct uuid id;

    if (!bench_open(&t)) {
        blobs_free(b);
        return;
    }
    id = stored(b, &t.arena);
    bench_begin(&t, READ_COMMITTED);
    db_queue(t.db, &BEGIN_SUBMISSION, NULL, DB_UUID(id));
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    x->c = (struct collection){.blobs = b, .orphans_us = -US_PER_SECOND};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, collect, x), 0);
    usleep(500 * 1000);
    CU_ASSERT_FALSE(atomic_load(&x->done));
    CU_ASSERT_EQUAL(store_mem_count(store), 1);
    if (commits) {
        CU_ASSERT_EQUAL(db_commit(t.db), OK);
    } else {
        db_rollback(t.db);
    }
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(x->status, OK);
    CU_ASSERT_EQUAL(store_mem_count(store), commits ? 1 : 0);
    CU_ASSERT_EQUAL(x->c.kept, commits ? 1 : 0);
    CU_ASSERT_EQUAL(x->c.orphans, commits ? 0 : 1);
    bench_close(&t);
    blobs_free(b);
}

static void a_submission_that_commits_while_the_collector_waits_keeps_its_document(void)
{
    struct collecting x = {.done = false};

    race(true, &x);
}

static void a_submission_that_is_rolled_back_leaves_an_orphan(void)
{
    struct collecting x = {.done = false};

    race(false, &x);
}

/* A repository in a folder of its own, as the hub opens it. */
static bool open_repository(struct bench *t, char folder[32])
{
    struct str key;
    int fd;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    key = str_printf(&t->arena, "%s/key", folder);
    fd = open(key.p, O_CREAT | O_WRONLY, 0600);
    CU_ASSERT_EQUAL(write(fd, MASTER, sizeof(MASTER)), sizeof(MASTER));
    close(fd);
    t->config.store = "fs";
    t->config.store_dir = str_printf(&t->arena, "%s/store", folder).p;
    t->config.document_key = key.p;
    t->config.document_keys_known = "";
    return xds_repository_open(&t->config, &t->err) == OK;
}

static enum status record(struct bench *t)
{
    struct blob_writer *w = blob_begin(xds_repository(), &t->arena);
    struct blob_row row = {uuid_v4(), NULL};

    CU_ASSERT(blob_write(w, STR("abc")) == OK && blob_end(w) == OK);
    row.info = blob_info_of(w);
    blob_rows_insert(&t->rq, 1, &row, 1);
    return db_flush(t->db);
}

static void a_row_that_is_written_after_its_request_has_ended_is_refused(void)
{
    char folder[32] = "/tmp/causeway-lease-XXXXXX", command[64];
    struct bench t;

    if (!bench_open(&t))
        return;
    CU_ASSERT_TRUE_FATAL(open_repository(&t, folder));
    t.config.request_seconds = 30;
    bench_begin(&t, READ_COMMITTED);
    CU_ASSERT_EQUAL(record(&t), OK);
    bench_begin(&t, READ_COMMITTED);
    t.rq.now_us -= 31 * US_PER_SECOND;
    CU_ASSERT_NOT_EQUAL(record(&t), OK);
    bench_close(&t);
    xds_repository_close();
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

SUITE(test_collect, CASE(a_submission_that_commits_while_the_collector_waits_keeps_its_document),
      CASE(a_submission_that_is_rolled_back_leaves_an_orphan),
      CASE(a_row_that_is_written_after_its_request_has_ended_is_refused));
