#include "mpi/refine_command.h"

#include "hub/base/hex.h"
#include "hub/command/cli_print.h"
#include "hub/command/progress.h"
#include "mpi/active_model.h"
#include "mpi/batch/run.h"
#include "mpi/refine.h"

enum { DECISIONS = 1000000 };

/* On a connection and an arena of its own: the visit resets it from page to page. */
static enum status collect(struct operation *o, const struct mpi_model *model, uint64_t limit,
                           struct mpi_judged *out)
{
    struct request *rq = operation_request(o);
    struct progress progress = progress_begin("decisions");
    struct arena pages;
    enum status status;

    arena_init(&pages);
    rq->arena = &pages;
    rq->db = db_open(o->config.database, "causeway mpi model refine", o->args.err);
    status = rq->db != NULL ? mpi_judged_collect(rq, model, limit, o->args.arena, &progress, out)
                            : UPSTREAM;
    progress_end(&progress);
    arena_dispose(&pages);
    db_close(rq->db);
    return status;
}

static enum status active(struct operation *o, const struct mpi_model **out)
{
    struct request *rq = operation_request(o);
    struct mpi_model_seen seen;

    mpi_active_model_queue(rq, &seen);
    TRY(db_flush(rq->db));
    return mpi_active_model_read(rq, &seen, out);
}

static void print(struct operation *o, const struct mpi_judged *judged, const struct mpi_model *m,
                  const char *path, struct strbuf *out)
{
    struct str hash = hex_encode(o->args.arena, m->hash, sizeof(m->hash));
    size_t believed = judged->count - judged->same - judged->different;

    if (!o->args.json) {
        strbuf_addf(out,
                    "%.*s\n%zu pairs judged to be of one person, %zu of two, %zu auto-linked; %zu"
                    " judged ones were never compared\n"
                    "See what it would change: causeway mpi model shadow %s\n",
                    STR_ARG(hash), judged->same, judged->different, believed, judged->unseen, path);
        return;
    }
    strbuf_addc(out, '{');
    cli_json_text(out, "hash", hash);
    cli_json_int(out, "same", (int64_t)judged->same);
    cli_json_int(out, "different", (int64_t)judged->different);
    cli_json_int(out, "auto_linked", (int64_t)believed);
    cli_json_int(out, "never_compared", (int64_t)judged->unseen);
    strbuf_lit(out, "}\n");
}

static enum status work_refine(struct operation *o, struct strbuf *out)
{
    const char *path = cli_value(&o->args, "out"), *last = cli_value(&o->args, "last");
    const char *name = cli_value(&o->args, "name");
    const struct mpi_model *base;
    struct mpi_judged judged;
    uint64_t limit = DECISIONS;
    struct mpi_model refined;

    if (path == NULL)
        return fail(o->args.err, INVALID, "usage", "--out names the file to write");
    if (last != NULL && (!str_to_u64(str_from(last), &limit) || limit == 0 || limit > DECISIONS))
        return fail(o->args.err, INVALID, "usage", "--last %s: not a number from 1 to %d", last,
                    DECISIONS);
    TRY(active(o, &base));
    TRY(collect(o, base, limit, &judged));
    TRY(mpi_train_labelled(o->args.arena, base, judged.pairs, judged.count,
                           name != NULL ? str_from(name) : STR("refined"), &refined, o->args.err));
    TRY(run_model_write(&o->args, path, &refined));
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "model",
                     hex_encode(o->args.arena, refined.hash, sizeof(refined.hash)), STR("refined"));
    print(o, &judged, &refined, path, out);
    return OK;
}

static const struct cli_option options[] = {
    {"out", "FILE", "the model, as JSON"},
    {"name", "NAME", "of the model; default refined"},
    {"last", "N", "from the newest N decisions (default and most 1000000)"},
    {NULL, NULL, NULL},
};

const struct operation_kind mpi_kind_model_refine = {
    .cli = {"causeway mpi model refine --out FILE [--name NAME] [--last N]",
            "Learns from what stewards decided how often the fields of one person agree: the\n"
            "model that decides now, with that in its place, as a file. It needs 500 pairs that\n"
            "people found to be of one person. Changes nothing: see first what it would change\n"
            "(causeway mpi model shadow FILE), then let it decide (causeway mpi model activate).",
            options},
    .transaction = "CONFIG",
    .audit = {"110113", 'R'},
    .endpoint = "causeway mpi model refine",
    .work = work_refine,
};
