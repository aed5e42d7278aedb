#include "mpi/steward_command.h"

#include "hub/command/cli_print.h"
#include "mpi/named.h"

static struct mpi_word word_of(const struct operation *o)
{
    const char *why = cli_value(&o->args, "why");

    return (struct mpi_word){.by = operator_name(o->args.arena),
                             .why = why != NULL ? str_from(why) : STR("")};
}

static void note(struct operation *o, const char *what, struct str id)
{
    for (struct audit_row *row = o->audit.first; row != NULL; row = row->next)
        audit_object_add(o->args.arena, row, what, id, STR_NONE);
}

/* What was done, and how to take it back. */
static void print_done(struct operation *o, const struct mpi_stewarded *m, struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct str log = uuid_text(a, m->log);

    if (o->args.json) {
        strbuf_addc(out, '{');
        cli_json_text(out, "merge", log);
        cli_json_text(out, "to", mpi_person_name(a, m->to));
        cli_json_text(out, "from", mpi_person_name(a, m->from));
        cli_json_int(out, "records", (int64_t)m->moved);
        cli_json_bool(out, "emptied", m->emptied);
        strbuf_lit(out, "}\n");
        return;
    }
    strbuf_addf(out, "%zu records (anchors included) went from %.*s to %.*s%s.\n", m->moved,
                STR_ARG(mpi_person_name(a, m->from)), STR_ARG(mpi_person_name(a, m->to)),
                m->emptied ? ", which it is part of now" : "");
    strbuf_addf(out, "To take it back: causeway mpi unmerge %.*s\n", STR_ARG(log));
}

static enum status work_link(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_word word = word_of(o);
    struct mpi_stewarded m;
    struct person_ref person;
    struct place record;

    TRY(mpi_named_record(o, rq, o->args.positional[0], &record));
    TRY(mpi_named_person(o, rq, o->args.positional[1], &person));
    TRY(mpi_steward_link(rq, &word, record, person, &m));
    note(o, "link", uuid_text(o->args.arena, m.log));
    print_done(o, &m, out);
    return OK;
}

static enum status work_unlink(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_word word = word_of(o);
    struct mpi_stewarded m;
    struct place record;

    TRY(mpi_named_record(o, rq, o->args.positional[0], &record));
    TRY(mpi_steward_unlink(rq, &word, record, &m));
    note(o, "unlink", uuid_text(o->args.arena, m.log));
    print_done(o, &m, out);
    return OK;
}

static enum status work_merge(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_word word = word_of(o);
    struct mpi_stewarded m;
    struct person_ref surviving, subsumed;

    TRY(mpi_named_person(o, rq, o->args.positional[0], &surviving));
    TRY(mpi_named_person(o, rq, o->args.positional[1], &subsumed));
    TRY(mpi_steward_merge(rq, &word, surviving, subsumed, &m));
    note(o, "merge", uuid_text(o->args.arena, m.log));
    print_done(o, &m, out);
    return OK;
}

static enum status work_unmerge(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_word word = word_of(o);
    struct mpi_stewarded m;
    struct audit_row *row;
    struct uuid id;

    if (!uuid_parse(str_from(o->args.positional[0]), &id))
        return fail(o->args.err, INVALID, "usage",
                    "'%s' is not the id of a merge, link or unlink, as these print it and"
                    " `causeway mpi person` lists it",
                    o->args.positional[0]);
    TRY(mpi_undo(rq, &word, id, &m));
    for (int side = 0; side < 2; side++) {
        struct person_ref person = side == 0 ? m.to : m.from;

        row = audit_add(o->args.arena, &o->audit);
        row->patient = mpi_person_name(o->args.arena, person);
        row->pkey = person.pkey;
        row->person_id = person.person_id;
    }
    note(o, "unmerge", uuid_text(o->args.arena, id));
    if (o->args.json)
        print_done(o, &m, out);
    else
        strbuf_addf(out, "Taken back: %zu records went from %.*s to %.*s.\n", m.moved,
                    STR_ARG(mpi_person_name(o->args.arena, m.from)),
                    STR_ARG(mpi_person_name(o->args.arena, m.to)));
    return OK;
}

