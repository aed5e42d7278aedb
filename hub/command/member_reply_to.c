/* `causeway member reply-to`: where a member's asynchronous answers may go. */
#include "hub/command/member_change.h"
#include "hub/soap_post.h"

static const struct statement ADD_REPLY_TO = {
    "member_add_reply_to",
    "INSERT INTO member_reply_to (member_id, address)"
    " VALUES ($1, $2)",
};
static const struct statement REMOVE_REPLY_TO = {
    "member_remove_reply_to",
    "DELETE FROM member_reply_to"
    " WHERE member_id = $1"
    "   AND address = $2",
};

static enum status address_given(struct operation *o, struct str *address)
{
    struct soap_url url;

    *address = str_from(cli_value(&o->args, "address"));
    if (address->p != NULL && soap_url_parse(o->args.arena, *address, &url))
        return OK;
    return fail(o->args.err, INVALID, "address",
                "--address is required: https://HOST[:PORT]/PATH of the member's own endpoint, as "
                "its requests name it in wsa:ReplyTo");
}

static bool has(const struct member *m, struct str address)
{
    for (size_t i = 0; i < m->reply_to_count; i++)
        if (str_eq(m->reply_to[i], address))
            return true;
    return false;
}

static enum status work_add(struct operation *o, struct strbuf *out)
{
    const struct member *m;
    struct str address;

    TRY(member_named(o, &m));
    TRY(address_given(o, &address));
    if (!has(m, address))
        db_queue(o->db, &ADD_REPLY_TO, NULL, DB_INT8(m->id), DB_TEXT(address));
    member_audit(o, m->name, str_printf(o->args.arena, "answers may go to %.*s", STR_ARG(address)));
    return member_report(o, out, member_word(o), "may have its answers sent there");
}

static enum status work_remove(struct operation *o, struct strbuf *out)
{
    const struct member *m;
    struct str address;

    TRY(member_named(o, &m));
    TRY(address_given(o, &address));
    if (!has(m, address))
        return fail(o->args.err, NOT_FOUND, "address", "%.*s is not registered for %.*s",
                    STR_ARG(address), STR_ARG(m->name));
    db_queue(o->db, &REMOVE_REPLY_TO, NULL, DB_INT8(m->id), DB_TEXT(address));
    member_audit(o, m->name,
                 str_printf(o->args.arena, "answers no longer go to %.*s", STR_ARG(address)));
    return member_report(o, out, member_word(o),
                         "cannot name it any more; what waits for it is still sent");
}

static const struct cli_option options[] = {
    {"address", "URL", "https://HOST[:PORT]/PATH, character by character as wsa:ReplyTo has it"},
    {NULL, NULL, NULL},
};

#define CHANGE(endpoint_, work_)                                                                   \
    .least = 1, .most = 1, .transaction = "CONFIG", .audit = {"110113", 'E'},                      \
    .endpoint = (endpoint_), .changes_members = true, .work = (work_)

static const struct operation_kind add = {
    .cli = {"causeway member reply-to add NAME --address URL",
            "Lets a member's requests name this address as wsa:ReplyTo: it gets 202 at once, and\n"
            "the answer by a POST over mutual TLS (asynchronous web services). A ReplyTo that is\n"
            "not registered is a fault. What cannot be delivered waits; see `causeway outbox`.\n"
            "\n"
            "  causeway member reply-to add st-mary --address https://xds.st-mary.example/answers",
            options},
    CHANGE("causeway member reply-to add", work_add),
};
static const struct operation_kind remove_one = {
    .cli = {"causeway member reply-to remove NAME --address URL", "Takes an address back.",
            options},
    CHANGE("causeway member reply-to remove", work_remove),
};

const struct cli_verb member_reply_to_verbs[] = {
    {"add", "let answers go to an address", operation_run, &add},
    {"remove", "take an address back", operation_run, &remove_one},
    {NULL, NULL, NULL, NULL},
};
