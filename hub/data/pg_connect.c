#include "hub/data/pg_connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"
#include "hub/base/log.h"

/* A transaction that holds row locks while its hub hangs is ended after a minute; whoever waits
 * for a lock gives up well before a request's deadline. */
#define OUR_OPTIONS "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"

enum { OPTIONS_MAX = 1024 };

/* A notice may quote values: only its SQLSTATE is told. */
static void on_notice(void *context, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    (void)context;
    log_debug("db_notice", "sqlstate=%s", state ? state : "none");
}

/* Ours, followed by those of conninfo, which therefore win. */
static void options_of(const char *conninfo, const char *more, char out[OPTIONS_MAX])
{
    PQconninfoOption *given = PQconninfoParse(conninfo, NULL);

    snprintf(out, OPTIONS_MAX, "%s %s", OUR_OPTIONS, more);
    for (PQconninfoOption *o = given; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, "options") == 0 && o->val != NULL)
            snprintf(out, OPTIONS_MAX, "%s %s %s", OUR_OPTIONS, more, o->val);
    PQconninfoFree(given);
}

PGconn *pg_connect(const char *conninfo, const char *application_name, const char *more)
{
    char options[OPTIONS_MAX];
    /* What stands before dbname are defaults that conninfo may change; what follows is fixed. */
    const char *const words[] = {"connect_timeout", "tcp_user_timeout",     "keepalives_idle",
                                 "dbname",          "application_name",     "options",
                                 "client_encoding", "target_session_attrs", NULL};
    const char *const values[] = {"5",     "10000", "30",         conninfo, application_name,
                                  options, "UTF8",  "read-write", NULL};
    PGconn *conn;

    options_of(conninfo, more, options);
    conn = PQconnectdbParams(words, values, 1);
    must(conn != NULL, "out of memory");
    PQsetNoticeReceiver(conn, on_notice, NULL);
    return conn;
}
