#include <string.h>

#include "hub/command/audit/alert.h"
#include "hub/command/audit/asked.h"
#include "hub/command/audit/look.h"
#include "hub/command/audit/show.h"
#include "hub/command/audit/verbs.h"
#include "hub/command/cli_print.h"

enum { NAME_MAX_BYTES = 100 };

static const struct statement ADD = {
    "case_add",
    "INSERT INTO audit_case_entry (case_name, seq, at, by_user, kind, text, record_pkey, record_at,"
    "  record_id, akey)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
};
static const struct statement ENTRIES = {
    "case_entries",
    "SELECT seq, at, by_user, kind, text, record_pkey, record_at, record_id, akey"
    " FROM audit_case_entry"
    " WHERE case_name = $1"
    " ORDER BY seq",
};
/* across places: the list is everybody's */
static const struct statement LIST = {
    "case_list",
    "SELECT e.case_name, min(e.at), max(e.at), count(*),"
    "  (array_agg(e.text ORDER BY e.seq) FILTER (WHERE e.kind = 'open'))[1],"
    "  (array_agg(e.kind ORDER BY e.seq DESC) FILTER (WHERE e.kind IN ('open', 'close', "
    "'reopen')))[1],"
    "  coalesce((array_agg(e.text ORDER BY e.seq DESC) FILTER (WHERE e.kind = 'assign'))[1], '')"
    " FROM audit_case_entry e"
    " GROUP BY e.case_name"
    " HAVING $1 OR (array_agg(e.kind ORDER BY e.seq DESC)"
    "  FILTER (WHERE e.kind IN ('open', 'close', 'reopen')))[1] <> 'close'"
    " ORDER BY max(e.at) DESC, e.case_name"
    " LIMIT 1000",
};

enum column { SEQ, AT, BY, KIND, TEXT, RECORD_PKEY, RECORD_AT, RECORD_ID, AKEY };

/* A file as its entries say it is. */
struct file {
    struct str name;
    struct rows entries;
    bool closed;
};

static enum status file_read(struct operation *o, struct file *f)
{
    *f = (struct file){.name = str_from(o->args.positional[0])};
    db_queue(o->db, &ENTRIES, &f->entries, DB_TEXT(f->name));
    TRY(db_flush(o->db));
    for (int i = 0; i < f->entries.count; i++) {
        struct str kind = row_text(&f->entries, i, KIND);

        f->closed = str_eq(kind, STR("close")) || (f->closed && !str_eq(kind, STR("reopen")));
    }
    return OK;
}

static enum status file_named(struct operation *o, struct file *f)
{
    TRY(file_read(o, f));
    if (f->entries.count == 0)
        return fail(o->args.err, NOT_FOUND, "case",
                    "there is no case '%.*s'; `causeway audit case list --all` shows them",
                    STR_ARG(f->name));
    return OK;
}

static enum status file_open(struct operation *o, struct file *f)
{
    TRY(file_named(o, f));
    if (f->closed)
        return fail(o->args.err, INVALID, "case", "case '%.*s' is closed; reopen it first",
                    STR_ARG(f->name));
    return OK;
}

struct entry {
    const char *kind;
    struct str text;
    const struct audit_position *record;
    const int64_t *akey;
};

/* Two who write at once collide on the number: the later one is told to run it again. */
static enum status entry_add(struct operation *o, const struct file *f, const struct entry *e)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    int seq = f->entries.count + 1;

    db_queue(o->db, &ADD, NULL, DB_TEXT(f->name), DB_INT4(seq), DB_TIME(o->now_us),
             DB_TEXT(operator_name(o->args.arena)), DB_TEXT(str_from(e->kind)), DB_TEXT(e->text),
             e->record != NULL ? DB_INT8(e->record->pkey) : DB_NULL(DB_TYPE_INT8),
             e->record != NULL ? DB_TIME(e->record->at_us) : DB_NULL(DB_TYPE_TIME),
             e->record != NULL ? DB_UUID(e->record->id) : DB_NULL(DB_TYPE_UUID),
             e->akey != NULL ? DB_INT8(*e->akey) : DB_NULL(DB_TYPE_INT8));
    TRY(db_flush(o->db));
    audit_object_add(o->args.arena, row, "case", f->name,
                     str_printf(o->args.arena, "%s, entry %d", e->kind, seq));
    row->description = e->text;
    return OK;
}

