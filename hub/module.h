/* What a room gives the hub: its routes and what it does at the start. hub/main.c lists them. */
#pragma once

#include "hub/door.h"
#include "hub/outbox.h"

struct hub_module {
    const char *name;
    const struct route *routes;            /* ends with a NULL protocol; may be NULL */
    const struct outbox_carrier *carriers; /* ends with a NULL kind; may be NULL */
    /* Once, before threads start: check configuration, open stores, load keys. */
    enum status (*init)(const struct config *config, struct errors *err);
    /* Beside requests, on the keeper's thread, some times a second: a little work, in transactions
     * of its own, and whether there is more of it. Several hubs may be at it. May be NULL. */
    bool (*tend)(struct hub *hub, struct db *db, struct arena *a);
    void (*stop)(void); /* after the last thread; may be NULL */
    /* The room that knows people (mpi): whom an identifier stands for. Queued for the next flush,
     * then read: {0, 0} when it stands for nobody. NULL in all others. */
    void *(*person_queue)(struct request *rq, struct identifier id);
    enum status (*person_read)(struct request *rq, void *lookup, struct person_ref *out);
    /* Names the doors that neither a transaction nor a carrier is: stored queries, what the hub
     * asks by itself. May be NULL. */
    void (*doors)(door_visitor *visit, void *to);
};

/* A sub-command: `causeway NAME ...`. Exit status 0, 1 (no), 2 (usage or failure). */
struct command {
    const char *name;
    const char *summary;               /* one line in `causeway --help` */
    int (*run)(int argc, char **argv); /* argv[0] is the name; handles --help and --json itself */
};
