#include "consent/agreement_command.h"

#include "consent/consent_command.h"
#include "consent/domain_store.h"
#include "consent/purpose.h"
#include "hub/base/json_text.h"
#include "hub/command/cli_print.h"
#include "hub/command/operation.h"

enum { MANY = 200 };

/* --- what is given --------------------------------------------------------------------------- */

static enum status given_parties(struct operation *o, struct consent_agreement *g)
{
    const char *names[MANY];
    size_t n = cli_values(&o->args, "party", names, MANY);
    int64_t *parties = ARENA_ARRAY(o->args.arena, MANY, int64_t);

    bool all = cli_value(&o->args, "all") != NULL;

    if (all ? n >= MANY : n < 2 || n > MANY)
        return fail(o->args.err, INVALID, "usage",
                    "say --all, or two --party NAME at least and %d at most; --all and --party "
                    "join the region and a community",
                    MANY);
    if (all && n > 0)
        parties[g->party_count++] = CONSENT_REGION;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = member_by_name(o->members, str_from(names[i]));

        if (m == NULL)
            return fail(o->args.err, NOT_FOUND, "party",
                        "no member is called '%s'; `causeway member list` shows them", names[i]);
        parties[g->party_count++] = m->id;
    }
    g->parties = parties;
    return OK;
}

static const struct coded *given_codes(struct operation *o, const char *option, size_t *count)
{
    const char *texts[MANY];
    size_t n = cli_values(&o->args, option, texts, MANY);
    struct coded *codes = ARENA_ARRAY(o->args.arena, MANY, struct coded);

    *count = n < MANY ? n : MANY;
    for (size_t i = 0; i < *count; i++)
        codes[i] = consent_code_parse(str_from(texts[i]));
    return codes;
}

static enum status given(struct operation *o, struct consent_agreement *g)
{
    *g = (struct consent_agreement){
        .name = str_from(o->args.positional[0]),
        .valid_from_us = INT64_MIN,
        .valid_until_us = INT64_MAX,
    };
    if (g->name.n == 0 || g->name.n > 64)
        return fail(o->args.err, INVALID, "usage", "a name has 1 to 64 bytes");
    TRY(given_parties(o, g));
    TRY(consent_given_time(o, "from", &g->valid_from_us));
    TRY(consent_given_time(o, "until", &g->valid_until_us));
    if (g->valid_from_us >= g->valid_until_us)
        return fail(o->args.err, INVALID, "usage", "--from must be before --until");
    g->purposes = given_codes(o, "purpose", &g->purpose_count);
    g->classes = given_codes(o, "class", &g->class_count);
    return OK;
}

/* --- how it is shown ------------------------------------------------------------------------- */

enum { NAME, PARTIES, PURPOSES, CLASSES, FROM, UNTIL, DOCUMENT, ID, VERSION, SINCE, BY };

static struct str joined(struct arena *a, const struct str *texts, size_t n, const char *none)
{
    struct strbuf b = strbuf_on(a, 64);

    for (size_t i = 0; i < n; i++) {
        strbuf_add(&b, i > 0 ? STR(", ") : STR(""));
        strbuf_add(&b, texts[i]);
    }
    return n > 0 ? strbuf_str(&b) : str_from(none);
}

static size_t party_names(struct operation *o, const struct rows *rows, int row, struct str **out)
{
    int64_t *parties;
    size_t n = row_ints(o->args.arena, rows, row, PARTIES, &parties);

    *out = ARENA_ARRAY(o->args.arena, n, struct str);
    for (size_t i = 0; i < n; i++) {
        const struct member *m = member_by_id(o->members, parties[i]);

        (*out)[i] = parties[i] == CONSENT_REGION ? STR("every member")
                    : m != NULL                  ? m->name
                                : str_printf(o->args.arena, "%lld", (long long)parties[i]);
    }
    return n;
}

static struct str time_text(struct operation *o, const struct rows *rows, int row, int column)
{
    return row_null(rows, row, column) ? STR_NONE
                                       : clock_iso(o->args.arena, row_time(rows, row, column));
}

static void json_texts(struct strbuf *out, const char *key, const struct str *texts, size_t n)
{
    cli_json_key(out, key);
    strbuf_lit(out, "[");
    for (size_t i = 0; i < n; i++) {
        cli_json_comma(out);
        json_text_add(out, texts[i]);
    }
    strbuf_lit(out, "]");
}

static void json_row(struct operation *o, const struct rows *rows, int row, struct strbuf *out)
{
    struct str *names, *purposes, *classes;
    size_t n = party_names(o, rows, row, &names);

    cli_json_text(out, "name", row_text(rows, row, NAME));
    json_texts(out, "parties", names, n);
    n = row_texts(o->args.arena, rows, row, PURPOSES, &purposes);
    json_texts(out, "purposes", purposes, n);
    n = row_texts(o->args.arena, rows, row, CLASSES, &classes);
    json_texts(out, "classes", classes, n);
    cli_json_text(out, "from", time_text(o, rows, row, FROM));
    cli_json_text(out, "until", time_text(o, rows, row, UNTIL));
    cli_json_text(out, "document", row_text(rows, row, DOCUMENT));
    cli_json_text(out, "agreement", uuid_text(o->args.arena, row_uuid(rows, row, ID)));
    cli_json_int(out, "version", row_int(rows, row, VERSION));
    cli_json_text(out, "recorded_at", time_text(o, rows, row, SINCE));
    cli_json_text(out, "recorded_by", row_text(rows, row, BY));
}