static enum status text_given(struct operation *o, const char *option, struct str *text)
{
    *text = str_from(cli_value(&o->args, option));
    return text->n > 0 ? OK : fail(o->args.err, INVALID, "usage", "--%s TEXT is missing", option);
}

static void done(struct strbuf *out, const struct file *f, const char *what)
{
    strbuf_addf(out, "Case %.*s: %s.\n", STR_ARG(f->name), what);
}

/* --- the verbs ------------------------------------------------------------------------------ */

static enum status work_open(struct operation *o, struct strbuf *out)
{
    struct entry e = {.kind = "open"};
    struct file f;

    TRY(text_given(o, "about", &e.text));
    TRY(file_read(o, &f));
    if (f.entries.count > 0)
        return fail(o->args.err, INVALID, "case", "there is a case '%.*s' already",
                    STR_ARG(f.name));
    if (f.name.n == 0 || f.name.n > NAME_MAX_BYTES)
        return fail(o->args.err, INVALID, "usage", "a case's name has 1 to %d bytes",
                    NAME_MAX_BYTES);
    TRY(entry_add(o, &f, &e));
    done(out, &f, "opened");
    return OK;
}

static enum status work_text(struct operation *o, struct strbuf *out, const char *kind,
                             const char *option, const char *said)
{
    struct entry e = {.kind = kind};
    struct file f;

    TRY(text_given(o, option, &e.text));
    TRY(file_open(o, &f));
    TRY(entry_add(o, &f, &e));
    done(out, &f, said);
    return OK;
}

static enum status work_note(struct operation *o, struct strbuf *out)
{
    return work_text(o, out, "note", "text", "noted");
}

static enum status work_assign(struct operation *o, struct strbuf *out)
{
    return work_text(o, out, "assign", "to", "assigned");
}

static enum status work_close(struct operation *o, struct strbuf *out)
{
    return work_text(o, out, "close", "finding", "closed");
}

static enum status work_reopen(struct operation *o, struct strbuf *out)
{
    struct entry e = {.kind = "reopen"};
    struct file f;

    TRY(text_given(o, "text", &e.text));
    TRY(file_named(o, &f));
    if (!f.closed)
        return fail(o->args.err, INVALID, "case", "case '%.*s' is open", STR_ARG(f.name));
    TRY(entry_add(o, &f, &e));
    done(out, &f, "open again");
    return OK;
}

static enum status work_add(struct operation *o, struct strbuf *out)
{
    const char *record = cli_value(&o->args, "record"), *alert = cli_value(&o->args, "alert");
    const char *text = cli_value(&o->args, "text");
    struct audit_position at;
    struct file f;
    int64_t akey;
    struct entry e = {.kind = record != NULL ? "record" : "alert",
                      .text = text != NULL ? str_from(text) : STR("")};

    if ((record != NULL) == (alert != NULL))
        return fail(o->args.err, INVALID, "usage", "give --record TIME/ID or --alert ALERT");
    TRY(file_open(o, &f));
    if (record != NULL) {
        TRY(audit_record_named(o, record, &at));
        e.record = &at;
    } else {
        TRY(audit_alert_named(o, alert, &akey));
        e.akey = &akey;
    }
    TRY(entry_add(o, &f, &e));
    done(out, &f, "added");
    return OK;
}

/* --- list and show -------------------------------------------------------------------------- */

static struct str day(struct arena *a, int64_t us)
{
    return str_printf(a, "%.16s", clock_iso(a, us).p);
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct cli_table t = cli_table_on(a, 6);
    struct audit_filter none = {0};
    struct audit_found shown = {0};
    struct rows r;

