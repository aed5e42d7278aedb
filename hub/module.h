/* What a room gives the hub: its routes and what it does at the start. hub/main.c lists them. */
#pragma once

#include "hub/outbox.h"

struct hub_module {
    const char *name;
    const struct route *routes;            /* ends with a NULL protocol; may be NULL */
    const struct outbox_carrier *carriers; /* ends with a NULL kind; may be NULL */
    /* Once, before threads start: check configuration, open stores, load keys. */
    enum status (*init)(const struct config *config, struct errors *err);
    /* Beside requests, on the keeper's thread, some times a second: a little work, in transactions
     * of its own, and whether there is more of it. Several hubs may be at it. May be NULL. */
    bool (*tend)(struct db *db, struct arena *a);
    void (*stop)(void); /* after the last thread; may be NULL */
};

/* A sub-command: `causeway NAME ...`. Exit status 0, 1 (no), 2 (usage or failure). */
struct command {
    const char *name;
    const char *summary;               /* one line in `causeway --help` */
    int (*run)(int argc, char **argv); /* argv[0] is the name; handles --help and --json itself */
};
