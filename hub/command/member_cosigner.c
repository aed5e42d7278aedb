/* `causeway member cosigner`: keys by which a member cosigns the audit log's checkpoints. */
#include "hub/audit/log_key.h"
#include "hub/command/member_change.h"

static const struct statement ADD_COSIGNER = {
    "member_add_cosigner",
    "INSERT INTO member_cosigner (member_id, name, public_key, added)"
    " VALUES ($1, $2, $3, $4)",
};
static const struct statement REMOVE_COSIGNER = {
    "member_remove_cosigner",
    "DELETE FROM member_cosigner"
    " WHERE member_id = $1 AND name = $2",
};

static enum status key_given(struct operation *o, struct note_key *key)
{
    const char *given = cli_value(&o->args, "key");

    if (given == NULL)
        return fail(o->args.err, INVALID, "key", "--key is required: the public key, or its file");
    TRY(log_key_public(o->args.arena, given, key, o->args.err));
    if (key->type == NOTE_COSIGNER)
        return OK;
    return fail(o->args.err, INVALID, "key",
                "%s: not a cosigner's key; `causeway audit key --cosigner` makes one", given);
}

static enum status work_add(struct operation *o, struct strbuf *out)
{
    const struct member *m;
    struct note_key key;

    TRY(member_named(o, &m));
    TRY(key_given(o, &key));
    db_queue(o->db, &ADD_COSIGNER, NULL, DB_INT8(m->id), DB_TEXT(key.name),
             DB_BYTEA(str_of(key.public_key, NOTE_PUBLIC_KEY)), DB_TIME(o->now_us));
    TRY(db_flush(o->db));
    member_audit(o, m->name, str_printf(o->args.arena, "cosigns as %.*s", STR_ARG(key.name)));
    return member_report(o, out, member_word(o), "may cosign the audit log's checkpoints");
}

static enum status work_remove(struct operation *o, struct strbuf *out)
{
    struct str name = str_from(cli_value(&o->args, "name"));
    const struct member *m;
    struct rows removed;

    TRY(member_named(o, &m));
    db_queue(o->db, &REMOVE_COSIGNER, &removed, DB_INT8(m->id), DB_TEXT(name));
    TRY(db_flush(o->db));
    if (removed.affected == 0)
        return fail(o->args.err, NOT_FOUND, "key", "%.*s has no cosigner's key '%.*s'",
                    STR_ARG(m->name), STR_ARG(name));
    member_audit(o, m->name, str_printf(o->args.arena, "no longer cosigns as %.*s", STR_ARG(name)));
    return member_report(o, out, member_word(o), "cosigns no more with it; what it signed stays");
}

static const struct cli_option add_options[] = {
    {"key", "PUB", "NAME+KEYID+BASE64, or the file with it"},
    {NULL, NULL, NULL},
};
static const struct cli_option remove_options[] = {
    {"name", "KEYNAME", "the key's name"},
    {NULL, NULL, NULL},
};

static const struct operation_kind add = {
    .cli =
        {"causeway member cosigner add NAME --key PUB",
         "Registers the key by which a member cosigns checkpoints of the audit log: by that it\n"
         "says that the log still contains all that the member saw before. The member makes it\n"
         "(`causeway audit key --cosigner`), and sends cosigned checkpoints to /log/cosignature\n"
         "(`causeway audit cosign`).\n"
         "\n"
         "  causeway member cosigner add st-mary --key st-mary.key.pub",
         add_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway member cosigner add",
    .work = work_add,
};
static const struct operation_kind remove_one = {
    .cli = {"causeway member cosigner remove NAME --name KEYNAME", "Takes a key back.",
            remove_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway member cosigner remove",
    .work = work_remove,
};

const struct cli_verb member_cosigner_verbs[] = {
    {"add", "register a key", operation_run, &add},
    {"remove", "take a key back", operation_run, &remove_one},
    {NULL, NULL, NULL, NULL},
};