    db_queue(o->db, &LIST, &r, DB_BOOL(cli_value(&o->args, "all") != NULL));
    TRY(db_flush(o->db));
    shown.count = (size_t)r.count;
    audit_look(o, STR("audit case list"), &none, &shown);
    cli_table_row(&t, STR("CASE"), STR("OPENED (UTC)"), STR("ENTRIES"), STR("STATE"),
                  STR("ASSIGNED"), STR("ABOUT"));
    for (int i = 0; i < r.count; i++) {
        struct str state = str_eq(row_text(&r, i, 5), STR("close")) ? STR("closed") : STR("open");

        if (o->args.json) {
            strbuf_lit(out, "{");
            cli_json_text(out, "case", row_text(&r, i, 0));
            cli_json_text(out, "opened", clock_iso(a, row_time(&r, i, 1)));
            cli_json_text(out, "changed", clock_iso(a, row_time(&r, i, 2)));
            cli_json_int(out, "entries", row_int(&r, i, 3));
            cli_json_text(out, "state", state);
            cli_json_text(out, "assigned", row_text(&r, i, 6));
            cli_json_text(out, "about", row_text(&r, i, 4));
            strbuf_lit(out, "}\n");
        }
        cli_table_row(&t, row_text(&r, i, 0), day(a, row_time(&r, i, 1)),
                      str_printf(a, "%lld", (long long)row_int(&r, i, 3)), state,
                      row_text(&r, i, 6), row_text(&r, i, 4));
    }
    if (!o->args.json)
        cli_table_write(&t, out);
    return OK;
}

static struct str entry_text(struct arena *a, const struct rows *r, int i)
{
    struct str text = row_text(r, i, TEXT);

    if (!row_null(r, i, RECORD_ID))
        return str_printf(a, "%.*s/%.*s %.*s", STR_ARG(clock_iso(a, row_time(r, i, RECORD_AT))),
                          STR_ARG(uuid_text(a, row_uuid(r, i, RECORD_ID))), STR_ARG(text));
    if (!row_null(r, i, AKEY))
        return str_printf(a, "%016llx %.*s", (unsigned long long)row_int(r, i, AKEY),
                          STR_ARG(text));
    return text;
}

static void entries_json(struct strbuf *out, struct arena *a, const struct file *f)
{
    for (int i = 0; i < f->entries.count; i++) {
        strbuf_lit(out, "{");
        cli_json_int(out, "entry", row_int(&f->entries, i, SEQ));
        cli_json_text(out, "at", clock_iso(a, row_time(&f->entries, i, AT)));
        cli_json_text(out, "by", row_text(&f->entries, i, BY));
        cli_json_text(out, "kind", row_text(&f->entries, i, KIND));
        cli_json_text(out, "text", str_trim(entry_text(a, &f->entries, i)));
        strbuf_lit(out, "}\n");
    }
}

static void entries_table(struct strbuf *out, struct arena *a, const struct file *f)
{
    struct cli_table t = cli_table_on(a, 5);

    strbuf_addf(out, "Case %.*s is %s.\n\n", STR_ARG(f->name), f->closed ? "closed" : "open");
    cli_table_row(&t, STR("#"), STR("TIME (UTC)"), STR("BY"), STR("WHAT"), STR("TEXT"));
    for (int i = 0; i < f->entries.count; i++)
        cli_table_row(&t, str_printf(a, "%lld", (long long)row_int(&f->entries, i, SEQ)),
                      day(a, row_time(&f->entries, i, AT)), row_text(&f->entries, i, BY),
                      row_text(&f->entries, i, KIND), entry_text(a, &f->entries, i));
    cli_table_write(&t, out);
}

