#include "hub/command/audit/asked.h"
#include "hub/command/audit/look.h"
#include "hub/command/audit/show.h"
#include "hub/command/audit/verbs.h"

static enum status work(struct operation *o, struct strbuf *out)
{
    struct audit_filter filter;
    struct audit_found found;

    TRY(audit_asked(o, &filter));
    TRY(audit_search(o->db, o->args.arena, &filter, &found));
    audit_look(o, STR("audit search"), &filter, &found);
    (o->args.json ? audit_show_json : audit_show_table)(out, o->args.arena, &found);
    return OK;
}

static const struct cli_option options[] = {
    {"patient", "CX|ID", "an identifier, 'ID^^^&OID&ISO', or the ID alone"},
    {"member", "NAME", "what this member did"},
    {"from", "T", "since then (2026-11-22 or 2026-11-22T15:04:05Z)"},
    {"to", "T", "until just before then"},
    {"transaction", "NAME", "ITI-18, ITI-41, ..., CONFIG for an operator's change, START, STOP"},
    {"request", "ID", "the id that an error or a log line shows"},
    {"limit", "N", "rows at a time, up to 1000; default 50"},
    {"before", "TIME/ID", "go on where an earlier search stopped"},
    {NULL, NULL, NULL},
};

const struct operation_kind audit_search_kind = {
    .cli =
        {"causeway audit search [--patient CX|ID] [--member NAME] [--from T] [--to T] "
         "[--transaction NAME] [--request ID] [--limit N] [--before TIME/ID]",
         "Shows who saw or did what, newest first. All conditions must hold. A patient is found\n"
         "by any identifier that messages used, and what was done under another identifier of\n"
         "the same person is shown too. With --json each line is one record; to go on, give\n"
         "--before the last line's at/id. This search itself is written to the audit log.\n"
         "\n"
         "  causeway audit search --patient 'P-17^^^&1.2.3.4&ISO' --from 2026-11-01\n"
         "  causeway audit search --request 0192f3a1-7c1e-7b52-9d0a-5f0c8e1b2a34 --json",
         options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit search",
    .work = work,
};
