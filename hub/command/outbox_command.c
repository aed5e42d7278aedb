/* `causeway outbox`: what waits to be sent, and the dead letters. */
#include "hub/base/clock.h"
#include "hub/command/cli_print.h"
#include "hub/command/commands.h"
#include "hub/command/operation.h"

enum { SHOWN_MAX = 1000 };

static const struct statement LIST = {
    "outbox_list",
    /* across places: an operator looks at every destination */
    "SELECT m.message_id, l.member_id, l.address, m.what, m.queued_at, m.state, m.attempts,"
    "       m.tried_at, m.trouble"
    "  FROM outbox_message m"
    "  JOIN outbox_lane l ON l.dkey = m.dkey"
    " WHERE (NOT $1 OR m.state = 'dead')"
    "   AND ($2 = 0 OR l.member_id = $2)"
    " ORDER BY m.sequence"
    " LIMIT 1000",
};
static const struct statement RESEND = {
    "outbox_resend",
    /* across places: dead letters of one member, or one of them, wherever it waits */
    "UPDATE outbox_message"
    "   SET state = 'waiting',"
    "       attempts = 0"
    " WHERE state = 'dead'"
    "   AND (message_id = $1 OR dkey IN ("
    "       SELECT dkey"
    "         FROM outbox_lane"
    "        WHERE member_id = $2))",
};
static const struct statement DROP = {
    "outbox_drop",
    /* across places: as to resend */
    "DELETE FROM outbox_message"
    " WHERE state = 'dead'"
    "   AND (message_id = $1 OR dkey IN ("
    "       SELECT dkey"
    "         FROM outbox_lane"
    "        WHERE member_id = $2))",
};

static enum status member_given(struct operation *o, int64_t *id)
{
    const char *name = cli_value(&o->args, "member");
    const struct member *m = name != NULL ? member_by_name(o->members, str_from(name)) : NULL;

    *id = m != NULL ? m->id : 0;
    if (name == NULL || m != NULL)
        return OK;
    return fail(o->args.err, NOT_FOUND, "member",
                "no member is called '%s'; `causeway member list` shows them", name);
}

/* --- list ------------------------------------------------------------------------------------ */

static struct str member_name(const struct operation *o, int64_t id)
{
    const struct member *m = member_by_id(o->members, id);

    return m != NULL ? m->name : STR("?");
}

static void print_json(struct operation *o, struct strbuf *out, const struct rows *r)
{
    strbuf_lit(out, "{\"messages\":[");
    for (int i = 0; i < r->count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "id", uuid_text(o->args.arena, row_uuid(r, i, 0)));
        cli_json_text(out, "member", member_name(o, row_int(r, i, 1)));
        cli_json_text(out, "address", row_text(r, i, 2));
        cli_json_text(out, "transaction", row_text(r, i, 3));
        cli_json_text(out, "queued_at", clock_iso(o->args.arena, row_time(r, i, 4)));
        cli_json_text(out, "state", row_text(r, i, 5));
        cli_json_int(out, "attempts", row_int(r, i, 6));
        cli_json_text(out, "trouble", row_text(r, i, 8));
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]}\n");
}

static void print_table(struct operation *o, struct strbuf *out, const struct rows *r)
{
    struct cli_table t = cli_table_on(o->args.arena, 7);

    cli_table_row(&t, STR("ID"), STR("MEMBER"), STR("TRANSACTION"), STR("QUEUED (UTC)"),
                  STR("STATE"), STR("ATTEMPTS"), STR("TROUBLE"));
    for (int i = 0; i < r->count; i++)
        cli_table_row(&t, uuid_text(o->args.arena, row_uuid(r, i, 0)),
                      member_name(o, row_int(r, i, 1)), row_text(r, i, 3),
                      str_slice(clock_iso(o->args.arena, row_time(r, i, 4)), 0, 19),
                      row_text(r, i, 5),
                      str_printf(o->args.arena, "%lld", (long long)row_int(r, i, 6)),
                      row_text(r, i, 8));
    cli_table_write(&t, out);
    if (r->count == SHOWN_MAX)
        strbuf_addf(out, "These are the first %d.\n", SHOWN_MAX);
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct rows rows;
    int64_t member;

    TRY(member_given(o, &member));
    db_queue(o->db, &LIST, &rows, DB_BOOL(cli_value(&o->args, "dead") != NULL), DB_INT8(member));
    TRY(db_flush(o->db));
    if (o->args.json)
        print_json(o, out, &rows);
    else if (rows.count > 0)
        print_table(o, out, &rows);
    else
        strbuf_lit(out, "Nothing waits.\n");
    return OK;
}