static enum status work_show(struct operation *o, struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct audit_filter none = {0};
    struct audit_found behind;
    struct audit_position *at;
    struct file f;
    size_t n = 0;

    TRY(file_named(o, &f));
    at = ARENA_ARRAY(a, (size_t)f.entries.count, struct audit_position);
    for (int i = 0; i < f.entries.count; i++)
        if (!row_null(&f.entries, i, RECORD_ID))
            at[n++] = (struct audit_position){row_int(&f.entries, i, RECORD_PKEY),
                                              row_time(&f.entries, i, RECORD_AT),
                                              row_uuid(&f.entries, i, RECORD_ID)};
    TRY(audit_search_records(o->db, a, at, n, &behind));
    audit_look(o, str_printf(a, "audit case show %.*s", STR_ARG(f.name)), &none, &behind);
    (o->args.json ? entries_json : entries_table)(out, a, &f);
    if (n > 0 && !o->args.json)
        strbuf_lit(out, "\nIts records:\n");
    if (n > 0)
        (o->args.json ? audit_show_json : audit_show_table)(out, a, &behind);
    return OK;
}

/* --- help ----------------------------------------------------------------------------------- */

static const struct cli_option open_options[] = {
    {"about", "TEXT", "what is investigated"},
    {NULL, NULL, NULL},
};
static const struct cli_option add_options[] = {
    {"record", "TIME/ID", "a record, by `at` and `id` of its JSON"},
    {"alert", "ALERT", "an alert, by its 16 digits"},
    {"text", "TEXT", "why it belongs here"},
    {NULL, NULL, NULL},
};
static const struct cli_option text_options[] = {
    {"text", "TEXT", "the note"},
    {NULL, NULL, NULL},
};
static const struct cli_option assign_options[] = {
    {"to", "NAME", "who works on it"},
    {NULL, NULL, NULL},
};
static const struct cli_option close_options[] = {
    {"finding", "TEXT", "what was found, and what was done about it"},
    {NULL, NULL, NULL},
};
static const struct cli_option list_options[] = {
    {"all", NULL, "the closed ones too"},
    {NULL, NULL, NULL},
};

#define CHANGE(verb, arguments, help, list)                                                        \
    {                                                                                              \
        .cli = {"causeway audit case " #verb " NAME " arguments, help, list}, .least = 1,          \
        .most = 1, .transaction = "CONFIG", .audit = {"110113", 'E'},                              \
        .endpoint = "causeway audit case " #verb, .work = work_##verb                              \
    }

static const struct operation_kind open_kind =
    CHANGE(open, "--about TEXT",
           "Opens an investigation file. Its entries are only ever added to; each is audited.\n"
           "\n"
           "  causeway audit case open 2026-014 --about 'looks at a colleague, ward 3'\n"
           "  causeway audit case add 2026-014 --alert 9f3c01d2a4b5e677\n"
           "  causeway audit case close 2026-014 --finding 'unjustified; reported to the board'",
           open_options);
static const struct operation_kind add =
    CHANGE(add, "--record TIME/ID | --alert ALERT [--text TEXT]",
           "Adds a record of the log, or an alert, to a case.", add_options);
static const struct operation_kind note =
    CHANGE(note, "--text TEXT", "Adds a note to a case.", text_options);
static const struct operation_kind assign =
    CHANGE(assign, "--to NAME", "Says who works on a case.", assign_options);
static const struct operation_kind close_kind =
    CHANGE(close, "--finding TEXT", "Closes a case with what was found.", close_options);
static const struct operation_kind reopen =
    CHANGE(reopen, "--text TEXT", "Opens a closed case again, and says why.", text_options);

static const struct operation_kind list = {
    .cli = {"causeway audit case list [--all]", "The cases, the last changed first. Audited.",
            list_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit case list",
    .work = work_list,
};
static const struct operation_kind show = {
    .cli = {"causeway audit case show NAME",
            "Every entry of a case, and the records that were added to it. Audited.", NULL},
    .least = 1,
    .most = 1,
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit case show",
    .work = work_show,
};

const struct cli_verb audit_case_verbs[] = {
    {"open", "begin an investigation", operation_run, &open_kind},
    {"add", "a record or an alert", operation_run, &add},
    {"note", "what was learned", operation_run, &note},
    {"assign", "who works on it", operation_run, &assign},
    {"close", "what was found", operation_run, &close_kind},
    {"reopen", "go on with a closed one", operation_run, &reopen},
    {"list", "all of them", operation_run, &list},
    {"show", "one, entry by entry", operation_run, &show},
    {NULL, NULL, NULL, NULL},
};
