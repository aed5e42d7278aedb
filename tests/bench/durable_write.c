/* The limit for ITI-41: a bare loop that makes a file durable (write, fdatasync, rename, fsync of
 * the folder) and then commits the same rows in one round trip. Prints one JSON object.
 *
 * SETUP-SQL is run once a connection (it PREPAREs), LOOP-SQL once a document; every run of MARKER
 * in it becomes a number that is used once. */
#include <fcntl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/base/clock.h"

#define MARKER "7777777777777777"

enum { MARKER_LENGTH = 16 };

static struct {
    const char *conninfo, *folder;
    char *setup, *loop, *document;
    size_t document_bytes;
    int64_t deadline_us;
} opt;

static atomic_uint_fast64_t sequence;

static _Noreturn void die(const char *what, PGconn *db)
{
    fprintf(stderr, "durable_write: %s: %s\n", what, db ? PQerrorMessage(db) : "");
    exit(2);
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    if (f == NULL || text == NULL || fread(text, 1, (1 << 20) - 1, f) == 0)
        die(path, NULL);
    fclose(f);
    return text;
}

static void write_document(int folder, uint64_t number)
{
    char temporary[40], name[40];
    int fd;

    snprintf(temporary, sizeof(temporary), "t%llu", (unsigned long long)number);
    snprintf(name, sizeof(name), "d%llu", (unsigned long long)number);
    fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, opt.document, opt.document_bytes) != (ssize_t)opt.document_bytes ||
        fdatasync(fd) != 0 || close(fd) != 0 || renameat(folder, temporary, folder, name) != 0 ||
        fsync(folder) != 0)
        die("file", NULL);
}

static void commit_rows(PGconn *db, uint64_t number, char *sql)
{
    char digits[MARKER_LENGTH + 1], *at = sql;
    PGresult *r;

    strcpy(sql, opt.loop);
    snprintf(digits, sizeof(digits), "%016llu", (unsigned long long)number);
    while ((at = strstr(at, MARKER)) != NULL)
        memcpy(at, digits, MARKER_LENGTH);
    r = PQexec(db, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        die("loop", db);
    PQclear(r);
}

static void *run(void *p)
{
    PGconn *db = PQconnectdb(opt.conninfo);
    char *sql = malloc(strlen(opt.loop) + 1);
    int folder = open(opt.folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    long *count = p;

    if (PQstatus(db) != CONNECTION_OK || folder < 0)
        die("connect", db);
    PQclear(PQexec(db, opt.setup));
    while (clock_monotonic_us() < opt.deadline_us) {
        uint64_t number =
            (uint64_t)clock_now_us() / 1000000 * 1000000 + atomic_fetch_add(&sequence, 1);

        write_document(folder, number);
        commit_rows(db, number, sql);
        (*count)++;
    }
    free(sql);
    close(folder);
    PQfinish(db);
    return NULL;
}

int main(int argc, char **argv)
{
    enum { CONNECTIONS = 16 };
    pthread_t threads[CONNECTIONS];
    long counts[CONNECTIONS] = {0}, total = 0;
    double seconds;

    if (argc != 7) {
        fputs("usage: bench_durable_write SECONDS CONNINFO FOLDER BYTES SETUP-SQL LOOP-SQL\n",
              stderr);
        return 2;
    }
    seconds = atof(argv[1]);
    opt.conninfo = argv[2];
    opt.folder = argv[3];
    opt.document_bytes = strtoull(argv[4], NULL, 10);
    opt.document = calloc(1, opt.document_bytes);
    opt.setup = read_text(argv[5]);
    opt.loop = read_text(argv[6]);
    opt.deadline_us = clock_monotonic_us() + (int64_t)(seconds * US_PER_SECOND);
    for (int i = 0; i < CONNECTIONS; i++)
        pthread_create(&threads[i], NULL, run, &counts[i]);
    for (int i = 0; i < CONNECTIONS; i++) {
        pthread_join(threads[i], NULL);
        total += counts[i];
    }
    printf("{\"done\": %ld, \"per_second\": %.2f}\n", total, (double)total / seconds);
    free(opt.document);
    return 0;
}
