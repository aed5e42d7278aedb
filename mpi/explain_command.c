#include "mpi/explain_command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hub/command/cli_print.h"
#include "hub/command/progress.h"
#include "mpi/active_model.h"
#include "mpi/explain.h"
#include "mpi/named.h"

enum { DECISIONS_MAX = 10000, DIFFERING_MAX = 100, LINE = 128 };

/* --- which decisions ------------------------------------------------------------------------- */

struct wanted {
    struct uuid *ids;
    size_t count;
};

static enum status add_id(struct operation *o, struct wanted *w, struct str text)
{
    if (w->count == DECISIONS_MAX)
        return fail(o->args.err, INVALID, "usage", "at most %d decisions at once", DECISIONS_MAX);
    if (!uuid_parse(text, &w->ids[w->count++]))
        return fail(o->args.err, INVALID, "usage",
                    "'%.*s' is not a decision's id, as `causeway mpi record` prints it",
                    STR_ARG(text));
    return OK;
}

/* A file of ids, one a line. */
static enum status add_file(struct operation *o, struct wanted *w, const char *path)
{
    FILE *f = fopen(path, "r");
    char line[LINE];
    enum status s = OK;

    if (f == NULL)
        return fail(o->args.err, INVALID, "usage", "%s: %s", path, strerror(errno));
    while (s == OK && fgets(line, sizeof(line), f) != NULL) {
        struct str text = str_trim(str_from(line));

        if (text.n > 0)
            s = add_id(o, w, text);
    }
    fclose(f);
    return s;
}

/* The newest decision about a record. */
static enum status add_record(struct operation *o, struct request *rq, struct wanted *w,
                              const char *name)
{
    static const struct statement LAST = {
        "mpi_decision_last",
        "SELECT decision_id"
        "  FROM mpi_decision"
        " WHERE pkey = $1"
        "   AND record_id = $2"
        " ORDER BY decision_id DESC"
        " LIMIT 1",
    };
    struct place place;
    struct rows rows;

    TRY(mpi_named_record(o, rq, name, &place));
    db_queue(rq->db, &LAST, &rows, DB_INT8(place.pkey), DB_INT8(place.record_id));
    TRY(db_flush(rq->db));
    if (rows.count == 0)
        return fail(rq->err, NOT_FOUND, "decision", "nothing was decided about %s", name);
    w->ids[w->count++] = row_uuid(&rows, 0, 0);
    return OK;
}

static enum status wanted_read(struct operation *o, struct request *rq, struct wanted *w)
{
    const char *file = cli_value(&o->args, "input");

    w->ids = ARENA_ARRAY(rq->arena, DECISIONS_MAX, struct uuid);
    for (size_t i = 0; i < o->args.positional_count; i++) {
        struct str text = str_from(o->args.positional[i]);

        if (text.n == UUID_TEXT && str_find(text, '^') < 0)
            TRY(add_id(o, w, text));
        else
            TRY(add_record(o, rq, w, o->args.positional[i]));
    }
    if (file != NULL)
        TRY(add_file(o, w, file));
    if (w->count == 0)
        return fail(o->args.err, INVALID, "usage", "name a decision, a record, or --input FILE");
    return OK;
}

static enum status decisions_read(struct request *rq, const struct wanted *w,
                                  struct mpi_decided **out)
{
    /* across places: decisions are named by their ids alone */
    static const struct statement FIND = {
        "mpi_decisions_find",
        MPI_DECISION_COLUMNS "  FROM mpi_decision"
                             " WHERE decision_id = ANY($1)"
                             " ORDER BY decision_id",
    };
    struct rows rows;

    db_queue(rq->db, &FIND, &rows, DB_UUIDS(w->ids, w->count));
    TRY(db_flush(rq->db));
    if ((size_t)rows.count < w->count)
        return fail(rq->err, NOT_FOUND, "decision", "%zu of the decisions are not there",
                    w->count - (size_t)rows.count);
    *out = ARENA_ARRAY(rq->arena, (size_t)rows.count, struct mpi_decided);
    for (int row = 0; row < rows.count; row++)
        TRY(mpi_decision_read(rq, &rows, row, &(*out)[row]));
    return mpi_decisions_fill(rq, *out, (size_t)rows.count);
}

/* --- explain --------------------------------------------------------------------------------- */

