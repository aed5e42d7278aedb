#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hub/audit/note.h"
#include "hub/audit/tree.h"
#include "hub/command/audit/asked.h"
#include "hub/command/audit/look.h"
#include "hub/command/audit/saved.h"
#include "hub/command/audit/verbs.h"
#include "hub/command/cli_print.h"
#include "hub/command/progress.h"
#include "hub/data/csv_write.h"

struct export
{
    struct operation *o;
    struct audit_filter filter;
    bool csv, proofs;
    const char *path; /* NULL: standard output */
    FILE *file;
    uint64_t records, unproven;
    struct progress progress;
};

/* --- one record ------------------------------------------------------------------------------ */

static struct str text_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : STR("");
}

static struct str objects_text(struct arena *a, const json_t *record)
{
    struct strbuf b = strbuf_on(a, 128);
    const json_t *object;
    size_t i;

    json_array_foreach(json_object_get(record, "objects"), i, object)
        strbuf_addf(&b, "%s%.*s %.*s", i > 0 ? "; " : "", STR_ARG(text_of(object, "kind")),
                    STR_ARG(text_of(object, "id")));
    return strbuf_str(&b);
}

static const char *const from_record[] = {"user",        "user_name", "organization", "role",
                                          "purpose",     "peer",      "endpoint",     "patient",
                                          "description", NULL};

static void csv_head(struct strbuf *out)
{
    static const char *const first[] = {"at",     "id",      "request", "transaction", "event",
                                        "action", "outcome", "member",  NULL};

    for (size_t i = 0; first[i] != NULL; i++)
        csv_field_add(out, str_from(first[i]));
    for (size_t i = 0; from_record[i] != NULL; i++)
        csv_field_add(out, str_from(from_record[i]));
    csv_field_add(out, STR("objects"));
    csv_field_add(out, STR("readable"));
    csv_line_end(out);
}

static enum status csv_line(struct export *x, struct arena *a, const struct audit_entry *e,
                            struct strbuf *out)
{
    json_t *record = e->record.p != NULL ? json_loadb(e->record.p, e->record.n, 0, NULL) : NULL;

    (void)x;
    csv_field_add(out, clock_iso(a, e->at_us));
    csv_field_add(out, uuid_text(a, e->id));
    csv_field_add(out, uuid_text(a, e->request));
    csv_field_add(out, e->transaction);
    csv_field_add(out, e->event);
    csv_field_add(out, e->action);
    csv_field_add(out, str_printf(a, "%d", e->outcome));
    csv_field_add(out, text_of(json_object_get(record, "member"), "name"));
    for (size_t i = 0; from_record[i] != NULL; i++)
        csv_field_add(out, text_of(record, from_record[i]));
    csv_field_add(out, objects_text(a, record));
    csv_field_add(out, record != NULL ? STR("yes") : STR("no"));
    csv_line_end(out);
    json_decref(record);
    return OK;
}

/* The proof with the bytes that it is about; or why there is none yet. */
static enum status proof_add(struct export *x, struct arena *a, const struct audit_entry *e,
                             struct strbuf *out)
{
    struct errors none;
    struct audit_proof proof;
    enum status status;

    errors_init(&none, a);
    status = audit_proof_of(x->o->db, a, e->id, &proof, &none);
    if (status == OK) {
        cli_json_int(out, "leaf", proof.leaf);
        cli_json_text(out, "stored", note_base64(a, e->stored));
        cli_json_text(out, "proof", proof.tlog_proof);
        return OK;
    }
    if (status != BUSY && status != NOT_FOUND)
        return fail(x->o->args.err, status, "proof", "%.*s", STR_ARG(none.first->text));
    x->unproven++;
    cli_json_text(out, "unproven", none.first->text);
    return OK;
}

static enum status json_line(struct export *x, struct arena *a, const struct audit_entry *e,
                             struct strbuf *out)
{
    strbuf_lit(out, "{");
    cli_json_text(out, "at", clock_iso(a, e->at_us));
    cli_json_text(out, "id", uuid_text(a, e->id));
    cli_json_key(out, "record");
    strbuf_add(out, e->record.p != NULL ? e->record : STR("null"));
    if (x->proofs)
        TRY(proof_add(x, a, e, out));
    strbuf_lit(out, "}\n");
    return OK;
}

/* --- page by page ---------------------------------------------------------------------------- */

static enum status put(struct export *x, const struct strbuf *text)
{
    if (fwrite(text->p, 1, text->n, x->file) == text->n)
        return OK;
    return fail(x->o->args.err, UPSTREAM, "export", "%s: %s",
                x->path != NULL ? x->path : "standard output", strerror(errno));
}

static enum status page(struct export *x, struct arena *a, bool *more)
{
    struct strbuf out = strbuf_on(a, 1 << 20);
    struct audit_found found;

    TRY(audit_search(x->o->db, a, &x->filter, &found));
    for (size_t i = 0; i < found.count; i++)
        TRY((x->csv ? csv_line : json_line)(x, a, &found.items[i], &out));
    if (found.count > 0) {
        x->filter.before = true;
        x->filter.before_us = found.items[found.count - 1].at_us;
        x->filter.before_id = found.items[found.count - 1].id;
    }
    x->records += found.count;
    progress_at(&x->progress, x->records);
    *more = found.more;
    return out.n > 0 ? put(x, &out) : OK;
}

