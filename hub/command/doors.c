#include "hub/command/doors.h"

#include <stdio.h>
#include <string.h>

#include "hub/command/cli.h"
#include "hub/command/cli_print.h"

/* --- what there is --------------------------------------------------------------------------- */

static void visit_routes(const struct hub_module *m, door_visitor *visit, void *to)
{
    for (const struct route *r = m->routes; r != NULL && r->protocol != NULL; r++)
        for (const struct transaction *t = r->transactions; t->name != NULL; t++) {
            const struct door_place place = {"transaction", t->name, r->path, t->action, &t->door};

            visit(to, &place);
        }
}

static void visit_carriers(const struct hub_module *m, door_visitor *visit, void *to)
{
    for (const struct outbox_carrier *c = m->carriers; c != NULL && c->kind != NULL; c++) {
        const struct door_place place = {.kind = "carrier",
                                         .name = c->transaction.name,
                                         .door = &c->transaction.door};

        visit(to, &place);
    }
}

/* What a command that is walked through tells. */
struct walk {
    const struct door_command *rows;
    door_visitor *visit;
    void *to;
};

static void command_told(void *to, const char *path)
{
    const struct walk *w = to;
    const struct door_command *row = w->rows;
    struct door_place place = {.kind = "command", .name = path};

    while (row->path != NULL && strcmp(row->path, path) != 0)
        row++;
    place.door = row->path != NULL ? &row->door : NULL;
    w->visit(w->to, &place);
}

static void visit_commands(const struct door_register *all, door_visitor *visit, void *to)
{
    struct walk w = {all->rows, visit, to};

    cli_only_tell(command_told, &w);
    for (const struct command *const *c = all->commands; *c != NULL; c++) {
        char name[64], *argv[] = {name, NULL};

        snprintf(name, sizeof(name), "%s", (*c)->name);
        cli_tell_path(name);
        (*c)->run(1, argv);
    }
    cli_only_tell(NULL, NULL);
}

void doors_visit(const struct door_register *all, door_visitor *visit, void *to)
{
    for (const struct hub_module *const *m = all->modules; *m != NULL; m++) {
        visit_routes(*m, visit, to);
        visit_carriers(*m, visit, to);
        if ((*m)->doors != NULL)
            (*m)->doors(visit, to);
    }
    visit_commands(all, visit, to);
}

/* --- does each say what it discloses? -------------------------------------------------------- */

struct check {
    const struct door_command *rows;
    bool *used; /* by row */
    struct strbuf *out;
    size_t faults;
};

static const char *or_none(const char *s)
{
    return s != NULL ? s : "";
}

static void check_one(void *to, const struct door_place *p)
{
    struct check *c = to;
    const struct door *d = p->door;

    for (size_t i = 0; c->rows[i].path != NULL; i++)
        c->used[i] = c->used[i] || d == &c->rows[i].door;
    if (d != NULL && d->kind != DOOR_UNSAID && d->says != NULL && d->says[0] != '\0')
        return;
    c->faults++;
    strbuf_addf(c->out, "%s %s %s %s: %s\n", p->kind, p->name, or_none(p->path), or_none(p->action),
                strcmp(p->kind, "command") == 0
                    ? "what does it show? Say so in hub/command/doors_table.c"
                    : "what does it disclose? Say so in its table, as .door (hub/door.h)");
}

size_t doors_check(struct arena *a, const struct door_register *all, struct strbuf *out)
{
    struct check c = {.rows = all->rows, .out = out};
    size_t n = 0;

    while (all->rows[n].path != NULL)
        n++;
    c.used = ARENA_ARRAY(a, n, bool);
    doors_visit(all, check_one, &c);
    for (size_t i = 0; i < n; i++) {
        if (c.used[i])
            continue;
        c.faults++;
        strbuf_addf(out, "command %s: there is none; drop its row in hub/command/doors_table.c\n",
                    all->rows[i].path);
    }
    return c.faults;
}

/* --- the command ----------------------------------------------------------------------------- */

static const char *kind_word(const struct door *d)
{
    static const char *const words[] = {
        [DOOR_UNSAID] = "unsaid",
        [DOOR_DISCLOSES] = "discloses",
        [DOOR_STAFF] = "staff",
        [DOOR_NOTHING] = "nothing",
    };

    return words[d != NULL ? d->kind : DOOR_UNSAID];
}

static void print_one(void *to, const struct door_place *p)
{
    (void)to;
    printf("%-12s %-32s %-18s %-10s %s\n", p->kind, p->name, or_none(p->path), kind_word(p->door),
           p->door != NULL ? p->door->says : "");
}

static void json_one(void *to, const struct door_place *p)
{
    struct strbuf *b = to;

    cli_json_comma(b);
    strbuf_addc(b, '{');
    cli_json_text(b, "kind", str_from(p->kind));
    cli_json_text(b, "name", str_from(p->name));
    cli_json_text(b, "path", str_from(or_none(p->path)));
    cli_json_text(b, "action", str_from(or_none(p->action)));
    cli_json_text(b, "door", str_from(kind_word(p->door)));
    cli_json_text(b, "says", str_from(p->door != NULL ? p->door->says : ""));
    strbuf_addc(b, '}');
}

static int check(const struct door_register *all, const struct cli_args *args)
{
    struct strbuf b = strbuf_on(args->arena, 4096);
    size_t faults = doors_check(args->arena, all, &b);
    struct str said = strbuf_str(&b);

    fprintf(stderr, "%.*s", STR_ARG(said));
    return faults == 0 ? 0 : 1;
}

int doors_run(const struct door_register *all, int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"check", NULL, "print only what says nothing of itself; then exit status 1"},
        {NULL, NULL, NULL},
    };
    static const struct cli cli = {
        "causeway doors [--check]",
        "Each operation, and what it tells of patients: through a gate, where consent decides\n"
        "(discloses); to those who run the exchange (staff); or nothing, and why.",
        options,
    };
    struct cli_args args;
    struct strbuf b;
    int done = cli_parse(&cli, argc, argv, &args);

    if (done >= 0)
        return done;
    if (cli_value(&args, "check") != NULL)
        return check(all, &args);
    b = strbuf_on(args.arena, 65536);
    strbuf_addc(&b, '[');
    doors_visit(all, args.json ? json_one : print_one, &b);
    if (args.json)
        printf("%.*s]\n", STR_ARG(strbuf_str(&b)));
    return 0;
}
