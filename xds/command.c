#include "xds/command.h"

#include <stdio.h>

#include "hub/command/cli_print.h"
#include "hub/command/operation.h"
#include "hub/command/progress.h"
#include "xds/collect.h"
#include "xds/export.h"
#include "xds/rekey.h"
#include "xds/repository.h"
#include "xds/retract.h"
#include "xds/source_command.h"
#include "xds/verify.h"

#define HOUR_US (3600 * US_PER_SECOND)
/* What the clocks of hubs, database and store may be apart. */
#define SKEW_US (10 * US_PER_SECOND)

/* 90s, 15m, 24h, 30d */
static enum status duration_given(const struct operation *o, const char *option, int64_t preset,
                                  int64_t *us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct str text = str_from(cli_value(&o->args, option));
    uint64_t n;

    *us = preset;
    if (text.p == NULL)
        return OK;
    for (size_t i = 0; text.n > 1 && i < sizeof(units) / sizeof(units[0]); i++)
        if (text.p[text.n - 1] == units[i].unit && str_to_u64(str_slice(text, 0, text.n - 1), &n) &&
            n <= 100000000) {
            *us = (int64_t)n * units[i].seconds * US_PER_SECOND;
            return OK;
        }
    return fail(o->args.err, INVALID, "usage", "--%s %.*s: write 90s, 15m, 24h or 30d", option,
                STR_ARG(text));
}

static enum status open_repository(struct operation *o)
{
    return xds_repository_open(&o->config, o->args.err);
}

/* The walks attach the connection to arenas of their own. */
static enum status close_repository(struct operation *o, enum status status)
{
    db_attach(o->db, o->args.arena, o->args.err, 0);
    xds_repository_close();
    return status;
}

static void show_progress(void *context, uint64_t done)
{
    progress_at(context, done);
}

/* The row of an operation whose effect follows its COMMIT. */
static void audit_begin(struct operation *o, const char *what)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    row->description = str_from(what);
}

/* --- verify ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *words;
} faults[] = {
#define X(name, words) {#name, words},
    VERIFY_FAULTS(X)
#undef X
};

struct verify_run {
    struct verification v;
    struct progress progress;
    struct arena line;
    bool json;
};

static void verify_advanced(void *context, uint64_t done)
{
    progress_at(&((struct verify_run *)context)->progress, done);
}

static bool is_zero(struct uuid u)
{
    return uuid_eq(u, (struct uuid){{0}});
}

static void finding_json(struct strbuf *b, struct arena *a, const struct verify_finding *f)
{
    strbuf_lit(b, "{");
    cli_json_text(b, "fault", str_from(faults[f->fault].name));
    if (!is_zero(f->blob))
        cli_json_text(b, "blob", uuid_text(a, f->blob));
    if (!is_zero(f->entry))
        cli_json_text(b, "entry", uuid_urn(a, f->entry));
    strbuf_lit(b, "}");
}

static void finding_text(struct strbuf *b, struct arena *a, const struct verify_finding *f)
{
    strbuf_addf(b, "%-10s", faults[f->fault].name);
    if (!is_zero(f->blob))
        strbuf_addf(b, " object %.*s", STR_ARG(uuid_text(a, f->blob)));
    if (!is_zero(f->entry))
        strbuf_addf(b, " entry %.*s", STR_ARG(uuid_urn(a, f->entry)));
    strbuf_addf(b, ": %s\n", faults[f->fault].words);
}

/* As they are found: a walk takes hours, and what it finds may be much. */
static void print_finding(void *context, const struct verify_finding *f)
{
    struct verify_run *run = context;
    struct strbuf b = strbuf_on(&run->line, 256);

    if (run->json && xds_verify_findings(&run->v) > 1)
        strbuf_lit(&b, ",");
    (run->json ? finding_json : finding_text)(&b, &run->line, f);
    progress_end(&run->progress);
    fwrite(b.p, 1, b.n, stdout);
    fflush(stdout);
    arena_reset(&run->line);
}