static enum status pages(struct export *x)
{
    struct db *db = x->o->db;
    enum status status = OK;
    struct arena a;
    bool more = true;

    arena_init(&a);
    while (more && status == OK) {
        arena_reset(&a);
        db_attach(db, &a, x->o->args.err, 0);
        status = page(x, &a, &more);
    }
    db_attach(db, x->o->args.arena, x->o->args.err, 0);
    arena_dispose(&a);
    return status;
}

static enum status file_open(struct export *x)
{
    int fd;

    x->file = stdout;
    if (x->path == NULL)
        return OK;
    fd = open(x->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    x->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (x->file != NULL)
        return OK;
    if (fd >= 0)
        close(fd);
    return fail(x->o->args.err, INVALID, "export", "%s: %s", x->path, strerror(errno));
}

/* A file that is not whole is none. */
static enum status file_close(struct export *x, enum status status)
{
    bool failed = fflush(x->file) != 0;

    if (x->path != NULL)
        failed |= fsync(fileno(x->file)) != 0 || fclose(x->file) != 0;
    if (failed && status == OK)
        status = fail(x->o->args.err, UPSTREAM, "export", "%s: %s",
                      x->path != NULL ? x->path : "standard output", strerror(errno));
    if (status != OK && x->path != NULL)
        unlink(x->path);
    return status;
}

/* --- the command ----------------------------------------------------------------------------- */

static enum status format_given(struct operation *o, struct export *x)
{
    const char *format = cli_value(&o->args, "format");

    x->csv = format != NULL && strcmp(format, "csv") == 0;
    x->proofs = cli_value(&o->args, "proofs") != NULL;
    if (format != NULL && !x->csv && strcmp(format, "jsonl") != 0)
        return fail(o->args.err, INVALID, "usage", "--format %s: csv or jsonl", format);
    if (x->csv && x->proofs)
        return fail(o->args.err, INVALID, "usage", "--proofs needs --format jsonl");
    return OK;
}

static enum status work(struct operation *o, struct strbuf *out)
{
    struct export *x = ARENA_NEW(o->args.arena, struct export);
    struct audit_found none = {0};

    (void)out;
    *x = (struct export){.o = o, .path = cli_value(&o->args, "output")};
    TRY(format_given(o, x));
    TRY(audit_saved_apply(o));
    TRY(audit_asked(o, &x->filter));
    x->filter.limit = AUDIT_SEARCH_MAX;
    audit_look(o, STR("audit export"), &x->filter, &none);
    o->state = x;
    return OK;
}

/* After COMMIT: the row about the export stands before its first byte leaves. */
static enum status then(struct operation *o, struct strbuf *out)
{
    struct export *x = o->state;
    struct strbuf head = strbuf_on(o->args.arena, 256);
    enum status status = OK;

    TRY(file_open(x));
    x->progress = progress_begin("records");
    if (x->csv) {
        csv_head(&head);
        status = put(x, &head);
    }
    if (status == OK)
        status = pages(x);
    progress_end(&x->progress);
    TRY(file_close(x, status));
    if (x->path != NULL)
        strbuf_addf(out, "%llu records in %s.\n", (unsigned long long)x->records, x->path);
    if (x->unproven > 0)
        fprintf(stderr,
                "causeway: note: %llu of them are not sealed yet and have no proof; is "
                "`causeway audit seal` running?\n",
                (unsigned long long)x->unproven);
    return OK;
}

static const struct cli_option options[] = {
    AUDIT_CONDITIONS(AUDIT_CONDITION_OPTION){"saved", "NAME",
                                             "the conditions kept under that name"},
    {"format", "WORD", "jsonl (the default) or csv"},
    {"proofs", NULL, "with each record its stored bytes, and the proof that they are in the log"},
    {"output", "FILE", "write there, to a new file; default standard output"},
    {NULL, NULL, NULL},
};

const struct operation_kind audit_export_kind = {
    .cli =
        {"causeway audit export " AUDIT_CONDITION_USAGE
         " [--saved NAME] [--format csv|jsonl] [--proofs] [--output FILE]",
         "Writes every record that meets the conditions, newest first, of any number, in constant\n"
         "memory. CSV opens in a spreadsheet without running anything: a field that begins with\n"
         "= + - @ gets an apostrophe. A line of JSON has the record; with --proofs also the bytes\n"
         "that the log holds and a C2SP tlog-proof of them, which anybody can check with the\n"
         "log's public key; what is not sealed yet says so. The export is written to the audit\n"
         "log before its first record leaves.\n"
         "\n"
         "  causeway audit export --user dr.kim --from 2026-01-01 --format csv --output kim.csv\n"
         "  causeway audit export --patient 'P-17^^^&1.2.3.4&ISO' --proofs --output p17.jsonl",
         options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit export",
    .work = work,
    .then = then,
};
