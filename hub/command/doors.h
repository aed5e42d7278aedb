/* The register of doors (hub/door.h): all that the program can do, from the tables that it runs by,
 * and what each discloses. `causeway doors` lists it; behind each link --check fails the build for
 * an operation that says nothing of itself, or a command of which doors_table.c has no row. */
#pragma once

#include "hub/module.h"

/* A command of an operator: what it shows. */
struct door_command {
    const char *path; /* "member cert add" */
    struct door door;
};
extern const struct door_command door_commands[]; /* ends with a NULL path */

/* Both end with NULL. A place whose door is NULL: a command without a row. */
struct door_register {
    const struct hub_module *const *modules;
    const struct command *const *commands;
    const struct door_command *rows;
};

void doors_visit(const struct door_register *all, door_visitor *visit, void *to);
/* How many say nothing of themselves; what is wrong goes to `out`, a line each. Rows of commands
 * that there are not count as well. */
size_t doors_check(struct arena *a, const struct door_register *all, struct strbuf *out);

int doors_run(const struct door_register *all, int argc, char **argv);
