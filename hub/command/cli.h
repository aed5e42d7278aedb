/* What the sub-commands share: options, help, the database, failures.
 *
 * A command is one run of the program: what is allocated here lives until the process ends. */
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
    struct arena *arena; /* of the process */
    struct errors *err;
    const char *config_file; /* --config, else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.conf */
    bool json;
    const char *positional[64];
    size_t positional_count;
    struct {
        const char *name, *value; /* a switch has the value "" */
    } given[64];                  /* in order; an option may come several times */
    size_t given_count;
};

/* Parses argv[1] and on; prints help and returns 0 for --help, or usage and 2 when wrong. -1: go
 * on. Sets all of *out, arena and err included. */
int cli_parse(const struct cli *c, int argc, char **argv, struct cli_args *out);
const char *cli_value(const struct cli_args *args, const char *name); /* the last one, or NULL */
/* All of them, in order; returns how many there are, of which the first `max` are in out. */
size_t cli_values(const struct cli_args *args, const char *name, const char **out, size_t max);
/* Says what is wrong with the arguments and where help is; returns 2. */
int cli_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A sub-command of a command: `causeway member add`. */
struct cli_verb {
    const char *name;
    const char *summary; /* one line in the command's help */
    int (*run)(const void *context, int argc, char **argv);
    const void *context; /* for run: what the verb does, as a table has it */
};
/* Runs the verb that argv[1] names. Without one prints usage and returns 2; --help prints `text`
 * and the list of verbs. The list ends with a NULL name. */
int cli_dispatch(const char *command, const char *text, const struct cli_verb *verbs, int argc,
                 char **argv);

/* From now on each command and verb that is run only tells its path ("member cert add"), and does
 * nothing: for who runs all of them to know all. */
void cli_only_tell(void (*tell)(void *to, const char *path), void *to);
/* The path of a top command, or of the verb that was told last, while cli_only_tell holds. */
void cli_tell_path(const char *path);

/* Configuration and a connection, attached to the arguments' arena and errors; on failure prints
 * why and what to do, and returns NULL. */
struct db *cli_database(struct cli_args *args, struct config *config);
/* The same over --database CONNINFO, which must be given: the owner's connection. */
struct db *cli_owner_database(struct cli_args *args, struct config *config);

/* The same, step by step, for who must not stop at the first: reads the configuration. */
enum status cli_config(struct cli_args *args, struct config *config) MUST_CHECK;

/* Prints the failures for a person on standard error (or as {"error": ...} on standard output with
 * --json); returns 1 when what was named does not exist, else 2. */
int cli_fail(const struct cli_args *args);

/* A whole file, or standard input for "-", into the arguments' arena. NOT_FOUND, INVALID: cannot be
 * read, or has more than max bytes. */
enum status cli_read_file(const struct cli_args *args, const char *path, size_t max,
                          struct str *out) MUST_CHECK;
