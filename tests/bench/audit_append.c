/* Audit rows as requests write them: 16 connections, one row a transaction, each waiting for its
 * COMMIT. Prints one JSON object.
 *
 *   bench_audit_append SECONDS CONNINFO MASTER-KEY-FILE */
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/audit/audit.h"

enum { THREADS = 16 };

static const char *conninfo;
static int64_t deadline_us;
static atomic_uint_fast64_t written;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "audit_append: %s\n", what);
    exit(2);
}

/* What a FindDocuments leaves. */
static enum status append(struct db *db, struct arena *a, struct errors *err)
{
    struct audit_context c = {.transaction = "ITI-18",
                              .kind = {"110112", 'E'},
                              .request = uuid_v4(),
                              .at_us = clock_now_us(),
                              .member_id = 1,
                              .member = STR("bench"),
                              .role = STR("system"),
                              .purpose = STR("TREAT"),
                              .peer = STR("127.0.0.1:41234 CN=bench,O=Bench Hospital"),
                              .endpoint = STR("https://127.0.0.1:8443")};
    struct audit_list list = {0};
    struct audit_row *row = audit_add(a, &list);

    row->person_id = (int64_t)randombytes_random() + 1;
    row->pkey = (int64_t)randombytes_random() << 31;
    row->patient = STR("8c5d3a52-9c1e-4d0e-8a53-2d1f0c6b7a90^^^&1.3.6.1.4.1.21367.2026.20&ISO");
    audit_object_add(a, row, "query", STR("urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"),
                     STR("$XDSDocumentEntryPatientId=8c5d3a52-9c1e-4d0e-8a53-2d1f0c6b7a90"));
    db_begin(db, REPEATABLE_READ);
    TRY(audit_queue(db, a, &c, &list, err));
    return db_commit(db);
}

static void *run(void *unused)
{
    struct errors err;
    struct arena a;
    struct db *db;

    (void)unused;
    arena_init(&a);
    errors_init(&err, &a);
    db = db_open_serving(conninfo, "audit_append", 60 * US_PER_SECOND, &err);
    if (db == NULL)
        die("no connection");
    while (clock_monotonic_us() < deadline_us) {
        arena_reset(&a);
        errors_init(&err, &a);
        db_attach(db, &a, &err, 0);
        if (append(db, &a, &err) != OK)
            die("a row was refused");
        atomic_fetch_add(&written, 1);
    }
    db_close(db);
    arena_dispose(&a);
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned char key[32];
    pthread_t threads[THREADS];
    int64_t began = clock_monotonic_us();
    FILE *f = argc == 4 ? fopen(argv[3], "rb") : NULL;

    if (f == NULL || fread(key, 1, sizeof(key), f) != sizeof(key) || sodium_init() < 0)
        die("SECONDS CONNINFO MASTER-KEY-FILE");
    fclose(f);
    audit_init(key);
    conninfo = argv[2];
    deadline_us = began + (int64_t)(atof(argv[1]) * (double)US_PER_SECOND);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            die("no thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("{\"per_second\":%.1f}\n", (double)atomic_load(&written) * (double)US_PER_SECOND /
                                          (double)(clock_monotonic_us() - began));
    return 0;
}
