#include "mpi/model_command.h"

#include <string.h>

#include "hub/base/hex.h"
#include "hub/command/cli_print.h"
#include "hub/command/progress.h"
#include "mpi/active_model.h"
#include "mpi/batch/run.h"
#include "mpi/named.h"
#include "mpi/replay.h"

/* --- which model ----------------------------------------------------------------------------- */

/* A file, `built-in`, or the beginning of the hash of one that the hub has. */
static enum status model_named(struct operation *o, struct request *rq, const char *name,
                               const struct mpi_model **out)
{
    static const struct statement FIND = {
        "mpi_model_find",
        "SELECT model_hash"
        "  FROM mpi_model"
        " WHERE starts_with(encode(model_hash, 'hex'), $1)"
        "   AND name <> 'exact-1'"
        " LIMIT 2",
    };
    struct mpi_model *read = ARENA_NEW(rq->arena, struct mpi_model);
    struct str text = str_from(name);
    struct rows rows;

    *out = mpi_model_builtin();
    if (strcmp(name, "built-in") == 0)
        return OK;
    if (strspn(name, "0123456789abcdef") == text.n && text.n >= 6) {
        db_queue(rq->db, &FIND, &rows, DB_TEXT(text));
        TRY(db_flush(rq->db));
        if (rows.count == 1)
            return mpi_model_by_hash(rq, row_bytea(&rows, 0, 0), out);
        return fail(rq->err, NOT_FOUND, "model", "%s models have a hash that begins with %s",
                    rows.count == 0 ? "no" : "several", name);
    }
    *out = read;
    return run_model_file(&o->args, name, read);
}

static struct str hash_text(struct arena *a, const struct mpi_model *m)
{
    return hex_encode(a, m->hash, sizeof(m->hash));
}

/* --- list and activate ----------------------------------------------------------------------- */

static void print_models(struct operation *o, const struct rows *rows, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 5);

    cli_table_row(&t, STR("MODEL"), STR("NAME"), STR("ADDED"), STR("ACTIVATED"), STR("DECIDES"));
    for (int row = 0; row < rows->count; row++)
        cli_table_row(&t, str_slice(row_text(rows, row, 0), 0, 12), row_text(rows, row, 1),
                      row_text(rows, row, 2), row_text(rows, row, 3),
                      row == 0 && row_text(rows, row, 3).n > 0 ? STR("yes") : STR_NONE);
    cli_table_write(&t, out);
}

static void json_models(const struct rows *rows, struct strbuf *out)
{
    strbuf_lit(out, "{\"models\":[");
    for (int row = 0; row < rows->count; row++) {
        cli_json_comma(out);
        strbuf_addc(out, '{');
        cli_json_text(out, "hash", row_text(rows, row, 0));
        cli_json_text(out, "name", row_text(rows, row, 1));
        cli_json_text(out, "added", row_text(rows, row, 2));
        cli_json_text(out, "activated", row_text(rows, row, 3));
        cli_json_bool(out, "decides", row == 0 && row_text(rows, row, 3).n > 0);
        strbuf_addc(out, '}');
    }
    strbuf_lit(out, "]}\n");
}

/* The one that decides in front. */
static enum status print_list(struct operation *o, struct strbuf *out)
{
    static const struct statement LIST = {
        "mpi_models",
        "SELECT encode(model_hash, 'hex'), name,"
        "       added_at::timestamptz(0)::text || ' by ' || added_by,"
        "       activated_at::timestamptz(0)::text || ' by ' || activated_by"
        "  FROM mpi_model"
        " WHERE name <> 'exact-1'"
        " ORDER BY activated_at DESC NULLS LAST, model_hash",
    };
    struct rows rows;

    db_queue0(o->db, &LIST, &rows);
    TRY(db_flush(o->db));
    if (o->args.json)
        json_models(&rows, out);
    else
        print_models(o, &rows, out);
    return OK;
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    const struct mpi_model *active;
    struct mpi_model_seen seen;

