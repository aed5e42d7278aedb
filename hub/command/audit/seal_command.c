/* `causeway audit key`, `seal`, `checkpoint`: the one who signs the log. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hub/audit/sealer.h"
#include "hub/base/confine.h"
#include "hub/base/log.h"
#include "hub/command/audit/log_verbs.h"
#include "hub/command/cli_print.h"
#include "hub/data/migrate.h"

/* --- key ----------------------------------------------------------------------------------- */

static const struct cli_option key_options[] = {
    {"name", "NAME", "of the key, and so of the log; default oid/<home_community_id>/audit"},
    {"cosigner", NULL, "a member's key, by which it cosigns checkpoints; needs --name and FILE"},
    {NULL, NULL, NULL},
};
static const struct cli key_cli = {
    "causeway audit key [FILE] [--name NAME] [--cosigner]",
    "Makes the key that signs the log's checkpoints: FILE (default: checkpoint_key of the\n"
    "configuration), which only its user may read, and FILE.pub, which members and auditors are\n"
    "given. Run it as the sealer's user (causeway-seal), once: a log keeps its key. Keep a copy "
    "of\n"
    "FILE.pub away from this machine; whoever verifies the log trusts nothing else.\n"
    "\n"
    "  causeway audit key\n"
    "  causeway audit key --cosigner --name st-mary.example/log st-mary.key",
    key_options,
};

static enum status key_names(struct cli_args *args, const char **file, struct str *name)
{
    struct config config;
    bool cosigner = cli_value(args, "cosigner") != NULL;

    *file = args->positional[0];
    *name = str_from(cli_value(args, "name"));
    if (*file != NULL && name->p != NULL)
        return OK;
    if (cosigner)
        return fail(args->err, INVALID, "usage", "--cosigner needs FILE and --name");
    TRY(cli_config(args, &config));
    if (*file == NULL)
        *file = config.checkpoint_key;
    if (name->p == NULL)
        *name = str_printf(args->arena, "oid/%s/audit", config.home_community_id);
    return OK;
}

int audit_key_run(const void *context, int argc, char **argv)
{
    struct cli_args args;
    struct note_key key;
    struct str name;
    const char *file;
    int done = cli_parse(&key_cli, argc, argv, &args);

    (void)context;
    if (done >= 0)
        return done;
    if (args.positional_count > 1)
        return cli_usage(&key_cli, "one FILE");
    if (key_names(&args, &file, &name) != OK ||
        log_key_make(args.arena, file, name,
                     cli_value(&args, "cosigner") != NULL ? NOTE_COSIGNER : NOTE_LOG, &key,
                     args.err) != OK)
        return cli_fail(&args);
    printf("Made %s and %s.pub:\n%.*s\n", file, file, STR_ARG(note_key_text(args.arena, &key)));
    return 0;
}

