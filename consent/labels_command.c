#include "consent/labels_command.h"

#include <string.h>

#include "consent/code_system.h"
#include "consent/label_store.h"
#include "consent/labels_file.h"
#include "hub/base/clock.h"
#include "hub/command/cli_print.h"
#include "hub/command/operation.h"

static struct label_change change_of(const struct operation *o)
{
    return (struct label_change){.at_us = o->now_us, .by = operator_name(o->args.arena)};
}

static void audit_change(struct operation *o, struct str name, struct str words)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    row->description = words;
    audit_object_add(o->args.arena, row, "label_set", name, STR_NONE);
}

static struct str join(struct arena *a, const struct str *v, size_t n)
{
    struct strbuf b = strbuf_on(a, 64);

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            strbuf_lit(&b, ", ");
        strbuf_add(&b, v[i]);
    }
    return strbuf_str(&b);
}

/* --- load ------------------------------------------------------------------------------------- */

/* Options beat the file; without either, the set's own name is its label, and R its least. */
static enum status complete(struct operation *o, struct label_set *set)
{
    const char *labels = cli_value(&o->args, "labels"),
               *confidentiality = cli_value(&o->args, "confidentiality");

    if (labels)
        TRY(labels_list_read(o->args.arena, str_from(labels), &set->labels, o->args.err));
    if (set->labels.n == 0)
        TRY(labels_list_read(o->args.arena, set->name, &set->labels, o->args.err));
    if (confidentiality)
        set->confidentiality = str_from(confidentiality);
    else if (set->confidentiality.n == 0)
        set->confidentiality = STR("R");
    if (label_confidentiality_rank(set->confidentiality) < 0)
        return fail(o->args.err, INVALID, "usage", "--confidentiality: write U, L, M, N, R or V");
    return OK;
}

static enum status check_room(struct operation *o, struct str name)
{
    struct rows rows;
    bool known = false;

    label_store_list(o->db, &rows);
    TRY(db_flush(o->db));
    for (int i = 0; i < rows.count; i++)
        known |= str_eq(row_text(&rows, i, 0), name);
    if (known || rows.count < LABEL_SETS_MAX)
        return OK;
    return fail(o->args.err, INVALID, "labels", "there are %d value sets; more are not taken",
                LABEL_SETS_MAX);
}

static enum status work_load(struct operation *o, struct strbuf *out)
{
    struct str name = str_from(o->args.positional[0]), bytes, words;
    struct label_change change = change_of(o);
    struct label_set set;

    if (name.n > 64)
        return fail(o->args.err, INVALID, "usage", "a value set's name has at most 64 characters");
    TRY(cli_read_file(&o->args, o->args.positional[1], LABEL_FILE_MAX, &bytes));
    TRY(labels_file_read(o->args.arena, bytes, &set, o->args.err));
    set.name = name;
    TRY(complete(o, &set));
    TRY(check_room(o, name));
    label_store_put(o->db, o->args.arena, &change, &set, str_from(o->args.positional[1]));
    TRY(db_flush(o->db));
    words = str_printf(o->args.arena, "%.*s: %zu codes give %.*s, at least %.*s", STR_ARG(name),
                       set.code_count, STR_ARG(join(o->args.arena, set.labels.v, set.labels.n)),
                       STR_ARG(set.confidentiality));
    audit_change(o, name, words);
    if (o->args.json) {
        strbuf_lit(out, "{");
        cli_json_text(out, "name", name);
        cli_json_int(out, "codes", (int64_t)set.code_count);
        strbuf_lit(out, "}\n");
    } else {
        strbuf_addf(out, "%.*s\n", STR_ARG(words));
    }
    return OK;
}

/* --- list, show, remove ----------------------------------------------------------------------- */

struct printing {
    struct operation *o;
    struct strbuf *out;
    struct cli_table table;
};

static void list_row(struct printing *p, const struct rows *rows, int row)
{
    struct arena *a = p->o->args.arena;
    struct str *labels, joined, at = clock_iso(a, row_time(rows, row, 4));
    size_t n = row_texts(a, rows, row, 1, &labels);

    joined = join(a, labels, n);
    if (!p->o->args.json) {
        cli_table_row(&p->table, row_text(rows, row, 0), joined, row_text(rows, row, 2),
                      str_printf(a, "%lld", (long long)row_int(rows, row, 6)), at,
                      row_text(rows, row, 5), row_text(rows, row, 3));
        return;
    }
    cli_json_comma(p->out);
    strbuf_lit(p->out, "{");
    cli_json_text(p->out, "name", row_text(rows, row, 0));
    cli_json_text(p->out, "labels", joined);
    cli_json_text(p->out, "confidentiality", row_text(rows, row, 2));
    cli_json_int(p->out, "codes", row_int(rows, row, 6));
    cli_json_text(p->out, "since", at);
    cli_json_text(p->out, "loaded_by", row_text(rows, row, 5));
    cli_json_text(p->out, "origin", row_text(rows, row, 3));
    strbuf_lit(p->out, "}");
}