    mpi_active_model_queue(rq, &seen);
    TRY(db_flush(rq->db));
    TRY(mpi_active_model_read(rq, &seen, &active)); /* stores the built-in one at the first time */
    return print_list(o, out);
}

static enum status work_activate(struct operation *o, struct strbuf *out)
{
    static const struct statement ACTIVATE = {
        "mpi_model_activate",
        "INSERT INTO mpi_model (model_hash, name, content, added_at, added_by, activated_at,"
        "       activated_by)"
        " VALUES ($1, $2, $3, $4, $5, $4, $5)"
        "     ON CONFLICT (model_hash) DO UPDATE"
        "    SET activated_at = EXCLUDED.activated_at,"
        "        activated_by = EXCLUDED.activated_by",
    };
    struct request *rq = operation_request(o);
    const struct mpi_model *m;

    TRY(model_named(o, rq, o->args.positional[0], &m));
    db_queue(o->db, &ACTIVATE, NULL, DB_BYTEA(str_of(m->hash, sizeof(m->hash))), DB_TEXT(m->name),
             DB_TEXT(m->content), DB_TIME(o->now_us), DB_TEXT(operator_name(o->args.arena)));
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "model",
                     hash_text(o->args.arena, m), STR("activated"));
    return print_list(o, out);
}

/* --- shadow ---------------------------------------------------------------------------------- */

enum { VERDICTS = 3, CHANGED_MAX = 50 };

struct shadowing {
    struct operation *o;
    const struct mpi_model *model;
    struct progress progress;
    uint64_t done, moved; /* moved: linked as before, to another person */
    uint64_t table[VERDICTS][VERDICTS];
    struct strbuf changed;
    size_t listed;
};

static int verdict_of(struct str outcome)
{
    for (int v = 0; v < VERDICTS; v++)
        if (str_eq(outcome, str_from(mpi_verdict_name((enum mpi_verdict)v))))
            return v;
    return MPI_VERDICT_NEW;
}

static void note_change(struct shadowing *s, const struct mpi_decided *d, enum mpi_verdict now)
{
    struct arena *a = s->o->args.arena;

    if (s->listed++ >= CHANGED_MAX)
        return;
    if (s->o->args.json) {
        cli_json_comma(&s->changed);
        strbuf_addc(&s->changed, '{');
        cli_json_text(&s->changed, "decision", uuid_text(a, d->id));
        cli_json_text(&s->changed, "was", d->outcome);
        cli_json_text(&s->changed, "would_be", str_from(mpi_verdict_name(now)));
        strbuf_addc(&s->changed, '}');
    } else
        strbuf_addf(&s->changed, "%.*s  %.*s -> %s\n", STR_ARG(uuid_text(a, d->id)),
                    STR_ARG(d->outcome), mpi_verdict_name(now));
}

static enum status shadow_each(struct request *rq, const struct mpi_decided *d, void *p)
{
    struct shadowing *s = p;
    struct mpi_replayed again;
    enum mpi_verdict was = (enum mpi_verdict)verdict_of(d->outcome);

    TRY(mpi_replay_one(rq, mpi_coding_new(rq->arena, s->model), d, &again));
    progress_at(&s->progress, ++s->done);
    s->table[was][again.made.outcome]++;
    if (was != again.made.outcome)
        note_change(s, d, again.made.outcome);
    else if (was == MPI_VERDICT_LINK && !person_ref_eq(d->person, again.made.person))
        s->moved++;
    return OK;
}

static void print_shadow(struct shadowing *s, struct strbuf *out)
{
    struct arena *a = s->o->args.arena;
    struct cli_table t = cli_table_on(a, 4);

    cli_table_row(&t, STR("WAS"), STR("NEW"), STR("REVIEW"), STR("LINK"));
    for (int was = 0; was < VERDICTS; was++)
        cli_table_row(&t, str_from(mpi_verdict_name((enum mpi_verdict)was)),
                      str_printf(a, "%llu", (unsigned long long)s->table[was][0]),
                      str_printf(a, "%llu", (unsigned long long)s->table[was][1]),
                      str_printf(a, "%llu", (unsigned long long)s->table[was][2]));
    cli_table_write(&t, out);
    strbuf_addf(out, "%llu decisions, %llu linked to another person\n", (unsigned long long)s->done,
                (unsigned long long)s->moved);
    strbuf_add(out, strbuf_str(&s->changed));
}

