/* `causeway audit cosign`: a member's side. It needs no hub's configuration and no database. */
#include <stdio.h>

#include "hub/audit/log_key.h"
#include "hub/base/clock.h"
#include "hub/command/audit/log_verbs.h"

static const struct cli_option options[] = {
    {"key", "FILE", "the member's own key, from `causeway audit key --cosigner`"},
    {"log", "PUB", "the log's public key, or the file with it"},
    {"kept", "FILE", "the checkpoint that was cosigned last; it becomes the new one"},
    {NULL, NULL, NULL},
};
static const struct cli cli = {
    "causeway audit cosign FILE --key FILE --log PUB --kept FILE",
    "For members: compares a new checkpoint with the one that was kept, cosigns it, prints it for\n"
    "POST /log/cosignature, and keeps it instead. FILE is what GET /log/consistency?old=SIZE "
    "gave,\n"
    "with the SIZE of the kept checkpoint (its second line); 0 and no kept file the first time. "
    "It\n"
    "refuses, with exit status 1, a log that does not contain what was kept: that is tampering, "
    "or\n"
    "a fork.\n"
    "\n"
    "  curl ... https://hub:8443/log/consistency?old=$(sed -n 2p kept.txt) > new.txt\n"
    "  causeway audit cosign new.txt --key st-mary.key --log hub.pub --kept kept.txt |\n"
    "    curl ... --data-binary @- https://hub:8443/log/cosignature",
    options,
};

/* "old N", hashes, an empty line, the note. */
struct offer {
    uint64_t old;
    struct merkle_proof proof;
    struct str note;
};

static enum status read_offer(struct cli_args *args, const char *file, struct offer *out)
{
    struct str rest, line;

    TRY(log_file_read(args->arena, file, NOTE_MAX, &rest, args->err));
    line = str_cut(&rest, '\n');
    *out = (struct offer){.old = 0};
    if (!str_starts(line, STR("old ")) || !str_to_u64(str_slice(line, 4, line.n), &out->old))
        return fail(args->err, INVALID, "offer", "%s: not what /log/consistency gives", file);
    while ((line = str_cut(&rest, '\n')).n > 0)
        if (out->proof.count == MERKLE_PROOF_MAX ||
            !merkle_hash_parse(args->arena, line, &out->proof.hashes[out->proof.count++]))
            return fail(args->err, INVALID, "offer", "%s: a hash that cannot be read", file);
    out->note = rest;
    return OK;
}

static enum status read_checkpoint(struct cli_args *args, struct str bytes,
                                   const struct note_key *log, struct note *note,
                                   struct checkpoint *out)
{
    if (note_parse(args->arena, bytes, note) && checkpoint_parse(args->arena, note->text, out) &&
        note_verify(note, log, NULL) == NOTE_GOOD)
        return OK;
    return fail(args->err, DENIED, "checkpoint", "a checkpoint is not signed by the log's key");
}

static enum status compare(struct cli_args *args, const struct offer *offer,
                           const struct note_key *log, const struct checkpoint *new,
                           const char *kept_file)
{
    struct checkpoint kept;
    struct errors none;
    struct note note;
    struct str bytes;

    errors_init(&none, args->arena);
    if (log_file_read(args->arena, kept_file, NOTE_MAX, &bytes, &none) == NOT_FOUND)
        return OK; /* the first one is taken on trust */
    TRY(log_file_read(args->arena, kept_file, NOTE_MAX, &bytes, args->err));
    TRY(read_checkpoint(args, bytes, log, &note, &kept));
    if (str_eq(kept.origin, new->origin) && kept.size == offer->old &&
        merkle_verify_consistency(kept.size, new->size, &kept.root, &offer->proof, &new->root))
        return OK;
    return fail(args->err, DENIED, "checkpoint",
                "the new checkpoint (%llu leaves of %.*s) does not contain the one that was kept "
                "(%llu leaves of %.*s): the log was altered, replaced or restored. Do not cosign; "
                "ask the operator",
                (unsigned long long)new->size, STR_ARG(new->origin), (unsigned long long)kept.size,
                STR_ARG(kept.origin));
}

static enum status cosign(struct cli_args *args, const char *kept_file, struct str *out)
{
    struct arena *a = args->arena;
    struct log_key own;
    struct note_key log;
    struct offer offer;
    struct checkpoint new;
    struct note note;
    struct str line;

    TRY(log_key_read(a, cli_value(args, "key"), &own, args->err));
    TRY(log_key_public(a, cli_value(args, "log"), &log, args->err));
    TRY(read_offer(args, args->positional[0], &offer));
    TRY(read_checkpoint(args, offer.note, &log, &note, &new));
    TRY(compare(args, &offer, &log, &new, kept_file));
    line = note_cosign(a, note.text, own.public.name, clock_now_us() / US_PER_SECOND, own.secret);
    *out = str_printf(a, "%.*s%.*s\n", STR_ARG(offer.note), STR_ARG(line));
    return log_file_write(a, kept_file, *out, 0644, args->err);
}

int audit_cosign_run(const void *context, int argc, char **argv)
{
    struct cli_args args;
    struct str out;
    enum status status;
    int done = cli_parse(&cli, argc, argv, &args);

    (void)context;
    if (done >= 0)
        return done;
    if (args.positional_count != 1 || cli_value(&args, "key") == NULL ||
        cli_value(&args, "log") == NULL || cli_value(&args, "kept") == NULL)
        return cli_usage(&cli, "FILE, --key, --log and --kept");
    status = cosign(&args, cli_value(&args, "kept"), &out);
    if (status != OK) {
        cli_fail(&args);
        return status == DENIED ? 1 : 2;
    }
    fwrite(out.p, 1, out.n, stdout);
    return 0;
}
