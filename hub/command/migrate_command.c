#include "hub/data/migrate.h"

#include <stdio.h>

#include "hub/audit/partition.h"
#include "hub/command/cli.h"
#include "hub/command/cli_print.h"
#include "hub/command/commands.h"

static const char *const state_names[] = {
    [MIGRATION_APPLIED] = "applied",
    [MIGRATION_PENDING] = "pending",
    [MIGRATION_CHANGED] = "changed",
    [MIGRATION_UNKNOWN] = "unknown",
};

struct run {
    struct cli_args args;
    struct config config;
    const char *conninfo; /* of the owner */
    struct db *db;
    size_t applied;
};

static const struct cli_option options[] = {
    {"database", "CONNINFO", "the owner's connection, as 'dbname=causeway user=causeway_owner'"},
    {"status", NULL, "show which are applied; exit status 1 when some are not"},
    {"dry-run", NULL, "show what would be applied; change nothing"},
    {NULL, NULL, NULL},
};
static const struct cli cli = {
    "causeway migrate [--database CONNINFO] [--status|--dry-run]",
    "Brings the database to what this program needs: applies the migrations that are missing, in\n"
    "order, each in a transaction of its own, and makes the audit log's partitions three months\n"
    "ahead. Run it as the role that owns the tables, before the first start and after each\n"
    "upgrade; running it again changes nothing. deploy/roles.sql makes the roles.\n"
    "\n"
    "  causeway migrate --database 'host=/run/postgresql dbname=causeway user=causeway_owner'",
    options,
};

static void list_table(struct arena *a, const struct migrations *all, bool pending_only,
                       struct strbuf *out)
{
    struct cli_table t = cli_table_on(a, 4);

    cli_table_row(&t, STR("VERSION"), STR("NAME"), STR("STATE"), STR("APPLIED (UTC)"));
    for (size_t i = 0; i < all->count; i++) {
        const struct migration *m = &all->items[i];
        struct str at = m->applied_at_us != 0 ? str_slice(clock_iso(a, m->applied_at_us), 0,
                                                          sizeof("2026-11-22T15:04:05") - 1)
                                              : STR("-");

        if (!pending_only || m->state == MIGRATION_PENDING)
            cli_table_row(&t, str_printf(a, "%04d", m->version), m->name,
                          str_from(state_names[m->state]), at);
    }
    cli_table_write(&t, out);
}

static void list_json(struct arena *a, const struct migrations *all, bool pending_only,
                      struct strbuf *out)
{
    strbuf_lit(out, "{\"migrations\":[");
    for (size_t i = 0; i < all->count; i++) {
        const struct migration *m = &all->items[i];

        if (pending_only && m->state != MIGRATION_PENDING)
            continue;
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_int(out, "version", m->version);
        cli_json_text(out, "name", m->name);
        cli_json_text(out, "state", str_from(state_names[m->state]));
        cli_json_text(out, "applied_at",
                      m->applied_at_us != 0 ? clock_iso(a, m->applied_at_us) : STR(""));
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]}\n");
}

/* --status and --dry-run: what there is, without changing it. */
static int show(struct run *r, bool pending_only)
{
    struct arena *a = r->args.arena;
    struct strbuf out = strbuf_on(a, 1024);
    struct migrations all;
    enum status status = migrate_list(r->db, a, r->config.migrations, &all, r->args.err);

    if (status != OK && (all.count == 0 || r->args.json))
        return cli_fail(&r->args);
    if (pending_only && all.pending == 0 && !r->args.json)
        strbuf_lit(&out, "Nothing to apply.\n");
    else
        (r->args.json ? list_json : list_table)(a, &all, pending_only, &out);
    fwrite(out.p, 1, out.n, stdout);
    if (status != OK)
        return cli_fail(&r->args);
    return !pending_only && all.pending > 0 ? 1 : 0;
}

static void applying(void *context, const struct migration *m)
{
    struct run *r = context;

    r->applied++;
    if (!r->args.json)
        printf("applying %04d %.*s\n", m->version, STR_ARG(m->name));
}

static int apply(struct run *r)
{
    int64_t partitions = 0;

    if (migrate_run(r->conninfo, r->config.migrations, r->args.arena, applying, r, r->args.err) !=
            OK ||
        audit_partitions_make(r->db, &partitions) != OK)
        return cli_fail(&r->args);
    if (r->args.json)
        printf("{\"applied\":%zu,\"partitions\":%lld}\n", r->applied, (long long)partitions);
    else
        printf("%zu migrations applied, %lld audit partitions made\n", r->applied,
               (long long)partitions);
    return 0;
}

static int run(int argc, char **argv)
{
    struct run r = {0};
    int status = cli_parse(&cli, argc, argv, &r.args);

    if (status >= 0)
        return status;
    if (r.args.positional_count > 0)
        return cli_usage(&cli, "no argument is expected");
    if (cli_config(&r.args, &r.config) != OK)
        return cli_fail(&r.args);
    r.conninfo = cli_value(&r.args, "database");
    if (r.conninfo == NULL)
        r.conninfo = r.config.database;
    r.db = db_open(r.conninfo, "causeway migrate", r.args.err);
    if (r.db == NULL)
        return cli_fail(&r.args);
    db_attach(r.db, r.args.arena, r.args.err, 0);
    if (cli_value(&r.args, "status") != NULL)
        status = show(&r, false);
    else if (cli_value(&r.args, "dry-run") != NULL)
        status = show(&r, true);
    else
        status = apply(&r);
    db_close(r.db);
    return status;
}

const struct command migrate_command = {
    "migrate",
    "bring the database to what this program needs",
    run,
};
