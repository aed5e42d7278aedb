/* How the hub connects to PostgreSQL: the settings that every connection of ours carries. Internal
 * to hub/data. Any thread; blocks until connected or refused (5 s a host unless conninfo says
 * otherwise). */
#pragma once

#include <libpq-fe.h>

/* A connection in libpq's blocking mode, which may have failed: look at PQstatus. It is read-write
 * (a standby is passed over), speaks UTF-8, waits at most 10 s for a lock, and is ended by the
 * server when a transaction stays idle for a minute. `options` are more of such settings (-c
 * name=value), "" for none; those of conninfo win. Never NULL; PQfinish ends it. */
PGconn *pg_connect(const char *conninfo, const char *application_name, const char *options);
