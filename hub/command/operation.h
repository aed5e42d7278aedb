/* An operator's command as one transaction: what it changes or looks at, and the audit row about
 * it, or nothing. Its output is printed after COMMIT. */
#pragma once

#include "hub/audit/audit.h"
#include "hub/command/cli.h"
#include "hub/member.h"
#include "hub/request.h"

struct operation {
    struct cli_args args;
    struct config config;
    struct db *db;
    int64_t now_us;
    struct member_directory *members; /* as of now; inside the lock of a member change */
    struct audit_list audit;          /* the work adds its rows */
    void *state;                      /* of the work, for what follows it */
    int answer;                       /* exit status when all goes well: 0, or 1 for a "no" */
};

struct operation_kind {
    struct cli cli;
    size_t least, most;      /* words beside the options */
    const char *transaction; /* of the audit row: "CONFIG", "ITI-81" */
    struct audit_kind audit;
    const char *endpoint; /* "causeway member add" */
    bool as_owner; /* over --database CONNINFO, the owner's: what the hub's role may not do */
    bool changes_members; /* bumps the epoch first, which keeps other changes out until COMMIT */
    /* Between BEGIN and COMMIT. What it puts in `out` is printed when all has succeeded. */
    enum status (*work)(struct operation *o, struct strbuf *out);
    /* After COMMIT: long work, in transactions of its own. May be NULL. */
    enum status (*then)(struct operation *o, struct strbuf *out);
};

/* Parses, connects, runs, prints; the exit status. As cli_verb wants it: the context is a struct
 * operation_kind. */
int operation_run(const void *context, int argc, char **argv);

/* What the rooms' functions want: a request in the operation's transaction, without principal or
 * peer. Memory of the arguments' arena. */
struct request *operation_request(struct operation *o);

/* Who and what an audit row of this operation is about; each call is a request of its own. */
struct audit_context operation_context(struct operation *o, const struct operation_kind *kind);

/* Who runs this: the login name behind sudo, if there is one. */
struct str operator_name(struct arena *a);
