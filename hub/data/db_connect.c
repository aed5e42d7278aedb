#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hub/base/clock.h"
#include "hub/base/log.h"
#include "hub/data/db_priv.h"
#include "hub/data/pg_connect.h"

static atomic_uint_fast64_t generation;

uint64_t db_generation(void)
{
    return atomic_load(&generation);
}

static void finish(struct db *db)
{
    PQfinish(db->conn);
    db->conn = NULL;
    memset(db->prepared, 0, sizeof(db->prepared));
    arena_reset(&db->session);
    db->stale = db->owed = false;
}

void db_disconnect(struct db *db)
{
    if (db->conn != NULL)
        atomic_fetch_add(&generation, 1);
    finish(db);
}

enum status db_lost(struct db *db, enum status status, const char *why)
{
    db_disconnect(db);
    if (db->err == NULL)
        return status;
    log_error("db_lost", "why=%s", why);
    return fail(db->err, status, "Database", "the connection to the database was lost: %s", why);
}

static bool connect_once(struct db *db)
{
    db_disconnect(db);
    db->conn = pg_connect(db->conninfo, db->application_name, db->options);
    return PQstatus(db->conn) == CONNECTION_OK && PQsetnonblocking(db->conn, 1) == 0 &&
           PQenterPipelineMode(db->conn) == 1;
}

static void sleep_us(int64_t us)
{
    struct timespec t = {us / US_PER_SECOND, us % US_PER_SECOND * 1000};

    nanosleep(&t, NULL);
}

/* A restart of the server is sat out for a second and a half; while it stays away each request
 * tries once and fails at once. */
enum status db_reconnect(struct db *db)
{
    int64_t wait_us = US_PER_SECOND / 20;

    while (!connect_once(db)) {
        bool patient = !db->waiting && wait_us <= US_PER_SECOND &&
                       (db->deadline_us == 0 || clock_monotonic_us() + wait_us < db->deadline_us);

        log_warn("db_unreachable", "again=%s", patient ? "yes" : "no");
        if (!patient) {
            db->waiting = true;
            return db_lost(db, UPSTREAM, "it cannot be reached");
        }
        sleep_us(wait_us);
        wait_us *= 2;
    }
    db->waiting = false;
    log_info("db_connected", "pid=%d", PQbackendPID(db->conn));
    return OK;
}

bool db_alive(struct db *db)
{
    struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN};

    return PQstatus(db->conn) == CONNECTION_OK && poll(&p, 1, 0) == 0;
}

static struct db *db_new(const char *conninfo, const char *application_name)
{
    struct db *db = calloc(1, sizeof(*db));

    must(db != NULL, "out of memory");
    db->conninfo = strdup(conninfo);
    db->application_name = strdup(application_name);
    must(db->conninfo != NULL && db->application_name != NULL, "out of memory");
    arena_init(&db->session);
    return db;
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    finish(db);
    arena_dispose(&db->session);
    free(db->conninfo);
    free(db->application_name);
    free(db);
}

static struct db *connect_first(struct db *db, struct errors *err)
{
    if (connect_once(db))
        return db;
    fail(err, UPSTREAM, "Database", "cannot connect to the database: %s", PQerrorMessage(db->conn));
    db_close(db);
    return NULL;
}

struct db *db_open(const char *conninfo, const char *application_name, struct errors *err)
{
    return connect_first(db_new(conninfo, application_name), err);
}

/* With arrays as parameters PostgreSQL would plan each statement anew every time, which costs more
 * than to run it, and there is one good plan for each anyhow: by key. Such a plan outlives the day
 * on which the tables were small: it must not scan one. */
struct db *db_open_serving(const char *conninfo, const char *application_name, int64_t limit_us,
                           struct errors *err)
{
    struct db *db = db_new(conninfo, application_name);

    db->limit_us = limit_us;
    snprintf(db->options, sizeof(db->options),
             "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off"
             " -c statement_timeout=%lldms",
             (long long)(limit_us / 1000));
    return connect_first(db, err);
}