static void json_shadow(struct shadowing *s, struct strbuf *out)
{
    strbuf_addc(out, '{');
    cli_json_text(out, "model", hash_text(s->o->args.arena, s->model));
    cli_json_int(out, "decisions", (int64_t)s->done);
    cli_json_int(out, "other_person", (int64_t)s->moved);
    cli_json_key(out, "table");
    strbuf_addc(out, '{');
    for (int was = 0; was < VERDICTS; was++) {
        cli_json_key(out, mpi_verdict_name((enum mpi_verdict)was));
        strbuf_addc(out, '{');
        for (int now = 0; now < VERDICTS; now++)
            cli_json_int(out, mpi_verdict_name((enum mpi_verdict)now), (int64_t)s->table[was][now]);
        strbuf_addc(out, '}');
    }
    strbuf_addf(out, "},\"changed\":[%.*s]}\n", STR_ARG(strbuf_str(&s->changed)));
}

static enum status work_shadow(struct operation *o, struct strbuf *out)
{
    const char *last = cli_value(&o->args, "last");
    struct request *rq = operation_request(o);
    struct shadowing s = {.o = o, .changed = strbuf_on(o->args.arena, 1024)};
    uint64_t limit = 100000;
    struct arena pages;
    enum status status;

    if (last != NULL && (!str_to_u64(str_from(last), &limit) || limit == 0))
        return fail(o->args.err, INVALID, "usage", "--last %s: not a number above 0", last);
    TRY(model_named(o, rq, o->args.positional[0], &s.model));
    arena_init(&pages);
    rq->arena = &pages;
    rq->db = db_open(o->config.database, "causeway mpi model shadow", o->args.err);
    s.progress = progress_begin("decisions");
    status = rq->db != NULL ? mpi_decisions_visit(rq, limit, shadow_each, &s) : UPSTREAM;
    progress_end(&s.progress);
    arena_dispose(&pages);
    db_close(rq->db);
    TRY(status);
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "model",
                     hash_text(o->args.arena, s.model), STR("shadow"));
    if (o->args.json)
        json_shadow(&s, out);
    else
        print_shadow(&s, out);
    return OK;
}

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};
static const struct cli_option shadow_options[] = {
    {"last", "N", "of the newest N decisions (default 100000)"},
    {NULL, NULL, NULL},
};

const struct operation_kind mpi_kind_model_list = {
    .cli = {"causeway mpi model list",
            "Lists the models that the hub knows; the one that decides"
            " stands in front.",
            no_options},
    .transaction = "CONFIG",
    .audit = {"110113", 'R'},
    .endpoint = "causeway mpi model list",
    .work = work_list,
};
const struct operation_kind mpi_kind_model_activate = {
    .cli = {"causeway mpi model activate FILE|HASH|built-in",
            "Lets this model decide, from the next feed on, in every hub on this database; no\n"
            "restart. Decisions made before keep the model that they were made with. See first\n"
            "what it would change: causeway mpi model shadow.",
            no_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'U'},
    .endpoint = "causeway mpi model activate",
    .work = work_activate,
};
const struct operation_kind mpi_kind_model_shadow = {
    .cli = {"causeway mpi model shadow FILE|HASH|built-in [--last N]",
            "Makes past decisions again by another model, from their stored inputs, and counts\n"
            "what would have come out; changes nothing. The candidates are those that were\n"
            "considered then.",
            shadow_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'R'},
    .endpoint = "causeway mpi model shadow",
    .work = work_shadow,
};
