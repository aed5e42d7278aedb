/* The running hub: what the workers, the network and the keeper share. One a process.
 *
 * Started by hub_serve in this order: modules, listeners, workers, keeper, network; stopped in
 * reverse. Threads: I/O threads (hub/net), workers (hub/worker.c, one database connection each),
 * one that calls other communities (hub/net/callout.h), the keeper (hub/keeper.c) and the main
 * thread, which waits for signals. */
#pragma once

#include <pthread.h>

#include "hub/audit/group.h"
#include "hub/module.h"
#include "hub/net/callout.h"
#include "hub/net/server.h"
#include "hub/queue.h"

/* Requests of different kinds wait in different lanes, so that one cannot starve the other. */
enum lane { LANE_MEMBERS, LANE_ADMIN, LANE_SYSLOG, LANES };

struct hub {
    const struct config *config;
    const struct hub_module *const *modules; /* ends with NULL */
    struct net_server *net;
    /* -1: not configured */
    int member_listener, mllp_listener, admin_listener, syslog_listener;
    struct queue *lanes[LANES];
    struct callout *callout;         /* calls to other communities */
    struct audit_group *audit_group; /* NULL: each request commits its audit rows itself */
    struct str endpoint;             /* how members reach us, for audit records */
    pthread_mutex_t directory_lock;
    struct member_directory *directory;
};

/* Runs until SIGTERM or SIGINT has drained it; SIGHUP re-reads certificates and CRLs. Writes the
 * listeners' actual addresses to ready_file (JSON; may be NULL) when all of them listen. */
enum status hub_serve(const struct config *config, const struct hub_module *const *modules,
                      const char *ready_file, struct errors *err) MUST_CHECK;

/* The members as known now; release with member_directory_release. Any thread. */
struct member_directory *hub_directory(struct hub *hub);
/* Reads them again if their epoch has moved past the one that is known. */
enum status hub_directory_refresh(struct hub *hub, struct db *db) MUST_CHECK;

/* The door for this path, method and listener; NULL with the HTTP status in *refusal, and for 405
 * the methods that the path has in the reply's Allow. */
const struct route *hub_route(const struct hub *hub, struct exchange *ex, int *refusal);

/* The master key file: 32 bytes, mode 0600 or stricter, into sodium_malloc memory that is never
 * freed. Rooms derive keys of their own from it: crypto_kdf, with a context of 8 characters. */
enum status hub_master_key(const struct config *config, const unsigned char **key,
                           struct errors *err) MUST_CHECK;
/* Another such file; memory that is never freed either. */
enum status hub_key_file(const char *path, const unsigned char **key,
                         struct errors *err) MUST_CHECK;
