#include "xds/source_command.h"

#include <string.h>

#include "hub/command/cli_print.h"
#include "xds/codes.h"

enum { FILE_MAX = 16 << 20 };

static const struct statement SET_SOURCE = {
    "xds_source_set",
    "INSERT INTO xds_source AS s (member_id, code_check, limited, curator, set_at, set_by,\n"
    "       consents, consent_headers)\n"
    "VALUES ($1, coalesce($2, 'off'), coalesce($3, false), coalesce($4, false), $5, $6,\n"
    "        coalesce($7, 'own'), coalesce($8, true))\n"
    "ON CONFLICT (member_id) DO UPDATE\n"
    "   SET code_check = coalesce($2, s.code_check),\n"
    "       limited = coalesce($3, s.limited),\n"
    "       curator = coalesce($4, s.curator),\n"
    "       set_at = $5,\n"
    "       set_by = $6,\n"
    "       consents = coalesce($7, s.consents),\n"
    "       consent_headers = coalesce($8, s.consent_headers)\n"
    "RETURNING code_check, limited, curator, consents, consent_headers",
};

static const struct statement REMOVE_KINDS = {
    "xds_code_remove_kinds",
    "DELETE FROM xds_code\n"
    " WHERE kind = ANY($1)",
};

static const struct statement INSERT_CODES = {
    "xds_code_insert",
    "INSERT INTO xds_code (kind, scheme, code, display, loaded_at)\n"
    "SELECT c.kind, c.scheme, c.code, c.display, $5\n"
    "  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])\n"
    "    AS c (kind, scheme, code, display)",
};

static const struct statement COUNT_CODES = {
    "xds_code_count",
    "SELECT kind, count(*), max(loaded_at)\n"
    "  FROM xds_code\n"
    " GROUP BY kind\n"
    " ORDER BY kind",
};

static void audit_change(struct operation *o, const char *kind, struct str id, struct str words)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    row->description = words;
    audit_object_add(o->args.arena, row, kind, id, STR_NONE);
}

/* --- source ----------------------------------------------------------------------------------- */

static enum status switch_given(struct operation *o, const char *option, struct db_value *out)
{
    const char *text = cli_value(&o->args, option);

    *out = DB_NULL(DB_TYPE_BOOL);
    if (text == NULL)
        return OK;
    *out = DB_BOOL(strcmp(text, "on") == 0);
    if (strcmp(text, "on") == 0 || strcmp(text, "off") == 0)
        return OK;
    return fail(o->args.err, INVALID, "usage", "--%s %s: write on or off", option, text);
}

static enum status check_given(struct operation *o, struct str *out)
{
    *out = str_from(cli_value(&o->args, "codes"));
    if (out->p == NULL || str_eq(*out, STR("strict")) || str_eq(*out, STR("warn")) ||
        str_eq(*out, STR("off")))
        return OK;
    return fail(o->args.err, INVALID, "usage", "--codes %.*s: write strict, warn or off",
                STR_ARG(*out));
}

static enum status consents_given(struct operation *o, struct str *out)
{
    *out = str_from(cli_value(&o->args, "consents"));
    if (out->p == NULL || str_eq(*out, STR("off")) || str_eq(*out, STR("none")) ||
        str_eq(*out, STR("own")) || str_eq(*out, STR("any")))
        return OK;
    return fail(o->args.err, INVALID, "usage", "--consents %.*s: write off, none, own or any",
                STR_ARG(*out));
}

static void print_source(struct strbuf *out, const struct operation *o, struct str member,
                         const struct rows *rows)
{
    struct str check = row_text(rows, 0, 0);
    bool limited = row_bool(rows, 0, 1), curator = row_bool(rows, 0, 2);

    if (o->args.json) {
        strbuf_lit(out, "{");
        cli_json_text(out, "member", member);
        cli_json_text(out, "codes", check);
        cli_json_bool(out, "limited", limited);
        cli_json_bool(out, "curator", curator);
        cli_json_text(out, "consents", row_text(rows, 0, 3));
        cli_json_bool(out, "consent_headers", row_bool(rows, 0, 4));
        strbuf_lit(out, "}\n");
        return;
    }
    strbuf_addf(out,
                "%.*s: unknown codes: %.*s; limited metadata: %s; may change what others "
                "published: %s; files consent documents for "
                "patients: %.*s, headers checked: %s\n",
                STR_ARG(member), STR_ARG(check), limited ? "on" : "off", curator ? "on" : "off",
                STR_ARG(row_text(rows, 0, 3)), row_bool(rows, 0, 4) ? "on" : "off");
}

static enum status work_source(struct operation *o, struct strbuf *out)
{
    struct str name = str_from(o->args.positional[0]), check, consents;
    const struct member *m = member_by_name(o->members, name);
    struct db_value limited, curator, headers;
    struct rows rows;

    if (m == NULL)
        return fail(o->args.err, NOT_FOUND, "member",
                    "no member is called '%.*s'; `causeway member list` shows them", STR_ARG(name));
    TRY(check_given(o, &check));
    TRY(switch_given(o, "limited", &limited));
    TRY(switch_given(o, "curator", &curator));
    TRY(consents_given(o, &consents));
    TRY(switch_given(o, "consent-headers", &headers));
    db_queue(o->db, &SET_SOURCE, &rows, DB_INT8(m->id), DB_TEXT(check), limited, curator,
             DB_TIME(o->now_us), DB_TEXT(operator_name(o->args.arena)), DB_TEXT(consents), headers);
    TRY(db_flush(o->db));
    audit_change(o, "member", name,
                 str_printf(o->args.arena, "codes %.*s, limited %s, curator %s, consents %.*s",
                            STR_ARG(row_text(&rows, 0, 0)), row_bool(&rows, 0, 1) ? "on" : "off",
                            row_bool(&rows, 0, 2) ? "on" : "off", STR_ARG(row_text(&rows, 0, 3))));
    print_source(out, o, name, &rows);
    return OK;
}

