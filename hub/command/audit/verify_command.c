/* `causeway audit verify`: whether an exported log, an archive or a proof is genuine. It needs the
 * file and the public key: no database, no configuration. */
#include <stdio.h>
#include <string.h>

#include "hub/audit/log_file.h"
#include "hub/audit/log_key.h"
#include "hub/audit/tlog_proof.h"
#include "hub/base/clock.h"
#include "hub/command/audit/log_verbs.h"
#include "hub/command/cli_print.h"

static const struct cli_option options[] = {
    {"export", "FILE", "a log that `causeway audit export-log` or `archive` wrote; - reads stdin"},
    {"proof", "FILE", "the proof of one record, from `causeway audit prove`"},
    {"key", "PUB", "the log's public key, or the file with it (checkpoint.key.pub)"},
    {"checkpoint", "OLD", "an earlier checkpoint that you kept: is all of it still there?"},
    {NULL, NULL, NULL},
};
static const struct cli cli = {
    "causeway audit verify --export FILE|--proof FILE --key PUB [--checkpoint OLD]",
    "Says whether the audit log is what was signed: nothing edited, removed, inserted, put in\n"
    "another order or back-dated. The key must come from elsewhere than the log: you were given\n"
    "it when you joined. An earlier checkpoint, kept by you, shows what nobody else can show: "
    "that\n"
    "the end of the log was not cut off, nor the whole replaced by an older state.\n"
    "\n"
    "Exit status 0: genuine; 1: tampered with, and it says how and where; 2: wrong usage, or no\n"
    "such file.\n"
    "\n"
    "  causeway audit verify --export log.txt --key checkpoint.key.pub --checkpoint kept.txt",
    options,
};

/* --- an exported log ----------------------------------------------------------------------- */

static void print_json(struct strbuf *out, const struct log_verdict *v)
{
    strbuf_lit(out, "{");
    cli_json_bool(out, "genuine", v->tampering == 0);
    cli_json_int(out, "leaves", (int64_t)v->leaves);
    cli_json_int(out, "records", (int64_t)v->records);
    cli_json_int(out, "erased", (int64_t)v->erased);
    cli_json_int(out, "archived", (int64_t)v->archived);
    cli_json_int(out, "left_out", (int64_t)v->left_out);
    cli_json_int(out, "signed", (int64_t)v->signed_leaves);
    cli_json_bool(out, "checkpoint_contained", v->old_found);
    cli_json_key(out, "findings");
    strbuf_lit(out, "[");
    for (const struct log_finding *f = v->first; f != NULL; f = f->next) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "kind", str_from(f->kind));
        cli_json_bool(out, "tampering", f->tampering);
        cli_json_text(out, "text", f->text);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]}\n");
}

static void print_findings(struct strbuf *out, const struct log_verdict *v, bool tampering)
{
    size_t shown = 0, all = tampering ? v->tampering : v->notices;

    for (const struct log_finding *f = v->first; f != NULL; f = f->next)
        if (f->tampering == tampering) {
            strbuf_addf(out, "%s%s: %.*s\n", tampering ? "TAMPERED " : "note ", f->kind,
                        STR_ARG(f->text));
            shown++;
        }
    if (shown < all)
        strbuf_addf(out, "... and %zu more\n", all - shown);
}

static void print_text(struct strbuf *out, const struct log_verdict *v, bool old)
{
    print_findings(out, v, true);
    print_findings(out, v, false);
    strbuf_addf(out, "%llu leaves, %llu of them signed; %llu records",
                (unsigned long long)(v->leaves), (unsigned long long)v->signed_leaves,
                (unsigned long long)v->records);
    if (v->erased > 0)
        strbuf_addf(out, ", %llu of them erased", (unsigned long long)v->erased);
    if (v->archived > 0)
        strbuf_addf(out, "; %llu more in archives", (unsigned long long)v->archived);
    if (v->left_out > 0)
        strbuf_addf(out, "; %llu leaves stand for themselves", (unsigned long long)v->left_out);
    strbuf_lit(out, ".\n");
    if (v->tampering > 0)
        strbuf_lit(out, "This log was tampered with.\n");
    else
        strbuf_addf(out, "This log is genuine%s.\n",
                    old && v->old_found ? ", and contains all of the checkpoint that was kept"
                                        : "");
}

static int verify_export(struct cli_args *args, const char *file, const struct note_key *key,
                         struct str old)
{
    struct strbuf out = strbuf_on(args->arena, 4096);
    struct log_verdict verdict;

    if (log_file_check(args->arena, file, key, old, &verdict, NULL, args->err) != OK)
        return cli_fail(args);
    if (args->json)
        print_json(&out, &verdict);
    else
        print_text(&out, &verdict, old.p != NULL);
    fwrite(out.p, 1, out.n, stdout);
    return verdict.tampering > 0 ? 1 : 0;
}

/* --- the proof of one record --------------------------------------------------------------- */

static int verify_proof(struct cli_args *args, const char *file, const struct note_key *key)
{
    struct tlog_proof proof;
    struct str text;

    if (log_file_read(args->arena, file, TLOG_PROOF_MAX, &text, args->err) != OK ||
        tlog_proof_read(args->arena, text, &proof, args->err) != OK)
        return cli_fail(args), 2;
    if (!tlog_proof_verify(args->arena, &proof, key, args->err)) {
        cli_fail(args);
        return 1;
    }
    printf("Record %.*s of %.*s is leaf %llu of %.*s, signed with %llu leaves; %zu members "
           "cosigned.\n",
           STR_ARG(uuid_text(args->arena, proof.at.id)),
           STR_ARG(clock_iso(args->arena, proof.at.at_us)), (unsigned long long)proof.index,
           STR_ARG(proof.head.origin), (unsigned long long)proof.head.size,
           proof.note.signature_count - 1);
    if (proof.plain.p != NULL)
        printf("%.*s\n", STR_ARG(proof.plain));
    return 0;
}

int audit_verify_run(const void *context, int argc, char **argv)
{
    struct cli_args args;
    const char *file, *proof, *public_key, *kept;
    struct note_key key;
    struct str old = STR_NONE;
    int done = cli_parse(&cli, argc, argv, &args);

    (void)context;
    if (done >= 0)
        return done;
    file = cli_value(&args, "export");
    proof = cli_value(&args, "proof");
    public_key = cli_value(&args, "key");
    kept = cli_value(&args, "checkpoint");
    if (args.positional_count > 0 || (file == NULL) == (proof == NULL) || public_key == NULL)
        return cli_usage(&cli, "one of --export and --proof, and --key");
    if (log_key_public(args.arena, public_key, &key, args.err) != OK ||
        (kept != NULL && log_file_read(args.arena, kept, NOTE_MAX, &old, args.err) != OK))
        return cli_fail(&args), 2;
    return file != NULL ? verify_export(&args, file, &key, old) : verify_proof(&args, proof, &key);
}