/* --- resend and drop ------------------------------------------------------------------------- */

static void audit(struct operation *o, const char *verb, int64_t count)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    audit_object_add(o->args.arena, row, "outbox", str_from(verb),
                     str_printf(o->args.arena, "%lld dead letters", (long long)count));
}

/* One by --id, or all of a member's by --member. */
static enum status change(struct operation *o, struct strbuf *out, const struct statement *s,
                          const char *verb)
{
    const char *text = cli_value(&o->args, "id");
    struct uuid id = {{0}};
    struct rows rows;
    int64_t member;

    TRY(member_given(o, &member));
    if ((text == NULL && member == 0) || (text != NULL && !uuid_parse(str_from(text), &id)))
        return fail(o->args.err, INVALID, "usage",
                    "--id ID of a dead letter, as `causeway outbox list` shows it, or --member");
    db_queue(o->db, s, &rows, DB_UUID(id), DB_INT8(member));
    TRY(db_flush(o->db));
    audit(o, verb, rows.affected);
    o->answer = rows.affected == 0;
    if (o->args.json)
        strbuf_addf(out, "{\"count\":%lld}\n", (long long)rows.affected);
    else
        strbuf_addf(out, "%s: %lld dead letters\n", verb, (long long)rows.affected);
    return OK;
}

static enum status work_resend(struct operation *o, struct strbuf *out)
{
    return change(o, out, &RESEND, "sent again");
}

static enum status work_drop(struct operation *o, struct strbuf *out)
{
    return change(o, out, &DROP, "dropped");
}

/* --- help ------------------------------------------------------------------------------------ */

static const struct cli_option list_options[] = {
    {"dead", NULL, "dead letters only"},
    {"member", "NAME", "what waits for this member"},
    {NULL, NULL, NULL},
};
static const struct cli_option which_options[] = {
    {"id", "ID", "one dead letter"},
    {"member", "NAME", "all dead letters of this member"},
    {NULL, NULL, NULL},
};

static const struct operation_kind list = {
    .cli = {"causeway outbox list [--dead] [--member NAME]",
            "Shows what the hub has still to send by itself, in order: notifications and\n"
            "asynchronous answers. A dead letter was refused by its destination, or tried too\n"
            "often; those behind it went on.",
            list_options},
    .work = work_list,
};
static const struct operation_kind resend = {
    .cli = {"causeway outbox resend --id ID | --member NAME",
            "Puts dead letters back in their place, to be sent again.", which_options},
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway outbox resend",
    .work = work_resend,
};
static const struct operation_kind drop = {
    .cli = {"causeway outbox drop --id ID | --member NAME",
            "Deletes dead letters. What they said is not sent.", which_options},
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway outbox drop",
    .work = work_drop,
};

static const struct cli_verb verbs[] = {
    {"list", "what waits, and the dead letters", operation_run, &list},
    {"resend", "send dead letters again", operation_run, &resend},
    {"drop", "delete dead letters", operation_run, &drop},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch("outbox",
                        "What the hub sends by itself: notifications of changed identifiers, and\n"
                        "asynchronous answers.",
                        verbs, argc, argv);
}

const struct command outbox_command = {
    "outbox",
    "what waits to be sent, and the dead letters",
    run,
};