/* --- seal ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopping;

struct sealing {
    struct cli_args args;
    struct config config;
    struct sealer sealer;
    struct log_key key;
};

static const struct cli_option seal_options[] = {
    {"once", NULL, "seal and sign what there is, and end"},
    {"new-origin", "FILE", "after a restore: begin a new tree after the checkpoint in FILE"},
    {"name", "NAME", "of the new origin; default: the key's name, and a number"},
    {NULL, NULL, NULL},
};
static const struct cli seal_cli = {
    "causeway audit seal [--once] [--new-origin FILE [--name NAME]]",
    "Runs the sealer until SIGTERM: numbers the audit records that were committed, adds them to\n"
    "the Merkle log, and signs a checkpoint of it about once a second. It connects as the role\n"
    "causeway_seal and is the only one who reads the checkpoint key; run it as a user of its own\n"
    "(causeway-seal.service). Several may run: they take turns, and cannot fork the log.\n"
    "\n"
    "What it signed last it keeps in KEY.last. When the database does not contain that any more,\n"
    "it refuses to sign and ends with exit status 1: somebody altered the log, or it was restored\n"
    "from a backup. After a restore, take the last checkpoint that members hold (any of them; or\n"
    "KEY.last, if that is newer) and begin a new origin, once:\n"
    "\n"
    "  causeway audit seal --new-origin member-checkpoint.txt\n"
    "\n"
    "The checkpoint becomes the first leaf of the new tree, so that everybody sees where the old\n"
    "one ended and how many records were lost; `causeway audit verify` explains it. Then start\n"
    "the service again.",
    seal_options,
};

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

static void heed_signals(void)
{
    struct sigaction act = {.sa_handler = stop};

    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
}

static enum status open_sealer(struct sealing *s)
{
    struct cli_args *args = &s->args;
    const char *conninfo;

    TRY(cli_config(args, &s->config));
    TRY(log_key_read(args->arena, s->config.checkpoint_key, &s->key, args->err));
    if (s->key.public.type != NOTE_LOG)
        return fail(args->err, INVALID, "key", "%s is a member's key", s->config.checkpoint_key);
    conninfo = s->config.seal_database;
    if (conninfo[0] == '\0' && strstr(s->config.database, "://") != NULL)
        return fail(args->err, INVALID, "config", "seal_database is missing: `database` is a URL");
    if (conninfo[0] == '\0') /* the last user in a connection string counts */
        conninfo = str_printf(args->arena, "%s user=causeway_seal", s->config.database).p;
    s->sealer = (struct sealer){
        .db = db_open(conninfo, "causeway seal", args->err),
        .key = &s->key,
        .last_file = str_printf(args->arena, "%s.last", s->config.checkpoint_key).p,
    };
    if (s->sealer.db == NULL)
        return args->err->status;
    db_attach(s->sealer.db, args->arena, args->err, 0);
    return migrate_check(s->sealer.db, args->arena, migrate_directory(s->config.migrations),
                         args->err);
}

/* Everything that waits, then the checkpoint. */
static enum status tick(struct sealing *s, struct arena *a, struct errors *err)
{
    struct signed_checkpoint checkpoint;
    size_t moved = SEAL_BATCH;
    bool signed_now;

    while (moved == SEAL_BATCH && !stopping) {
        TRY(sealer_seal(&s->sealer, a, &moved, err));
        arena_reset(a);
        errors_init(err, a);
    }
    TRY(sealer_sign(&s->sealer, a, &checkpoint, &signed_now, err));
    if (signed_now)
        log_info("checkpoint", "origin=%.*s size=%llu", STR_ARG(checkpoint.head.origin),
                 (unsigned long long)checkpoint.head.size);
    return OK;
}

static void wait_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    if (!stopping)
        nanosleep(&t, NULL); /* a signal cuts it short */
}

static bool passing(enum status status)
{
    return status == BUSY || status == CONFLICT || status == UPSTREAM || status == TIMED_OUT;
}

static int run_sealer(struct sealing *s)
{
    int64_t thin_at = 0;
    struct errors err;
    struct arena a;
    enum status status = OK;

    arena_init(&a);
    log_info("sealer_started", "key=%.*s", STR_ARG(s->key.public.name));
    while (!stopping && (status == OK || passing(status))) {
        arena_reset(&a);
        errors_init(&err, &a);
        db_attach(s->sealer.db, &a, &err, clock_monotonic_us() + 60 * US_PER_SECOND);
        status = tick(s, &a, &err);
        if (status == OK && clock_monotonic_us() >= thin_at) {
            thin_at = clock_monotonic_us() + 3600 * US_PER_SECOND;
            status = sealer_thin(&s->sealer, &a, &err);
        }
        if (status != OK) {
            log_error("seal_failed", "status=%s %.*s", status_name(status),
                      STR_ARG(err.first != NULL ? err.first->text : STR_NONE));
            db_rollback(s->sealer.db);
        }
        wait_ms(status == OK ? s->config.seal_interval_ms : 1000);
    }
    arena_dispose(&a);
    log_info("sealer_stopped", "status=%s", status_name(status));
    return status == OK || passing(status) ? 0 : 1;
}

static enum status seal_once(struct sealing *s)
{
    struct arena *a = ARENA_NEW(s->args.arena, struct arena);
    struct errors err;
    enum status status;