static const struct cli_option source_options[] = {
    {"codes", "strict|warn|off",
     "a code that the affinity domain does not use is refused, taken "
     "with a warning, or not looked for"},
    {"limited", "on|off", "it may submit with limited metadata (TF-3 4.1.3.1)"},
    {"curator", "on|off", "it may update and remove what other members published"},
    {"consents", "off|none|own|any",
     "for whom it may file consent documents (BPPC): nobody, patients whom it names by a "
     "sourcePatientId of its own (as at first), any patient; off: what it calls so are plain "
     "documents, of no effect"},
    {"consent-headers", "on|off",
     "the CDA header of a consent document must name the patient and the policies of its metadata "
     "(as at first)"},
    {NULL, NULL, NULL},
};

const struct operation_kind xds_source_kind = {
    .cli = {"causeway xds source MEMBER [--codes strict|warn|off] [--limited on|off] "
            "[--curator on|off] [--consents off|none|own|any] [--consent-headers on|off]",
            "Sets what a member's submissions may hold and what it may change; what is not named\n"
            "stays as it is. Shows how it stands. Holds from the next\n"
            "submission on.\n"
            "\n"
            "  causeway xds source st-mary --codes strict",
            source_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110100", 'U'},
    .endpoint = "causeway xds source",
    .work = work_source,
};

/* --- codes ------------------------------------------------------------------------------------ */

static void store_codes(struct operation *o, const struct xds_code_list *list)
{
    struct arena *a = o->args.arena;
    struct str *columns[4];

    for (int c = 0; c < 4; c++)
        columns[c] = ARENA_ARRAY(a, list->n, struct str);
    for (size_t i = 0; i < list->n; i++) {
        columns[0][i] = list->v[i].kind;
        columns[1][i] = list->v[i].scheme;
        columns[2][i] = list->v[i].code;
        columns[3][i] = list->v[i].display;
    }
    db_queue(o->db, &REMOVE_KINDS, NULL, DB_TEXTS(columns[0], list->n));
    db_queue(o->db, &INSERT_CODES, NULL, DB_TEXTS(columns[0], list->n),
             DB_TEXTS(columns[1], list->n), DB_TEXTS(columns[2], list->n),
             DB_TEXTS(columns[3], list->n), DB_TIME(o->now_us));
}

static enum status work_load(struct operation *o, struct strbuf *out)
{
    struct xds_code_list list;
    struct str xml, words;

    TRY(cli_read_file(&o->args, o->args.positional[0], FILE_MAX, &xml));
    TRY(xds_codes_read(o->args.arena, xml, &list, o->args.err));
    store_codes(o, &list);
    TRY(db_flush(o->db));
    words = str_printf(o->args.arena, "%zu codes loaded, %zu stood in the file twice", list.n,
                       list.repeated);
    audit_change(o, "codes", str_from(o->args.positional[0]), words);
    if (o->args.json) {
        strbuf_lit(out, "{");
        cli_json_int(out, "codes", (int64_t)list.n);
        cli_json_int(out, "repeated", (int64_t)list.repeated);
        strbuf_lit(out, "}\n");
    } else {
        strbuf_addf(out, "%.*s\n", STR_ARG(words));
    }
    return OK;
}

static void add_kind(struct operation *o, struct strbuf *out, struct cli_table *t,
                     const struct rows *rows, int row)
{
    struct arena *a = o->args.arena;
    struct str at = clock_iso(a, row_time(rows, row, 2));

    if (!o->args.json) {
        cli_table_row(t, row_text(rows, row, 0),
                      str_printf(a, "%lld", (long long)row_int(rows, row, 1)), at);
        return;
    }
    cli_json_comma(out);
    strbuf_lit(out, "{");
    cli_json_text(out, "kind", row_text(rows, row, 0));
    cli_json_int(out, "codes", row_int(rows, row, 1));
    cli_json_text(out, "loaded_at", at);
    strbuf_lit(out, "}");
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 3);
    struct rows rows;

    db_queue0(o->db, &COUNT_CODES, &rows);
    TRY(db_flush(o->db));
    if (o->args.json)
        strbuf_lit(out, "[");
    else
        cli_table_row(&t, STR("KIND"), STR("CODES"), STR("LOADED"));
    for (int row = 0; row < rows.count; row++)
        add_kind(o, out, &t, &rows, row);
    if (o->args.json)
        strbuf_lit(out, "]\n");
    else
        cli_table_write(&t, out);
    return OK;
}

static const struct operation_kind load = {
    .cli =
        {"causeway xds codes load FILE",
         "Loads the affinity domain's codes from a codes.xml: <Codes> of <CodeType name=...>\n"
         "of <Code code=... codingScheme=... display=.../>. What was loaded before of the kinds\n"
         "in the file goes; other kinds stay. A kind of which nothing is loaded is not checked.\n"
         "Codes are checked for the members of which `causeway xds source` says so.",
         NULL},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110100", 'U'},
    .endpoint = "causeway xds codes load",
    .work = work_load,
};

static const struct operation_kind list = {
    .cli = {"causeway xds codes list", "Shows how many codes of each kind are loaded.", NULL},
    .endpoint = "causeway xds codes list",
    .work = work_list,
};

static const struct cli_verb verbs[] = {
    {"load", "replace the codes of the kinds in a file", operation_run, &load},
    {"list", "how many of each kind there are", operation_run, &list},
    {NULL, NULL, NULL, NULL},
};

int xds_codes_run(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("xds codes", "The affinity domain's coded values.", verbs, argc, argv);
}