static void code_row(struct printing *p, const struct rows *rows, int row)
{
    struct arena *a = p->o->args.arena;
    struct str code =
        str_printf(a, "%.*s%s", STR_ARG(row_text(rows, row, 2)), row_bool(rows, row, 3) ? "*" : "");

    if (!p->o->args.json) {
        cli_table_row(&p->table, row_text(rows, row, 0), code_system_uri(a, row_text(rows, row, 1)),
                      code);
        return;
    }
    cli_json_comma(p->out);
    strbuf_lit(p->out, "{");
    cli_json_text(p->out, "field", row_text(rows, row, 0));
    cli_json_text(p->out, "system", code_system_uri(a, row_text(rows, row, 1)));
    cli_json_text(p->out, "code", code);
    strbuf_lit(p->out, "}");
}

static void print_rows(struct printing *p, const struct rows *rows,
                       void (*print)(struct printing *p, const struct rows *rows, int row))
{
    if (p->o->args.json)
        strbuf_lit(p->out, "[");
    for (int row = 0; row < rows->count; row++)
        print(p, rows, row);
    if (p->o->args.json)
        strbuf_lit(p->out, "]\n");
    else
        cli_table_write(&p->table, p->out);
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct printing p = {o, out, cli_table_on(o->args.arena, 7)};
    struct rows rows;

    label_store_list(o->db, &rows);
    TRY(db_flush(o->db));
    cli_table_row(&p.table, STR("NAME"), STR("LABELS"), STR("LEAST"), STR("CODES"), STR("SINCE"),
                  STR("BY"), STR("FROM"));
    print_rows(&p, &rows, list_row);
    return OK;
}

static enum status no_such(struct operation *o)
{
    return fail(o->args.err, NOT_FOUND, "labels",
                "no value set is called '%s'; `causeway consent labels list` shows them",
                o->args.positional[0]);
}

static enum status work_show(struct operation *o, struct strbuf *out)
{
    struct printing p = {o, out, cli_table_on(o->args.arena, 3)};
    struct rows rows;

    label_store_codes(o->db, str_from(o->args.positional[0]), &rows);
    TRY(db_flush(o->db));
    if (rows.count == 0)
        return no_such(o);
    cli_table_row(&p.table, STR("FIELD"), STR("SYSTEM"), STR("CODE"));
    print_rows(&p, &rows, code_row);
    return OK;
}

static enum status work_remove(struct operation *o, struct strbuf *out)
{
    struct str name = str_from(o->args.positional[0]);
    struct label_change change = change_of(o);
    struct rows ended;

    label_store_end(o->db, &change, name, &ended);
    TRY(db_flush(o->db));
    if (ended.count == 0)
        return no_such(o);
    audit_change(o, name, STR("removed"));
    if (!o->args.json)
        strbuf_addf(out, "%.*s removed; documents lose its labels from the next request on\n",
                    STR_ARG(name));
    return OK;
}

/* --- help ------------------------------------------------------------------------------------- */

static const struct cli_option load_options[] = {
    {"labels", "LIST", "what its codes give, as SUD,ETH; else the file says so, else NAME itself"},
    {"confidentiality", "CODE",
     "least of U, L, M, N, R, V that they ask for; else the file's, or R"},
    {NULL, NULL, NULL},
};

#define CHANGE(name, function)                                                                     \
    .transaction = "CONFIG", .audit = {"110113", 'E'}, .endpoint = name, .work = function

static const struct operation_kind load = {
    .cli = {"causeway consent labels load NAME FILE [--labels LIST] [--confidentiality CODE]",
            "Loads a value set, or replaces the one of that name. The file is a FHIR ValueSet\n"
            "(JSON) that lists its codes, or CSV of lines field,system,code,display, where the\n"
            "field is class, type, format, facility, practice, event, confidentiality or nothing\n"
            "for any, and a code that ends in * stands for all that begin so. Holds from the next\n"
            "request on; entries are labelled anew in the background.\n"
            "\n"
            "  causeway consent labels load SUD /usr/share/causeway/labels/sud.csv",
            load_options},
    .least = 2,
    .most = 2,
    CHANGE("causeway consent labels load", work_load),
};
static const struct operation_kind list = {
    .cli = {"causeway consent labels list", "Shows the value sets in force.", NULL},
    .endpoint = "causeway consent labels list",
    .work = work_list,
};
static const struct operation_kind show = {
    .cli = {"causeway consent labels show NAME", "Shows the codes of a value set.", NULL},
    .least = 1,
    .most = 1,
    .endpoint = "causeway consent labels show",
    .work = work_show,
};
static const struct operation_kind remove_set = {
    .cli =
        {"causeway consent labels remove NAME",
         "Takes a value set away. What it labelled loses those labels from the next request on,\n"
         "unless another value set gives them too.",
         NULL},
    .least = 1,
    .most = 1,
    CHANGE("causeway consent labels remove", work_remove),
};

static const struct cli_verb verbs[] = {
    {"load", "add or replace a value set", operation_run, &load},
    {"list", "the value sets in force", operation_run, &list},
    {"show", "the codes of one", operation_run, &show},
    {"remove", "take one away", operation_run, &remove_set},
    {NULL, NULL, NULL, NULL},
};

int consent_labels_run(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch(
        "consent labels",
        "Value sets: which codes of a document's metadata make it sensitive. A\n"
        "document has the labels of every value set that one of its codes is in,\n"
        "and at least their confidentiality; what its source wrote is never lowered.",
        verbs, argc, argv);
}
