/* `causeway audit prove` and `export-log`: what those who verify elsewhere are given. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hub/audit/log_export.h"
#include "hub/audit/log_key.h"
#include "hub/audit/record_cipher.h"
#include "hub/command/audit/log_verbs.h"
#include "hub/command/progress.h"

static const struct statement RECORD = {
    "audit_prove_record",
    "SELECT e.record, s.record_key"
    " FROM audit_event e"
    " LEFT JOIN audit_search s ON s.pkey = e.pkey AND s.at = e.at AND s.id = e.id"
    " WHERE e.pkey = $1 AND e.at = $2 AND e.id = $3",
};
static const struct statement POSITION = {
    "audit_prove_position",
    "SELECT pkey, at, id"
    " FROM audit_leaf"
    " WHERE leaf = $1",
};

static void look(struct operation *o, struct str what, struct str detail)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    audit_object_add(o->args.arena, row, "query", what, detail);
}

/* --- prove --------------------------------------------------------------------------------- */

/* What the proof's verifier needs beside it (C2SP tlog-proof, extra data): "PKEY AT ID RECORD", and
 * with --open the record's own key. */
static enum status extra(struct operation *o, int64_t leaf, struct str *out)
{
    struct arena *a = o->args.arena;
    struct audit_position at;
    struct rows where, r;
    unsigned char key[32];
    struct strbuf text = strbuf_on(a, 2048);

    db_queue(o->db, &POSITION, &where, DB_INT8(leaf));
    TRY(db_flush(o->db));
    at = (struct audit_position){row_int(&where, 0, 0), row_time(&where, 0, 1),
                                 row_uuid(&where, 0, 2)};
    db_queue(o->db, &RECORD, &r, DB_INT8(at.pkey), DB_TIME(at.at_us), DB_UUID(at.id));
    TRY(db_flush(o->db));
    if (r.count == 0)
        return fail(o->args.err, NOT_FOUND, "archived",
                    "leaf %lld is in the log; its record lies in an archive (`causeway audit "
                    "archive --list`)",
                    (long long)leaf);
    strbuf_addf(&text, "%lld %lld %.*s ", (long long)at.pkey, (long long)at.at_us,
                STR_ARG(uuid_text(a, at.id)));
    strbuf_add(&text, note_base64(a, row_bytea(&r, 0, 0)));
    if (cli_value(&o->args, "open") != NULL) {
        if (row_null(&r, 0, 1) || !record_key_open(at.id, row_bytea(&r, 0, 1), key))
            return fail(o->args.err, NOT_FOUND, "erased", "leaf %lld: the record was erased",
                        (long long)leaf);
        strbuf_addc(&text, ' ');
        strbuf_add(&text, note_base64(a, str_of(key, sizeof(key))));
    }
    *out = note_base64(a, strbuf_str(&text));
    return OK;
}

static enum status work_prove(struct operation *o, struct strbuf *out)
{
    struct str given = str_from(cli_value(&o->args, "record")), head, rest, more;
    struct audit_proof proof;
    struct uuid id;

    if (given.p == NULL || !uuid_parse(given, &id))
        return fail(
            o->args.err, INVALID, "usage",
            "--record takes a record's id, a UUID, as `causeway audit search --json` shows");
    TRY(audit_proof_of(o->db, o->args.arena, id, &proof, o->args.err));
    TRY(extra(o, proof.leaf, &more));
    rest = proof.tlog_proof;
    head = str_cut(&rest, '\n');
    strbuf_addf(out, "%.*s\nextra ", STR_ARG(head));
    strbuf_add(out, more);
    strbuf_addc(out, '\n');
    strbuf_add(out, rest);
    look(o, STR("audit prove"), given);
    return OK;
}

