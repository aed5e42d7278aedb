#include "consent/report_command.h"

#include "consent/explain.h"
#include "hub/base/clock.h"
#include "hub/command/cli_print.h"
#include "hub/command/operation.h"

/* across places: the report is about what a member was denied, of whichever patient. */
static const struct statement DENIALS = {
    "consent_report_denials",
    "SELECT s.member_id, s.purpose, d.rule, count(*), sum(d.objects)::bigint,\n"
    "       count(DISTINCT (s.pkey, s.person_id))\n"
    "  FROM audit_search AS s,\n"
    "       unnest(s.denied_by, s.denied) AS d (rule, objects)\n"
    " WHERE s.at >= $1\n"
    "   AND s.at < $2\n"
    "   AND s.denied_by IS NOT NULL\n"
    " GROUP BY s.member_id, s.purpose, d.rule\n"
    " ORDER BY s.member_id, s.purpose, d.rule",
};
enum { MEMBER, PURPOSE, RULE, REQUESTS, OBJECTS, PATIENTS };

enum { WEEK_DAYS = 7 };

struct denials {
    struct str member, purpose, rule, reason;
    int64_t requests, objects, patients;
};

static struct denials denials_row(const struct operation *o, const struct rows *rows, int i)
{
    const struct member *m = member_by_id(o->members, row_int(rows, i, MEMBER));
    struct str rule = row_text(rows, i, RULE);

    return (struct denials){
        .member = m != NULL ? m->name : STR("-"),
        .purpose = row_null(rows, i, PURPOSE) ? STR("-") : row_text(rows, i, PURPOSE),
        .rule = rule,
        .reason = str_from(consent_reason_class(str_c(o->args.arena, rule))),
        .requests = row_int(rows, i, REQUESTS),
        .objects = row_int(rows, i, OBJECTS),
        .patients = row_int(rows, i, PATIENTS),
    };
}

static void json_row(const struct denials *d, struct strbuf *out)
{
    cli_json_comma(out);
    strbuf_lit(out, "{");
    cli_json_text(out, "member", d->member);
    cli_json_text(out, "purpose", d->purpose);
    cli_json_text(out, "rule", d->rule);
    cli_json_text(out, "reason_class", d->reason);
    cli_json_int(out, "requests", d->requests);
    cli_json_int(out, "objects", d->objects);
    cli_json_int(out, "patients", d->patients);
    strbuf_lit(out, "}");
}

static void print_denials(const struct operation *o, const struct rows *rows, struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct cli_table t = cli_table_on(a, 7);

    cli_table_row(&t, STR("MEMBER"), STR("PURPOSE"), STR("RULE"), STR("REQUESTS"), STR("OBJECTS"),
                  STR("PATIENTS"), STR("45 CFR"));
    for (int i = 0; i < rows->count; i++) {
        struct denials d = denials_row(o, rows, i);

        if (o->args.json)
            json_row(&d, out);
        else
            cli_table_row(&t, d.member, d.purpose, d.rule,
                          str_printf(a, "%lld", (long long)d.requests),
                          str_printf(a, "%lld", (long long)d.objects),
                          str_printf(a, "%lld", (long long)d.patients), d.reason);
    }
    if (o->args.json)
        return;
    if (rows->count > 0)
        cli_table_write(&t, out);
    else
        strbuf_lit(out, "consent denied nothing in this time\n");
}

static enum status given_time(struct operation *o, const char *option, int64_t *us)
{
    const char *text = cli_value(&o->args, option);

    if (text == NULL || clock_parse_iso(str_from(text), us))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--%s %s: not a time; write 2026-11-22 or 2026-11-22T15:04:05Z", option, text);
}

static enum status work_denials(struct operation *o, struct strbuf *out)
{
    int64_t since_us = o->now_us - WEEK_DAYS * US_PER_DAY;
    int64_t until_us = INT64_MAX;
    struct rows rows;

    TRY(given_time(o, "since", &since_us));
    TRY(given_time(o, "until", &until_us));
    db_queue(o->db, &DENIALS, &rows, DB_TIME(since_us), DB_TIME(until_us));
    TRY(db_flush(o->db));
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "report",
                     STR("consent report denials"),
                     str_printf(o->args.arena, "since %.*s",
                                STR_ARG(clock_iso(o->args.arena, since_us))));
    if (o->args.json)
        strbuf_lit(out, "[");
    print_denials(o, &rows, out);
    if (o->args.json)
        strbuf_lit(out, "]\n");
    return OK;
}

static const struct cli_option denials_options[] = {
    {"since", "T", "from this instant (2026-11-22 or 2026-11-22T15:04:05Z); else the last 7 days"},
    {"until", "T", "until just before this instant"},
    {NULL, NULL, NULL},
};

static const struct operation_kind denials = {
    .cli = {"causeway consent report denials [--since T] [--until T]",
            "Counts what consent denied, by member, purpose of use and the rule that denied, with\n"
            "its class of 45 CFR 171: requests that something was kept from, objects (documents,\n"
            "folders, identifiers) and patients. Denying too much is a violation as well: a\n"
            "member that suddenly has many, or many by a default or for want of an agreement,\n"
            "is worth a look. `causeway consent decide --explain` says why in one case, and\n"
            "`causeway audit search --json` shows each record's decisions.\n"
            "\n"
            "  causeway consent report denials --since 2026-11-01",
            denials_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway consent report denials",
    .work = work_denials,
};

static const struct cli_verb verbs[] = {
    {"denials", "what was denied, by member, purpose and reason", operation_run, &denials},
    {NULL, NULL, NULL, NULL},
};

int consent_report_run(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("consent report", "What consent denied, and why.", verbs, argc, argv);
}