static void table_row(struct operation *o, const struct rows *rows, int row, struct cli_table *t)
{
    struct str *names, *purposes, *classes, until = time_text(o, rows, row, UNTIL);
    size_t n = party_names(o, rows, row, &names);
    size_t p = row_texts(o->args.arena, rows, row, PURPOSES, &purposes);
    size_t c = row_texts(o->args.arena, rows, row, CLASSES, &classes);

    cli_table_row(t, row_text(rows, row, NAME), joined(o->args.arena, names, n, "every member"),
                  joined(o->args.arena, purposes, p, "any"),
                  joined(o->args.arena, classes, c, "any"), until.p != NULL ? until : STR("-"));
}

static enum status print_list(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 5);
    struct rows rows;

    consent_domain_agreements(o->db, &rows);
    TRY(db_flush(o->db));
    cli_table_row(&t, STR("AGREEMENT"), STR("BETWEEN"), STR("PURPOSES"), STR("CLASSES"),
                  STR("UNTIL"));
    if (o->args.json)
        strbuf_lit(out, "{\"agreements\":[");
    for (int row = 0; row < rows.count; row++) {
        if (!o->args.json) {
            table_row(o, &rows, row, &t);
            continue;
        }
        cli_json_comma(out);
        strbuf_lit(out, "{");
        json_row(o, &rows, row, out);
        strbuf_lit(out, "}");
    }
    if (o->args.json)
        strbuf_lit(out, "]}\n");
    else if (rows.count > 0)
        cli_table_write(&t, out);
    else
        strbuf_lit(out, "no agreement is in force: nothing flows between members\n");
    return OK;
}

/* --- the sub-commands ------------------------------------------------------------------------ */

static void audit(struct operation *o, const char *what)
{
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "agreement",
                     o->args.positional_count > 0 ? str_from(o->args.positional[0]) : STR(""),
                     str_from(what));
}

static enum status work_add(struct operation *o, struct strbuf *out)
{
    struct domain_change change = {o->now_us, operator_name(o->args.arena)};
    const char *document = cli_value(&o->args, "document");
    struct consent_agreement g;

    TRY(given(o, &g));
    consent_domain_agree(o->db, o->args.arena, &change, &g, str_from(document ? document : ""));
    audit(o, "recorded");
    return print_list(o, out);
}

static enum status work_end(struct operation *o, struct strbuf *out)
{
    struct domain_change change = {o->now_us, operator_name(o->args.arena)};
    struct rows ended;

    consent_domain_agreement_end(o->db, &change, str_from(o->args.positional[0]), &ended);
    TRY(db_flush(o->db));
    if (ended.count == 0)
        return fail(o->args.err, NOT_FOUND, "agreement",
                    "no agreement is called '%s'; `causeway member agreement list` shows them",
                    o->args.positional[0]);
    audit(o, "ended");
    return print_list(o, out);
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    audit(o, "listed");
    return print_list(o, out);
}

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};
static const struct cli_option add_options[] = {
    {"all", NULL, "between all members of the region; communities only those that --party names"},
    {"party", "NAME", "a member, or a community; two at least without --all"},
    {"purpose", "CODE[^^OID]", "for this purpose of use only; may be repeated"},
    {"class", "CODE[^^OID]", "for documents of this class only; may be repeated"},
    {"from", "T", "applies from this instant (2026-11-22 or 2026-11-22T15:04:05Z)"},
    {"until", "T", "applies until just before this instant"},
    {"document", "TEXT", "where the signed agreement is kept"},
    {NULL, NULL, NULL},
};

#define KIND(act, name, few)                                                                       \
    .least = (few), .most = (few), .transaction = "CONFIG", .audit = {"110113", act},              \
    .endpoint = (name)

static const struct operation_kind add = {
    .cli = {"causeway member agreement add NAME [--all] [--party NAME]...",
            "Records what may flow between members, both ways. Without an agreement that joins\n"
            "them, for its purpose, a member sees nothing that another one published, whatever\n"
            "patients permit. An agreement of the same name is replaced. It holds from the next\n"
            "request on.\n"
            "\n"
            "  causeway member agreement add region --all\n"
            "  causeway member agreement add aurora --all --party aurora-hub\n"
            "  causeway member agreement add research --party lakeside --party university \\\n"
            "      --purpose HRESCH --until 2028-01-01 --document 'cabinet 4, 2026/17'",
            add_options},
    KIND('C', "causeway member agreement add", 1),
    .work = work_add,
};
static const struct operation_kind list = {
    .cli = {"causeway member agreement list", "Lists the agreements in force.", no_options},
    KIND('R', "causeway member agreement list", 0),
    .work = work_list,
};
static const struct operation_kind end = {
    .cli = {"causeway member agreement end NAME",
            "Ends an agreement: what it alone allowed flows no more, from the next request on.",
            no_options},
    KIND('D', "causeway member agreement end", 1),
    .work = work_end,
};

const struct cli_verb agreement_verbs[] = {
    {"add", "what may flow between members", operation_run, &add},
    {"list", "the agreements in force", operation_run, &list},
    {"end", "end one", operation_run, &end},
    {NULL, NULL, NULL, NULL},
};