static enum status work_no_link(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_word word = word_of(o);
    bool ends = cli_value(&o->args, "end") != NULL;
    struct place one, other;

    TRY(mpi_named_record(o, rq, o->args.positional[0], &one));
    TRY(mpi_named_record(o, rq, o->args.positional[1], &other));
    TRY(ends ? mpi_keep_apart_end(rq, one, other) : mpi_keep_apart(rq, &word, one, other));
    note(o, ends ? "no-link-end" : "no-link", mpi_record_name(o->args.arena, other));
    if (o->args.json)
        strbuf_addf(out, "{\"apart\":%s}\n", ends ? "false" : "true");
    else
        strbuf_addf(out, "%.*s and %.*s %s.\n", STR_ARG(mpi_record_name(o->args.arena, one)),
                    STR_ARG(mpi_record_name(o->args.arena, other)),
                    ends ? "may be linked again" : "are kept apart for good");
    return OK;
}

static const struct cli_option why_options[] = {
    {"why", "TEXT", "the reason, for the record"},
    {NULL, NULL, NULL},
};
static const struct cli_option no_link_options[] = {
    {"why", "TEXT", "the reason, for the record"},
    {"end", NULL, "take it back: the two may be linked again"},
    {NULL, NULL, NULL},
};

#define STEWARD_KIND(words, name)                                                                  \
    .least = (words), .most = (words), .transaction = "PATIENT", .audit = {"110110", 'U'},         \
    .endpoint = (name)

#define NAMES                                                                                      \
    "A person is P12.34, an XAD-PID or an identifier as 'ID^^^&OID&ISO'; a record is R12.35 or "   \
    "an\n"                                                                                         \
    "identifier.\n"

const struct operation_kind mpi_kind_link = {
    .cli = {"causeway mpi link RECORD PERSON [--why TEXT]",
            "Says that the record belongs to this person, whatever the algorithm thinks: it stays\n"
            "there for good. A person left without a record becomes part of that one.\n" NAMES "\n"
            "  causeway mpi link 'M-17^^^&1.2.3.4&ISO' P12.34\n"
            "\n"
            "With --input FILE it links files instead: causeway mpi link --input --help",
            why_options},
    STEWARD_KIND(2, "causeway mpi link"),
    .work = work_link,
};
const struct operation_kind mpi_kind_unlink = {
    .cli = {"causeway mpi unlink RECORD [--why TEXT]",
            "Says that the record does not belong to the person that it is linked to. It becomes\n"
            "the person again that it was before it was merged, with its XAD-PID, else a new one,\n"
            "and is kept apart from the records that stay.\n" NAMES,
            why_options},
    STEWARD_KIND(1, "causeway mpi unlink"),
    .work = work_unlink,
};
const struct operation_kind mpi_kind_merge = {
    .cli = {"causeway mpi merge SURVIVING SUBSUMED [--why TEXT]",
            "Says that two persons are one: all records of the second go over to the first. The\n"
            "XAD-PID of the second has no content from then on.\n" NAMES,
            why_options},
    STEWARD_KIND(2, "causeway mpi merge"),
    .work = work_merge,
};
const struct operation_kind mpi_kind_unmerge = {
    .cli = {"causeway mpi unmerge ID",
            "Takes back a merge, link or unlink, exactly: by a steward, by a message (ADT^A40) or\n"
            "by the algorithm. Records, identifiers and XAD-PIDs are as they were; what joined\n"
            "since stays. The ids are printed by `causeway mpi person`.",
            (const struct cli_option[]){{NULL, NULL, NULL}}},
    STEWARD_KIND(1, "causeway mpi unmerge"),
    .work = work_unmerge,
};
const struct operation_kind mpi_kind_no_link = {
    .cli = {"causeway mpi no-link RECORD RECORD [--why TEXT] [--end]",
            "Says that two records are never of one person. Nothing links them from then on, no\n"
            "feed and no steward, until --end takes it back.\n" NAMES,
            no_link_options},
    STEWARD_KIND(2, "causeway mpi no-link"),
    .work = work_no_link,
};
