#include <string.h>
#include <time.h>

#include "hub/command/audit/asked.h"
#include "hub/command/audit/look.h"
#include "hub/command/audit/report.h"
#include "hub/command/audit/verbs.h"
#include "hub/command/cli_print.h"

enum { YEARS = 6 }; /* 45 CFR 164.528(a)(1) */

static const struct statement RECIPIENT_SET = {
    "recipient_set",
    "INSERT INTO audit_recipient (member_id, name, address)"
    " VALUES ($1, $2, $3)"
    " ON CONFLICT (member_id)"
    " DO UPDATE SET name = excluded.name, address = excluded.address",
};
static const struct statement RECIPIENT_LIST = {
    "recipient_list",
    "SELECT member_id, name, address"
    " FROM audit_recipient"
    " ORDER BY name",
};

/* --- reports --------------------------------------------------------------------------------- */

static int64_t years_before(int64_t us, int years)
{
    time_t at = (time_t)(us / US_PER_SECOND);
    struct tm day;

    gmtime_r(&at, &day);
    day.tm_year -= years;
    return (int64_t)timegm(&day) * US_PER_SECOND;
}

static enum status form_given(struct operation *o, const struct report_form **form)
{
    const char *name = o->args.json ? "json" : cli_value(&o->args, "format");

    for (*form = report_forms; (*form)->name != NULL; ++*form)
        if (strcmp(name != NULL ? name : "text", (*form)->name) == 0)
            return OK;
    return fail(o->args.err, INVALID, "usage", "--format %s: text, json or html", name);
}

static enum status begin(struct operation *o, struct audit_filter *f, struct report *r)
{
    TRY(audit_asked(o, f));
    if (f->patient.n == 0)
        return fail(o->args.err, INVALID, "usage", "--patient is missing");
    *r = (struct report){.patient = f->patient,
                         .from_us = f->from_us,
                         .to_us = f->to_us,
                         .made_us = o->now_us,
                         .hide_names = cli_value(&o->args, "hide-names") != NULL};
    return OK;
}

static enum status work_access(struct operation *o, struct strbuf *out)
{
    const struct report_form *form;
    struct audit_filter f;
    struct audit_found found;
    struct report r;

    TRY(form_given(o, &form));
    TRY(begin(o, &f, &r));
    r.title = "Who saw your record";
    TRY(report_gather(o, &f, false, &r, &found));
    audit_look(o, STR("audit report access"), &f, &found);
    form->access(out, o->args.arena, &r);
    return OK;
}

static enum status work_disclosures(struct operation *o, struct strbuf *out)
{
    const struct report_form *form;
    struct audit_filter f;
    struct audit_found found;
    struct report r;

    TRY(form_given(o, &form));
    TRY(begin(o, &f, &r));
    r.title = "Accounting of disclosures";
    if (f.from_us == INT64_MIN)
        r.from_us = f.from_us = years_before(f.to_us < o->now_us ? f.to_us : o->now_us, YEARS);
    TRY(report_gather(o, &f, true, &r, &found));
    audit_look(o, STR("audit report disclosures"), &f, &found);
    form->disclosures(out, o->args.arena, &r);
    return OK;
}

/* --- recipients ------------------------------------------------------------------------------ */

static enum status work_set(struct operation *o, struct strbuf *out)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    const char *name = cli_value(&o->args, "name"), *address = cli_value(&o->args, "address");
    const struct member *m = member_by_name(o->members, str_from(o->args.positional[0]));

    if (m == NULL)
        return fail(o->args.err, NOT_FOUND, "usage",
                    "no member is called '%s'; `causeway member list` shows them",
                    o->args.positional[0]);
    if (name == NULL || address == NULL)
        return fail(o->args.err, INVALID, "usage", "give --name and --address");
    db_queue(o->db, &RECIPIENT_SET, NULL, DB_INT8(m->id), DB_TEXT(str_from(name)),
             DB_TEXT(str_from(address)));
    TRY(db_flush(o->db));
    audit_object_add(o->args.arena, row, "configuration", STR("audit recipient"), m->name);
    strbuf_addf(out, "Reports name %.*s as %s, %s.\n", STR_ARG(m->name), name, address);
    return OK;
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 3);
    struct rows r;

    db_queue0(o->db, &RECIPIENT_LIST, &r);
    TRY(db_flush(o->db));
    cli_table_row(&t, STR("MEMBER"), STR("NAME"), STR("ADDRESS"));
    for (int i = 0; i < r.count; i++) {
        const struct member *m = member_by_id(o->members, row_int(&r, i, 0));

        cli_table_row(&t, m != NULL ? m->name : STR("-"), row_text(&r, i, 1), row_text(&r, i, 2));
    }
    cli_table_write(&t, out);
    return OK;
}

/* --- help ------------------------------------------------------------------------------------ */

static const struct cli_option report_options[] = {
    {"patient", "CX|ID", "an identifier, 'ID^^^&OID&ISO', or the ID alone"},
    {"from", "T", "since then"},
    {"to", "T", "until just before then"},
    {"format", "WORD", "text (the default), json or html, a page to print"},
    {"hide-names", NULL, "organizations and roles, but no names of persons"},
    {NULL, NULL, NULL},
};
static const struct cli_option set_options[] = {
    {"name", "TEXT", "of the organization, as people know it"},
    {"address", "TEXT", "postal"},
    {NULL, NULL, NULL},
};

static const struct operation_kind access_kind = {
    .cli =
        {"causeway audit report access --patient CX [--from T] [--to T] [--format WORD] "
         "[--hide-names]",
         "Who saw what of a patient's record, when, why and from where, in words for the patient:\n"
         "refused attempts and emergency access included, and what was done under identifiers\n"
         "that were merged into the patient's. Newest first. Audited.\n"
         "\n"
         "  causeway audit report access --patient 'P-17^^^&1.2.3.4&ISO' --format html > p17.html",
         report_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit report access",
    .work = work_access,
};
static const struct operation_kind disclosures_kind = {
    .cli =
        {"causeway audit report disclosures --patient CX [--from T] [--to T] [--format WORD]",
         "The accounting of disclosures that 45 CFR 164.528 gives the patient: date, recipient\n"
         "and address, what, and the purpose, of the last six years unless --from says otherwise.\n"
         "Treatment, payment, operations, what went to the patient, and what the patient\n"
         "authorized are left out, by the purpose of use; one that is not known is listed.\n"
         "`causeway audit report recipient` registers addresses. Audited.",
         report_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit report disclosures",
    .work = work_disclosures,
};
static const struct operation_kind set_kind = {
    .cli = {"causeway audit report recipient MEMBER --name TEXT --address TEXT",
            "Says by which name and postal address reports call a member.", set_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway audit report recipient",
    .work = work_set,
};
static const struct operation_kind list_kind = {
    .cli = {"causeway audit report recipients", "Names and addresses of members in reports.", NULL},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit report recipients",
    .work = work_list,
};

const struct cli_verb audit_report_verbs[] = {
    {"access", "who saw what of a patient's record", operation_run, &access_kind},
    {"disclosures", "the accounting of 45 CFR 164.528", operation_run, &disclosures_kind},
    {"recipient", "name and address of a member", operation_run, &set_kind},
    {"recipients", "all of them", operation_run, &list_kind},
    {NULL, NULL, NULL, NULL},
};