    arena_init(a);
    errors_init(&err, a);
    db_attach(s->sealer.db, a, &err, 0);
    status = tick(s, a, &err);
    if (status != OK)
        fail(s->args.err, status, err.first != NULL ? err.first->code : "audit_log", "%.*s",
             STR_ARG(err.first != NULL ? err.first->text : STR("sealing failed")));
    return status;
}

static enum status begin_origin(struct sealing *s, const char *file)
{
    struct arena *a = s->args.arena;
    struct str note, name = str_from(cli_value(&s->args, "name"));
    struct audit_tree tree;

    TRY(log_file_read(a, file, NOTE_MAX, &note, s->args.err));
    TRY(audit_tree_read(s->sealer.db, a, &tree, s->args.err));
    if (name.p == NULL)
        name =
            str_printf(a, "%.*s/%lld", STR_ARG(s->key.public.name), (long long)tree.origin_id + 1);
    TRY(sealer_begin(&s->sealer, a, note, name, s->args.err));
    printf("The log goes on as %.*s\n", STR_ARG(name));
    return OK;
}

int audit_seal_run(const void *context, int argc, char **argv)
{
    struct sealing s = {0};
    const char *parent;
    enum status status;
    int done = cli_parse(&seal_cli, argc, argv, &s.args);

    (void)context;
    if (done >= 0)
        return done;
    if (s.args.positional_count > 0)
        return cli_usage(&seal_cli, "no argument is expected");
    heed_signals();
    status = confine(s.args.err);
    if (status == OK)
        status = open_sealer(&s);
    parent = cli_value(&s.args, "new-origin");
    if (status == OK && parent != NULL)
        status = begin_origin(&s, parent);
    if (status == OK && (parent != NULL || cli_value(&s.args, "once") != NULL))
        status = seal_once(&s);
    else if (status == OK)
        done = run_sealer(&s);
    if (s.sealer.db != NULL)
        db_close(s.sealer.db);
    if (status != OK)
        return status == DENIED ? (cli_fail(&s.args), 1) : cli_fail(&s.args);
    return done > 0 ? done : 0;
}

/* --- checkpoint ---------------------------------------------------------------------------- */

static const struct cli_option checkpoint_options[] = {{NULL, NULL, NULL}};
static const struct cli checkpoint_cli = {
    "causeway audit checkpoint",
    "Prints the newest checkpoint of the log with the cosignatures that members gave. Keep it:\n"
    "`causeway audit verify --checkpoint` shows whether a later log still contains all that it\n"
    "covers. Members fetch the same from /log/checkpoint.\n"
    "\n"
    "  causeway audit checkpoint > checkpoint-$(date +%F).txt",
    checkpoint_options,
};

int audit_checkpoint_run(const void *context, int argc, char **argv)
{
    struct cli_args args;
    struct config config;
    struct audit_tree tree;
    struct signed_checkpoint last;
    struct strbuf out;
    struct db *db;
    int done = cli_parse(&checkpoint_cli, argc, argv, &args);

    (void)context;
    if (done >= 0)
        return done;
    if (args.positional_count > 0)
        return cli_usage(&checkpoint_cli, "no argument is expected");
    db = cli_database(&args, &config);
    if (db == NULL)
        return 2;
    if (audit_tree_read(db, args.arena, &tree, args.err) != OK ||
        audit_checkpoint_last(db, args.arena, &tree, &last, args.err) != OK)
        return cli_fail(&args);
    out = strbuf_on(args.arena, 1024);
    if (args.json) {
        strbuf_lit(&out, "{");
        cli_json_text(&out, "origin", last.head.origin);
        cli_json_int(&out, "size", (int64_t)last.head.size);
        cli_json_text(&out, "at", clock_iso(args.arena, last.at_us));
        cli_json_text(&out, "note", last.note);
        strbuf_lit(&out, "}\n");
    } else {
        strbuf_add(&out, last.note);
    }
    fwrite(out.p, 1, out.n, stdout);
    db_close(db);
    return 0;
}