static void print_verified(struct strbuf *out, const struct verify_run *run)
{
    const struct verification *v = &run->v;

    if (!run->json) {
        strbuf_addf(out,
                    "%llu documents (%llu bytes) and %llu entries verified, %llu objects in the "
                    "store: %llu findings\n",
                    (unsigned long long)v->documents, (unsigned long long)v->bytes,
                    (unsigned long long)v->entries, (unsigned long long)v->objects,
                    (unsigned long long)xds_verify_findings(v));
        return;
    }
    strbuf_lit(out, "]");
    cli_json_int(out, "documents", (int64_t)v->documents);
    cli_json_int(out, "bytes", (int64_t)v->bytes);
    cli_json_int(out, "entries", (int64_t)v->entries);
    cli_json_int(out, "objects", (int64_t)v->objects);
    strbuf_lit(out, "}\n");
}

static enum status nothing(struct operation *o, struct strbuf *out)
{
    (void)o, (void)out;
    return OK;
}

static enum status then_verify(struct operation *o, struct strbuf *out)
{
    struct verify_run run = {.json = o->args.json, .progress = progress_begin("verified")};
    enum status status;

    TRY(open_repository(o));
    arena_init(&run.line);
    run.v = (struct verification){.db = o->db,
                                  .err = o->args.err,
                                  .blobs = xds_repository(),
                                  .repository = str_from(o->config.repository_unique_id),
                                  .orphans_us = o->config.request_seconds * US_PER_SECOND + SKEW_US,
                                  .found = print_finding,
                                  .advanced = verify_advanced,
                                  .context = &run};
    if (run.json)
        fputs("{\"findings\":[", stdout);
    status = xds_verify(&run.v);
    progress_end(&run.progress);
    print_verified(out, &run);
    arena_dispose(&run.line);
    o->answer = xds_verify_findings(&run.v) > 0 ? 1 : 0;
    return close_repository(o, status);
}

static const struct operation_kind verify = {
    .cli =
        {"causeway xds verify",
         "Compares the repository with the registry, beside the serving hub: reads every stored\n"
         "document and its hashes, every object of the store, and every document entry that\n"
         "names this repository. Finds what is missing, truncated, altered, locked (no key at\n"
         "hand opens it), wrong by its hash, orphaned, or named and not there. Exit status 1\n"
         "when it finds anything.\n"
         "\n"
         "  causeway xds verify --json",
         NULL},
    .endpoint = "causeway xds verify",
    .work = nothing,
    .then = then_verify,
};

/* --- collect ------------------------------------------------------------------------------ */

static enum status work_collect(struct operation *o, struct strbuf *out)
{
    (void)out;
    if (cli_value(&o->args, "dry-run") == NULL)
        audit_begin(o, "Objects without a document, and documents removed long ago, are deleted");
    return OK;
}

static enum status collect_limits(const struct operation *o, struct collection *c)
{
    int64_t least = o->config.request_seconds * US_PER_SECOND + SKEW_US;

    TRY(duration_given(o, "orphans-after", 24 * HOUR_US, &c->orphans_us));
    TRY(duration_given(o, "removed-after", 30 * 24 * HOUR_US, &c->removed_us));
    if (c->orphans_us >= least)
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--orphans-after must be %llds or more: a submission may take request_seconds = "
                "%lld, and clocks may be apart",
                (long long)(least / US_PER_SECOND), (long long)o->config.request_seconds);
}

static void print_collected(struct strbuf *out, const struct operation *o,
                            const struct collection *c)
{
    if (o->args.json) {
        strbuf_lit(out, "{");
        cli_json_int(out, "objects", (int64_t)c->objects);
        cli_json_int(out, "orphans", (int64_t)c->orphans);
        cli_json_int(out, "removed", (int64_t)c->removed);
        cli_json_bool(out, "complete", !c->waited_in_vain);
        strbuf_lit(out, "}\n");
        return;
    }
    strbuf_addf(out, "%llu objects: %s %llu orphans and %llu removed documents\n",
                (unsigned long long)c->objects, c->dry_run ? "would delete" : "deleted",
                (unsigned long long)c->orphans, (unsigned long long)c->removed);
    if (c->waited_in_vain)
        strbuf_lit(out, "A transaction of the database has been open for a minute: orphans that "
                        "could be its own were left for the next time.\n");
}

static enum status then_collect(struct operation *o, struct strbuf *out)
{
    struct progress progress = progress_begin("objects");
    struct collection c = {.db = o->db,
                           .err = o->args.err,
                           .dry_run = cli_value(&o->args, "dry-run") != NULL,
                           .advanced = show_progress,
                           .context = &progress};
    enum status status;

