#include "hub/command/audit/asked.h"
#include "hub/command/audit/look.h"
#include "hub/command/audit/saved.h"
#include "hub/command/audit/show.h"
#include "hub/command/audit/verbs.h"

static enum status work(struct operation *o, struct strbuf *out)
{
    struct audit_filter filter;
    struct audit_found found;

    TRY(audit_saved_apply(o));
    TRY(audit_asked(o, &filter));
    TRY(audit_saved_keep(o));
    TRY(audit_search(o->db, o->args.arena, &filter, &found));
    audit_look(o, STR("audit search"), &filter, &found);
    (o->args.json ? audit_show_json : audit_show_table)(out, o->args.arena, &found);
    return OK;
}

static const struct cli_option options[] = {
    AUDIT_CONDITIONS(AUDIT_CONDITION_OPTION){"limit", "N",
                                             "rows at a time, up to 1000; default 50"},
    {"before", "TIME/ID", "go on where an earlier search stopped"},
    {"save", "NAME", "keep these conditions under a name"},
    {"saved", "NAME", "the conditions kept under that name; what is given here stands above them"},
    {NULL, NULL, NULL},
};

const struct operation_kind audit_search_kind = {
    .cli =
        {"causeway audit search " AUDIT_CONDITION_USAGE
         " [--limit N] [--before TIME/ID] [--save NAME | --saved NAME]",
         "Shows who saw or did what, newest first. All conditions must hold. A patient is found\n"
         "by any identifier that messages used, and what was done under another identifier of\n"
         "the same person is shown too. A search by none of patient, user, document and request\n"
         "reads the last 30 days, or since --from. With --json each line is one record; to go\n"
         "on, give --before the last line's at/id. This search itself is written to the audit\n"
         "log.\n"
         "\n"
         "  causeway audit search --patient 'P-17^^^&1.2.3.4&ISO' --from 2026-11-01\n"
         "  causeway audit search --outcome failure --member st-mary --save st-mary-refusals\n"
         "  causeway audit search --saved st-mary-refusals --from 2026-11-20\n"
         "  causeway audit search --request 0192f3a1-7c1e-7b52-9d0a-5f0c8e1b2a34 --json",
         options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit search",
    .work = work,
};
