/* What the sub-commands share: options, help, the database, tables and JSON on standard output. */
#pragma once

#include "hub/config.h"
#include "hub/data/db.h"

/* One option of a command. Ends with a NULL name. */
struct cli_option {
    const char *name;  /* without dashes */
    const char *value; /* what its value is called in the help, or NULL for a switch */
    const char *help;
};

struct cli {
    const char *usage;                /* "causeway member add NAME --organization OID ..." */
    const char *text;                 /* a paragraph that teaches, with an example */
    const struct cli_option *options; /* beside --config FILE, --json, --help, which all have */
};

struct cli_args {
    struct arena *arena;
    struct errors *err;
    const char *config_file; /* --config, else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.conf */
    bool json;
    const char *positional[64];
    size_t positional_count;
    struct {
        const char *name, *value;
    } given[64]; /* in order; an option may come several times */
    size_t given_count;
};

/* Parses; prints help and returns 0 for --help, or usage and 2 when wrong. -1: go on. */
int cli_parse(const struct cli *c, int argc, char **argv, struct cli_args *out);
const char *cli_value(const struct cli_args *args, const char *name); /* the last one, or NULL */
size_t cli_values(const struct cli_args *args, const char *name, const char **out, size_t max);

/* Configuration and a connection; on failure prints why and what to do, and returns NULL. */
struct db *cli_database(struct cli_args *args, struct config *config);

/* Prints the failures for a person (or as {"error": ...} with --json) and returns 2. */
int cli_fail(const struct cli_args *args);