static const struct cli_option prove_options[] = {
    {"record", "ID", "the record's id"},
    {"open", NULL, "also give its key, so that who verifies can read it"},
    {NULL, NULL, NULL},
};
const struct operation_kind audit_prove_kind = {
    .cli =
        {"causeway audit prove --record ID [--open]",
         "Prints the proof that a record is in the log, against its last checkpoint, in the form\n"
         "of C2SP tlog-proof: the record's sealed bytes, hashes, the signed checkpoint with\n"
         "members' cosignatures. Whoever has the log's public key verifies it, offline:\n"
         "\n"
         "  causeway audit prove --record 0192f3a1-7c1e-7b52-9d0a-5f0c8e1b2a34 > r.tlog-proof\n"
         "  causeway audit verify --proof r.tlog-proof --key checkpoint.key.pub",
         prove_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit prove",
    .work = work_prove,
};

/* --- export-log ---------------------------------------------------------------------------- */

static enum status work_export(struct operation *o, struct strbuf *out)
{
    const char *to = cli_value(&o->args, "to");

    (void)out;
    look(o, STR("audit export-log"), to != NULL ? str_from(to) : STR("standard output"));
    return OK;
}

static void tell_progress(void *context, int64_t leaf)
{
    progress_at(context, (uint64_t)leaf);
}

/* From the size of a checkpoint that the reader has. */
static enum status since(struct operation *o, int64_t *from)
{
    const char *file = cli_value(&o->args, "since");
    struct audit_tree tree;
    struct checkpoint c;
    struct note note;
    struct str text;

    if (file == NULL)
        return OK;
    TRY(log_file_read(o->args.arena, file, NOTE_MAX, &text, o->args.err));
    if (!note_parse(o->args.arena, text, &note) || !checkpoint_parse(o->args.arena, note.text, &c))
        return fail(o->args.err, INVALID, "usage", "%s: not a checkpoint", file);
    TRY(audit_tree_read(o->db, o->args.arena, &tree, o->args.err));
    if (!str_eq(c.origin, tree.origin) || c.size > tree.edge.size)
        return fail(o->args.err, NOT_FOUND, "since",
                    "the log is at leaf %llu of %.*s, and the checkpoint at %llu of %.*s: export "
                    "all of it",
                    (unsigned long long)tree.edge.size, STR_ARG(tree.origin),
                    (unsigned long long)c.size, STR_ARG(c.origin));
    *from = tree.first_leaf + (int64_t)c.size;
    return OK;
}

static enum status then_export(struct operation *o, struct strbuf *out)
{
    const char *to = cli_value(&o->args, "to");
    struct progress progress = progress_begin("leaves");
    struct log_export e = {
        .db = o->db, .end = -1, .strays = true, .progress = tell_progress, .context = &progress};
    enum status status;

    TRY(since(o, &e.from));
    e.strays = e.from == 0;
    e.to = to != NULL ? fopen(to, "wx") : stdout;
    if (e.to == NULL)
        return fail(o->args.err, errno == EEXIST ? INVALID : UPSTREAM, "export", "%s: %s", to,
                    strerror(errno));
    status = log_export_write(&e, o->args.err);
    progress_end(&progress);
    if (to != NULL && (fsync(fileno(e.to)) != 0 || fclose(e.to) != 0) && status == OK)
        status = fail(o->args.err, UPSTREAM, "export", "%s: %s", to, strerror(errno));
    if (status == OK && to != NULL)
        strbuf_addf(out, "%s: %llu records\n", to, (unsigned long long)e.records);
    return status;
}

static const struct cli_option export_options[] = {
    {"to", "FILE", "a new file; default: standard output"},
    {"since", "CHECKPOINT", "only what came after this checkpoint, which the reader has"},
    {NULL, NULL, NULL},
};
const struct operation_kind audit_export_log_kind = {
    .cli =
        {"causeway audit export-log [--to FILE] [--since CHECKPOINT]",
         "Writes the whole log: every leaf in order with the record's sealed (encrypted) bytes,\n"
         "and the checkpoints. `causeway audit verify` reads it anywhere, without database,\n"
         "configuration or keys but the log's public one. To export records that people can\n"
         "read, see `causeway audit export`.\n"
         "\n"
         "  causeway audit export-log --to log.txt\n"
         "  causeway audit verify --export log.txt --key checkpoint.key.pub "
         "--checkpoint kept.txt",
         export_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit export-log",
    .work = work_export,
    .then = then_export,
};