/* It holds patients' data: for its owner only. */
static enum status write_file(struct operation *o, const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t done = 0;

    while (fd >= 0 && done < text.n) {
        ssize_t n = write(fd, text.p + done, text.n - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (fd >= 0 && close(fd) == 0 && done == text.n)
        return OK;
    return fail(o->args.err, INVALID, "output", "%s: %s", path, strerror(errno));
}

static void audit_decision(struct operation *o, const struct mpi_decided *d)
{
    struct arena *a = o->args.arena;
    struct audit_row *row = audit_add(a, &o->audit);

    row->patient = mpi_record_name(a, d->in.place);
    row->pkey = d->in.place.pkey;
    row->person_id = d->person.person_id;
    audit_object_add(a, row, "decision", uuid_text(a, d->id), d->outcome);
}

static void json_explained(struct arena *a, const struct mpi_explained *e, struct strbuf *b)
{
    cli_json_comma(b);
    strbuf_addc(b, '{');
    cli_json_text(b, "decision", uuid_text(a, e->decided->id));
    cli_json_text(b, "record", mpi_record_name(a, e->decided->in.place));
    cli_json_text(b, "outcome", e->decided->outcome);
    cli_json_text(b, "model", e->model->name);
    cli_json_bool(b, "same", e->again.differs == NULL);
    cli_json_key(b, "candidates");
    strbuf_addc(b, '[');
    for (size_t i = 0; i < e->count; i++) {
        const struct mpi_waterfall *w = &e->candidates[i];

        cli_json_comma(b);
        strbuf_addc(b, '{');
        cli_json_text(b, "record", mpi_record_name(a, w->candidate->place));
        cli_json_text(b, "person", mpi_person_name(a, w->candidate->person));
        strbuf_addf(b, ",\"weight\":%.6f,\"probability\":%.9f", w->weight, w->posterior);
        cli_json_key(b, "steps");
        strbuf_addc(b, '[');
        for (size_t j = 0; j < w->step_count; j++) {
            cli_json_comma(b);
            strbuf_addc(b, '{');
            cli_json_text(b, "name", str_from(w->steps[j].name));
            cli_json_text(b, "level", str_from(w->steps[j].level));
            strbuf_addf(b, ",\"bits\":%.6f}", w->steps[j].bits);
        }
        strbuf_lit(b, "]}");
    }
    strbuf_lit(b, "]}");
}

static void render(struct operation *o, const struct mpi_explained *e, bool html,
                   struct strbuf *out)
{
    if (html)
        mpi_explain_html(o->args.arena, e, out);
    else if (o->args.json)
        json_explained(o->args.arena, e, out);
    else
        mpi_explain_text(o->args.arena, e, isatty(STDOUT_FILENO) == 1, out);
}

static enum status work_explain(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    const char *html = cli_value(&o->args, "html");
    struct strbuf page = strbuf_on(rq->arena, 4096), *to = html != NULL ? &page : out;
    struct wanted w = {0};
    struct mpi_decided *decisions;

    TRY(wanted_read(o, rq, &w));
    TRY(decisions_read(rq, &w, &decisions));
    if (html != NULL)
        mpi_explain_html_begin(&page);
    else if (o->args.json)
        strbuf_lit(out, "{\"decisions\":[");
    for (size_t i = 0; i < w.count; i++) {
        const struct mpi_model *model;
        struct mpi_explained e;

        TRY(mpi_model_by_hash(rq, decisions[i].model_hash, &model));
        TRY(mpi_explain(rq, model, &decisions[i], &e));
        audit_decision(o, &decisions[i]);
        if (i > 0 && to == out && !o->args.json)
            strbuf_addc(out, '\n');
        render(o, &e, html != NULL, to);
    }
    if (html == NULL)
        strbuf_add(out, o->args.json ? STR("]}\n") : STR(""));
    else {
        mpi_explain_html_end(&page);
        TRY(write_file(o, html, strbuf_str(&page)));
        strbuf_addf(out, "%zu decisions: %s\n", w.count, html);
    }
    return OK;
}

/* --- replay ---------------------------------------------------------------------------------- */

struct replaying {
    struct operation *o;
    struct progress progress;
    uint64_t done, differing;
    struct strbuf list; /* of the first ones that differ */
};

static void note_difference(struct replaying *r, const struct mpi_decided *d, const char *what)
{
    struct arena *a = r->o->args.arena;

    if (r->differing++ >= DIFFERING_MAX)
        return;
    if (r->o->args.json) {
        cli_json_comma(&r->list);
        strbuf_addc(&r->list, '{');
        cli_json_text(&r->list, "decision", uuid_text(a, d->id));
        cli_json_text(&r->list, "differs", str_from(what));
        strbuf_addc(&r->list, '}');
    } else
        strbuf_addf(&r->list, "%.*s differs: %s\n", STR_ARG(uuid_text(a, d->id)), what);
}

static enum status replay_each(struct request *rq, const struct mpi_decided *d, void *p)
{
    struct replaying *r = p;
    const struct mpi_model *model;
    struct mpi_replayed again;

    TRY(mpi_model_by_hash(rq, d->model_hash, &model));
    TRY(mpi_replay_one(rq, mpi_coding_new(rq->arena, model), d, &again));
    if (again.differs != NULL)
        note_difference(r, d, again.differs);
    progress_at(&r->progress, ++r->done);
    return OK;
}

static enum status replay_named(struct operation *o, struct replaying *r)
{
    struct request *rq = operation_request(o);
    struct mpi_decided *decisions;
    struct wanted w = {0};

    TRY(wanted_read(o, rq, &w));
    TRY(decisions_read(rq, &w, &decisions));
    for (size_t i = 0; i < w.count; i++)
        TRY(replay_each(rq, &decisions[i], r));
    return OK;
}

static enum status given_number(struct operation *o, const char *option, uint64_t *out)
{
    const char *text = cli_value(&o->args, option);

    if (text == NULL || (str_to_u64(str_from(text), out) && *out > 0))
        return OK;
    return fail(o->args.err, INVALID, "usage", "--%s %s: not a number above 0", option, text);
}

/* Pages on a connection of their own: their memory goes with each page. */
static enum status replay_all(struct operation *o, struct replaying *r)
{
    struct request *rq = operation_request(o);
    struct arena pages;
    uint64_t last = 0;
    enum status s;

    TRY(given_number(o, "last", &last));
    arena_init(&pages);
    rq->arena = &pages;
    rq->db = db_open(o->config.database, "causeway mpi replay", o->args.err);
    s = rq->db != NULL ? mpi_decisions_visit(rq, last, replay_each, r) : UPSTREAM;
    arena_dispose(&pages);
    db_close(rq->db);
    return s;
}

static enum status work_replay(struct operation *o, struct strbuf *out)
{
    bool named = o->args.positional_count > 0 || cli_value(&o->args, "input") != NULL;
    struct replaying r = {.o = o, .list = strbuf_on(o->args.arena, 1024)};
    enum status s;

    r.progress = progress_begin("decisions");
    s = named ? replay_named(o, &r) : replay_all(o, &r);
    progress_end(&r.progress);
    TRY(s);
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "replay",
                     str_printf(o->args.arena, "%llu", (unsigned long long)r.done), STR_NONE);
    o->answer = r.differing > 0 ? 1 : 0;
    if (o->args.json)
        strbuf_addf(out, "{\"decisions\":%llu,\"differing\":%llu,\"list\":[%.*s]}\n",
                    (unsigned long long)r.done, (unsigned long long)r.differing,
                    STR_ARG(strbuf_str(&r.list)));
    else
        strbuf_addf(out, "%.*s%llu decisions made again, %llu differ\n",
                    STR_ARG(strbuf_str(&r.list)), (unsigned long long)r.done,
                    (unsigned long long)r.differing);
    return OK;
}

static const struct cli_option explain_options[] = {
    {"input", "FILE", "a file of decisions' ids, one a line"},
    {"html", "FILE", "write a page there instead (it holds patients' data: mode 0600)"},
    {NULL, NULL, NULL},
};
static const struct cli_option replay_options[] = {
    {"input", "FILE", "a file of decisions' ids, one a line"},
    {"last", "N", "only the newest N"},
    {NULL, NULL, NULL},
};

const struct operation_kind mpi_kind_explain = {
    .cli = {"causeway mpi explain DECISION|RECORD... [--input FILE] [--html FILE]",
            "Shows why the algorithm decided as it did: for each candidate the bits of evidence,\n"
            "comparison by comparison, from the prior to the sum; what stood in the way; and\n"
            "whether the decision comes out the same again. Of a record: the newest decision.",
            explain_options},
    .most = 64,
    .transaction = "PATIENT",
    .audit = {"110110", 'R'},
    .endpoint = "causeway mpi explain",
    .work = work_explain,
};
const struct operation_kind mpi_kind_replay = {
    .cli = {"causeway mpi replay [DECISION|RECORD... | --input FILE | --last N]",
            "Makes decisions again from their stored inputs, by the model that they were made\n"
            "with: all of them, or some. Exit status 0: all came out the same; 1: some differ.",
            replay_options},
    .most = 64,
    .transaction = "PATIENT",
    .audit = {"110110", 'R'},
    .endpoint = "causeway mpi replay",
    .work = work_replay,
};