    TRY(collect_limits(o, &c));
    TRY(open_repository(o));
    c.blobs = xds_repository();
    status = xds_collect(&c);
    progress_end(&progress);
    print_collected(out, o, &c);
    return close_repository(o, status);
}

static const struct cli_option collect_options[] = {
    {"orphans-after", "AGE", "least age of an object that belongs to no document; default 24h"},
    {"removed-after", "AGE", "how long a removed document is kept; default 30d"},
    {"dry-run", NULL, "say what would be deleted"},
    {NULL, NULL, NULL},
};

static const struct operation_kind collect = {
    .cli =
        {"causeway xds collect [--orphans-after AGE] [--removed-after AGE] [--dry-run]",
         "Deletes from the store what nobody can get any more: objects that a crash left without\n"
         "a document, and documents that a member removed (ITI-86) some time ago, whose keys\n"
         "are erased first. Safe beside submissions. Run it daily.\n"
         "\n"
         "  causeway xds collect --removed-after 90d",
         collect_options},
    .transaction = "CONFIG",
    .audit = {"110100", 'D'},
    .endpoint = "causeway xds collect",
    .work = work_collect,
    .then = then_collect,
};

/* --- rekey -------------------------------------------------------------------------------- */

static enum status work_rekey(struct operation *o, struct strbuf *out)
{
    (void)out;
    audit_begin(o, "The documents' keys are rewrapped under the current document_key");
    return OK;
}

static void print_rekeyed(struct strbuf *out, const struct operation *o, const struct rekeying *r)
{
    if (o->args.json) {
        strbuf_lit(out, "{");
        cli_json_int(out, "documents", (int64_t)r->documents);
        cli_json_int(out, "rewrapped", (int64_t)r->rewrapped);
        cli_json_int(out, "locked", (int64_t)r->locked);
        strbuf_lit(out, "}\n");
        return;
    }
    strbuf_addf(out, "%llu documents: %llu keys rewrapped, %llu that no key at hand opens\n",
                (unsigned long long)r->documents, (unsigned long long)r->rewrapped,
                (unsigned long long)r->locked);
    if (r->locked == 0)
        strbuf_lit(out, "All are under the current key: document_keys_known may go, once each hub "
                        "has started with it.\n");
}

static enum status then_rekey(struct operation *o, struct strbuf *out)
{
    struct progress progress = progress_begin("documents");
    struct rekeying r = {.db = o->db,
                         .err = o->args.err,
                         .advanced = show_progress,
                         .context = &progress};
    enum status status;

    TRY(open_repository(o));
    r.blobs = xds_repository();
    status = xds_rekey(&r);
    progress_end(&progress);
    print_rekeyed(out, o, &r);
    o->answer = r.locked > 0 ? 1 : 0;
    return close_repository(o, status);
}

static const struct operation_kind rekey = {
    .cli =
        {"causeway xds rekey",
         "Wraps every document's key under the current document_key, while the hub serves. Stop\n"
         "it and run it again as you like. To change the key without a pause:\n"
         "\n"
         "  1. causeway doctor --make-key NEW\n"
         "  2. document_keys_known = NEW on every hub; restart one after the other\n"
         "  3. document_key = NEW, document_keys_known = OLD (master_key's file, if document_key\n"
         "     was empty) on every hub; restart one after the other\n"
         "  4. causeway xds rekey\n"
         "  5. take document_keys_known away; restart one after the other\n"
         "\n"
         "Exit status 1 when there are documents that no key at hand opens.",
         NULL},
    .transaction = "CONFIG",
    .audit = {"110100", 'U'},
    .endpoint = "causeway xds rekey",
    .work = work_rekey,
    .then = then_rekey,
};

static const struct cli_verb verbs[] = {
    {"verify", "compare the repository with the registry", operation_run, &verify},
    {"collect", "delete what nobody can get any more", operation_run, &collect},
    {"source", "what a member's submissions may hold", operation_run, &xds_source_kind},
    {"codes", "the affinity domain's coded values", xds_codes_run, NULL},
    {"retract", "withdraw a document of the wrong patient", operation_run, &xds_retract_kind},
    {"export", "one patient's documents as an archive", operation_run, &xds_export_kind},
    {"rekey", "renew the wrapping of the documents' keys", operation_run, &rekey},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch("xds", "The document registry and repository.", verbs, argc, argv);
}

const struct command xds_command = {"xds",
                                    "the documents: verify, clean, rekey, withdraw; their codes",
                                    run};
