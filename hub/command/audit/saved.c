#include "hub/command/audit/saved.h"

#include <string.h>

#include "hub/command/audit/asked.h"
#include "hub/command/cli_print.h"

static const struct statement KEEP = {
    "audit_saved_keep",
    "INSERT INTO audit_saved (name, options, saved_at, saved_by)"
    " VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (name)"
    " DO UPDATE SET options = excluded.options, saved_at = excluded.saved_at,"
    "  saved_by = excluded.saved_by",
};
static const struct statement FIND = {
    "audit_saved_find",
    "SELECT options"
    " FROM audit_saved"
    " WHERE name = $1",
};
static const struct statement LIST = {
    "audit_saved_list",
    "SELECT name, options, saved_at, saved_by"
    " FROM audit_saved"
    " ORDER BY name",
};
static const struct statement REMOVE = {
    "audit_saved_remove",
    "DELETE FROM audit_saved"
    " WHERE name = $1",
};

#define NAME(name, value, help) name,
static const char *const conditions[] = {AUDIT_CONDITIONS(NAME)};
#undef NAME

/* The option as the table has it: a name that outlives what the database said. */
static const char *condition(struct str name)
{
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
        if (str_eq(name, str_from(conditions[i])))
            return conditions[i];
    return NULL;
}

static enum status prepend(struct operation *o, const struct str *pairs, size_t count)
{
    struct cli_args *args = &o->args;
    size_t room = sizeof(args->given) / sizeof(args->given[0]), n = count / 2;

    if (args->given_count + n > room)
        return fail(args->err, INVALID, "usage", "too many options");
    memmove(args->given + n, args->given, args->given_count * sizeof(args->given[0]));
    args->given_count += n;
    for (size_t i = 0; i < n; i++) {
        args->given[i].name = condition(pairs[2 * i]);
        args->given[i].value = str_c(args->arena, pairs[2 * i + 1]);
        if (args->given[i].name == NULL)
            return fail(args->err, INVALID, "saved",
                        "the saved search has a condition '%.*s' that this program does not know",
                        STR_ARG(pairs[2 * i]));
    }
    return OK;
}

enum status audit_saved_apply(struct operation *o)
{
    const char *name = cli_value(&o->args, "saved");
    struct rows r;
    struct str *pairs;
    size_t count;

    if (name == NULL)
        return OK;
    db_queue(o->db, &FIND, &r, DB_TEXT(str_from(name)));
    TRY(db_flush(o->db));
    if (r.count == 0)
        return fail(o->args.err, NOT_FOUND, "saved",
                    "no saved search is called '%s'; `causeway audit saved list` shows them", name);
    count = row_texts(o->args.arena, &r, 0, 0, &pairs);
    return prepend(o, pairs, count);
}

enum status audit_saved_keep(struct operation *o)
{
    const char *name = cli_value(&o->args, "save");
    struct str *pairs = ARENA_ARRAY(o->args.arena, 2 * o->args.given_count + 1, struct str);
    size_t n = 0;

    if (name == NULL)
        return OK;
    for (size_t i = 0; i < o->args.given_count; i++) {
        if (condition(str_from(o->args.given[i].name)) == NULL)
            continue;
        pairs[n++] = str_from(o->args.given[i].name);
        pairs[n++] = str_from(o->args.given[i].value);
    }
    if (n == 0 || *name == '\0')
        return fail(o->args.err, INVALID, "usage",
                    "--save NAME keeps the conditions beside it: give at least one, and a name");
    db_queue(o->db, &KEEP, NULL, DB_TEXT(str_from(name)), DB_TEXTS(pairs, n), DB_TIME(o->now_us),
             DB_TEXT(operator_name(o->args.arena)));
    return db_flush(o->db);
}

/* --- causeway audit saved ------------------------------------------------------------------ */

static struct str options_text(struct arena *a, const struct rows *r, int row)
{
    struct strbuf b = strbuf_on(a, 128);
    struct str *pairs;
    size_t n = row_texts(a, r, row, 1, &pairs);

    for (size_t i = 0; i + 1 < n; i += 2)
        strbuf_addf(&b, "%s--%.*s %.*s", i > 0 ? " " : "", STR_ARG(pairs[i]),
                    STR_ARG(pairs[i + 1]));
    return strbuf_str(&b);
}

static void list_json(struct strbuf *out, struct arena *a, const struct rows *r)
{
    strbuf_lit(out, "[");
    for (int i = 0; i < r->count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "name", row_text(r, i, 0));
        cli_json_text(out, "conditions", options_text(a, r, i));
        cli_json_text(out, "saved_at", clock_iso(a, row_time(r, i, 2)));
        cli_json_text(out, "saved_by", row_text(r, i, 3));
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]\n");
}

static void list_table(struct strbuf *out, struct arena *a, const struct rows *r)
{
    struct cli_table t = cli_table_on(a, 3);

    if (r->count == 0) {
        strbuf_lit(out, "No search is saved: `causeway audit search ... --save NAME` saves one.\n");
        return;
    }
    cli_table_row(&t, STR("NAME"), STR("BY"), STR("CONDITIONS"));
    for (int i = 0; i < r->count; i++)
        cli_table_row(&t, row_text(r, i, 0), row_text(r, i, 3), options_text(a, r, i));
    cli_table_write(&t, out);
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct rows r;

    db_queue0(o->db, &LIST, &r);
    TRY(db_flush(o->db));
    (o->args.json ? list_json : list_table)(out, o->args.arena, &r);
    return OK;
}

static enum status work_remove(struct operation *o, struct strbuf *out)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    struct str name = str_from(o->args.positional[0]);
    struct rows r;

    db_queue(o->db, &REMOVE, &r, DB_TEXT(name));
    TRY(db_flush(o->db));
    if (r.affected == 0)
        return fail(o->args.err, NOT_FOUND, "saved", "no saved search is called '%.*s'",
                    STR_ARG(name));
    audit_object_add(o->args.arena, row, "query", STR("audit saved remove"), name);
    strbuf_addf(out, "Removed %.*s.\n", STR_ARG(name));
    return OK;
}

static const struct operation_kind list = {
    .cli = {"causeway audit saved list", "The saved searches and their conditions.", NULL},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit saved list",
    .work = work_list,
};

static const struct operation_kind remove_kind = {
    .cli = {"causeway audit saved remove NAME", "Forgets a saved search. Written to the audit log.",
            NULL},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway audit saved remove",
    .work = work_remove,
};

const struct cli_verb audit_saved_verbs[] = {
    {"list", "all of them", operation_run, &list},
    {"remove", "forget one", operation_run, &remove_kind},
    {NULL, NULL, NULL, NULL},
};
