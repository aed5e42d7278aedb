#include "hub/command/operation.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/data/migrate.h"
#include "hub/hub.h"
#include "hub/outbox.h"

static const struct statement BUMP = {
    "operation_bump_member_epoch",
    "UPDATE epoch"
    " SET value = value + 1"
    " WHERE name = 'member'",
};

struct str operator_name(struct arena *a)
{
    const char *behind_sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());

    if (getuid() == 0 && behind_sudo != NULL)
        return str_dup(a, str_from(behind_sudo));
    return user != NULL ? str_dup(a, str_from(user->pw_name))
                        : str_printf(a, "uid %u", (unsigned)getuid());
}

static struct str here(struct arena *a)
{
    char host[256] = "";

    gethostname(host, sizeof(host) - 1);
    return str_printf(a, "local command on %s", host);
}

struct request *operation_request(struct operation *o)
{
    struct request *rq = ARENA_NEW(o->args.arena, struct request);

    *rq = (struct request){.magic = REQUEST_MAGIC,
                           .config = &o->config,
                           .members = o->members,
                           .arena = o->args.arena,
                           .err = o->args.err,
                           .db = o->db,
                           .id = uuid_v7(),
                           .now_us = o->now_us};
    return rq;
}

struct audit_context operation_context(struct operation *o, const struct operation_kind *kind)
{
    return (struct audit_context){
        .transaction = kind->transaction,
        .kind = kind->audit,
        .request = uuid_v7(),
        .at_us = o->now_us,
        .user = operator_name(o->args.arena),
        .role = STR("operator"),
        .peer = here(o->args.arena),
        .endpoint = str_from(kind->endpoint),
    };
}

static enum status audit_write(struct operation *o, const struct operation_kind *kind)
{
    struct audit_context context = operation_context(o, kind);

    if (o->audit.count == 0)
        return OK;
    return audit_queue(o->db, o->args.arena, &context, &o->audit, o->args.err);
}

static enum status transact(struct operation *o, const struct operation_kind *kind,
                            struct strbuf *out)
{
    const unsigned char *master_key;

    TRY(hub_master_key(&o->config, &master_key, o->args.err));
    audit_init(master_key);
    outbox_init(master_key);
    TRY(migrate_check(o->db, o->args.arena, o->config.migrations, o->args.err));
    db_begin(o->db, READ_COMMITTED);
    if (kind->changes_members)
        db_queue0(o->db, &BUMP, NULL);
    TRY(member_directory_read(o->db, &o->members));
    TRY(kind->work(o, out));
    TRY(audit_write(o, kind));
    return db_commit(o->db);
}

int operation_run(const void *context, int argc, char **argv)
{
    const struct operation_kind *kind = context;
    struct operation o = {0};
    struct strbuf out;
    enum status status;
    int parsed = cli_parse(&kind->cli, argc, argv, &o.args);

    if (parsed >= 0)
        return parsed;
    if (o.args.positional_count < kind->least || o.args.positional_count > kind->most)
        return cli_usage(&kind->cli, "%s",
                         kind->most == 0                         ? "no argument is expected"
                         : o.args.positional_count < kind->least ? "NAME is missing"
                                                                 : "too many arguments");
    out = strbuf_on(o.args.arena, 4096);
    o.now_us = clock_now_us();
    o.db =
        kind->as_owner ? cli_owner_database(&o.args, &o.config) : cli_database(&o.args, &o.config);
    if (o.db == NULL)
        return 2;
    status = transact(&o, kind, &out);
    if (status == OK && kind->then != NULL)
        status = kind->then(&o, &out);
    if (status != OK)
        db_rollback(o.db);
    db_close(o.db);
    member_directory_release(o.members);
    if (status != OK)
        return cli_fail(&o.args);
    fwrite(out.p, 1, out.n, stdout);
    return o.answer;
}
