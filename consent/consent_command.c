#include "consent/consent_command.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "consent/consent_print.h"
#include "consent/consent_store.h"
#include "hub/base/clock.h"
#include "hub/cli.h"
#include "hub/hub.h"

static enum status (*resolver)(struct request *rq, struct identifier id, struct person *out);

void consent_set_resolver(enum status (*resolve)(struct request *rq, struct identifier id,
                                                 struct person *out))
{
    resolver = resolve;
}

/* A run of one sub-command: a request of the operator's, in one transaction. */
struct run {
    struct cli_args args;
    struct config config;
    struct request rq;
    struct member_directory *members;
    struct str operator;
    struct person person; /* of --patient */
    struct audit_row *audit;
};

/* What a sub-command is: its help, what it audits, and the work between BEGIN and COMMIT. */
struct verb {
    const char *name;
    struct cli cli;
    struct audit_kind audit;
    bool patient; /* --patient is required, and resolved before work */
    /* Prints nothing before it succeeds; sets *exit_status (0 is preset). */
    enum status (*work)(struct run *r, struct str *output, int *exit_status);
};

static struct str operator_name(struct arena *a)
{
    const struct passwd *pw = getpwuid(getuid());

    return pw != NULL ? str_dup(a, str_from(pw->pw_name)) : str_printf(a, "uid %u", getuid());
}

static enum status given_time(struct run *r, const char *option, int64_t *us)
{
    const char *text = cli_value(&r->args, option);

    if (text == NULL || clock_parse_iso(str_from(text), us))
        return OK;
    return fail(r->args.err, INVALID, "usage",
                "--%s %s: not a time; write 2026-11-22 or 2026-11-22T15:04:05Z", option, text);
}

static enum status given_member(struct run *r, const char *option, const struct member **member)
{
    const char *name = cli_value(&r->args, option);

    *member = NULL;
    if (name == NULL)
        return OK;
    *member = member_by_name(r->members, str_from(name));
    if (*member != NULL)
        return OK;
    return fail(r->args.err, NOT_FOUND, "usage",
                "no member is called '%s'; `causeway member list` shows them", name);
}

static enum status given_patient(struct run *r)
{
    const char *cx = cli_value(&r->args, "patient");
    struct identifier id;

    if (cx == NULL)
        return fail(r->args.err, INVALID, "usage", "--patient is required");
    if (!identifier_parse_cx(str_from(cx), &id))
        return fail(r->args.err, INVALID, "usage",
                    "--patient '%s': write an identifier as 'ID^^^&OID&ISO', in quotes", cx);
    TRY(resolver(&r->rq, id, &r->person));
    r->audit->patient = identifier_cx(r->args.arena, id);
    r->audit->pkey = r->person.ref.pkey;
    r->audit->person_id = r->person.ref.person_id;
    return OK;
}

static struct consent_change change_of(const struct run *r)
{
    return (struct consent_change){.persons = r->person.constituents,
                                   .count = r->person.constituent_count,
                                   .at_us = r->rq.now_us,
                                   .by = r->operator};
}

static struct consent_view view_of(const struct run *r)
{
    return (struct consent_view){.arena = r->args.arena,
                                 .json = r->args.json,
                                 .members = r->members,
                                 .person = &r->person,
                                 .xad_authority = str_from(r->config.xad_authority)};
}

static enum status policies_of_patient(struct run *r, int64_t as_of_us,
                                       struct consent_policies *out)
{
    consent_store_queue(r->rq.db, r->args.arena, r->person.constituents,
                        r->person.constituent_count, as_of_us, out);
    TRY(db_flush(r->rq.db));
    consent_store_read(r->args.arena, out);
    return OK;
}

static enum status work_default(struct run *r, struct str *output, int *exit_status)
{
    struct consent_policies now;
    const char *wanted = r->args.positional_count > 0 ? r->args.positional[0] : NULL;
    struct consent_view view = view_of(r);

    (void)exit_status;
    if (wanted != NULL && strcmp(wanted, "opt-in") != 0 && strcmp(wanted, "opt-out") != 0)
        return fail(r->args.err, INVALID, "usage", "'%s': say opt-in or opt-out", wanted);
    if (wanted != NULL) {
        consent_store_default(r->rq.db,
                              strcmp(wanted, "opt-out") == 0 ? CONSENT_PERMIT : CONSENT_DENY,
                              r->rq.now_us, r->operator);
        audit_object_add(r->args.arena, r->audit, "domain_default", str_from(wanted), STR_NONE);
    }
    TRY(policies_of_patient(r, 0, &now));
    *output = consent_print_default(&view, &now.standard);
    return OK;
}

static enum status set_read(struct run *r, struct consent_policy *p)
{
    bool permit = cli_value(&r->args, "permit") != NULL;
    const struct member *member;

    if (permit == (cli_value(&r->args, "deny") != NULL))
        return fail(r->args.err, INVALID, "usage", "say one of --permit and --deny");
    TRY(given_member(r, "member", &member));
    *p = (struct consent_policy){.person = r->person.ref,
                                 .id = uuid_v7(),
                                 .version = 1,
                                 .effect = permit ? CONSENT_PERMIT : CONSENT_DENY,
                                 .member_id = member != NULL ? member->id : 0,
                                 .valid_from_us = INT64_MIN,
                                 .valid_until_us = INT64_MAX};
    TRY(given_time(r, "from", &p->valid_from_us));
    TRY(given_time(r, "until", &p->valid_until_us));
    if (p->valid_from_us >= p->valid_until_us)
        return fail(r->args.err, INVALID, "usage", "--from must be before --until");
    return OK;
}

/* The statement concerns the person as the index knows him now, so it is kept for each
 * constituent: after an unmerge each has it, and a steward can revoke it for the wrong one. */
static enum status work_set(struct run *r, struct str *output, int *exit_status)
{
    struct consent_change change = change_of(r);
    struct consent_view view = view_of(r);
    struct consent_policies now;
    struct consent_policy p;

    (void)exit_status;
    TRY(set_read(r, &p));
    consent_store_add(r->rq.db, &change, &p);
    TRY(policies_of_patient(r, 0, &now));
    audit_object_add(r->args.arena, r->audit, "consent", uuid_text(r->args.arena, p.id),
                     p.effect == CONSENT_PERMIT ? STR("permit") : STR("deny"));
    *output = consent_print_set(&view, &p, &now);
    return OK;
}

static enum status work_show(struct run *r, struct str *output, int *exit_status)
{
    struct consent_view view = view_of(r);
    struct consent_policies now;

    (void)exit_status;
    TRY(policies_of_patient(r, 0, &now));
    *output = consent_print_policies(&view, &now);
    return OK;
}

static enum status work_history(struct run *r, struct str *output, int *exit_status)
{
    struct consent_view view = view_of(r);
    struct rows rows;

    (void)exit_status;
    consent_store_history(r->rq.db, r->args.arena, r->person.constituents,
                          r->person.constituent_count, &rows);
    TRY(db_flush(r->rq.db));
    *output = consent_print_history(&view, &rows);
    return OK;
}

static enum status work_revoke(struct run *r, struct str *output, int *exit_status)
{
    const char *text = cli_value(&r->args, "policy");
    struct consent_change change = change_of(r);
    struct consent_view view = view_of(r);
    struct consent_policies now;
    struct uuid policy;
    struct rows ended;

    (void)exit_status;
    if (text == NULL || !uuid_parse(str_from(text), &policy))
        return fail(r->args.err, INVALID, "usage",
                    "--policy takes the policy's id, as `causeway consent show` prints it");
    consent_store_end(r->rq.db, r->args.arena, &change, policy, &ended);
    TRY(policies_of_patient(r, 0, &now));
    if (ended.count == 0)
        return fail(r->args.err, NOT_FOUND, "consent",
                    "this patient has no policy %s in force; nothing was changed", text);
    audit_object_add(r->args.arena, r->audit, "consent", str_from(text), STR("revoked"));
    *output = consent_print_policies(&view, &now);
    return OK;
}

static enum status work_decide(struct run *r, struct str *output, int *exit_status)
{
    const struct member *member, *source;
    struct consent_view view = view_of(r);
    struct consent_decision d;
    struct consent_policies then;
    int64_t as_of = 0;

    TRY(given_member(r, "member", &member));
    TRY(given_member(r, "source", &source));
    TRY(given_time(r, "as-of", &as_of));
    if (member == NULL)
        return fail(r->args.err, INVALID, "usage", "--member is required: who would see it?");
    TRY(policies_of_patient(r, as_of, &then));
    d = consent_decide(&(struct principal){.member = member},
                       &(struct consent_object){.person = &r->person,
                                                .source_member = source ? source->id : 0},
                       as_of != 0 ? as_of : r->rq.now_us, &then);
    *exit_status = d.effect == CONSENT_PERMIT ? 0 : 1;
    *output = consent_print_decision(&view, member, &d);
    return OK;
}

#define PATIENT                                                                                    \
    {                                                                                              \
        "patient", "CX", "the patient: any identifier that the hub knows, 'ID^^^&OID&ISO'"         \
    }

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};
static const struct cli_option patient_options[] = {PATIENT, {NULL, NULL, NULL}};
static const struct cli_option set_options[] = {
    PATIENT,
    {"permit", NULL, "permit what the domain default would deny"},
    {"deny", NULL, "deny; nothing permits what a patient denies"},
    {"member", "NAME", "for this member only; without it, for everyone"},
    {"from", "T", "applies from this instant (2026-11-22 or 2026-11-22T15:04:05Z)"},
    {"until", "T", "applies until just before this instant"},
    {NULL, NULL, NULL}};
static const struct cli_option revoke_options[] = {
    PATIENT,
    {"policy", "ID", "the policy, as `causeway consent show` prints it"},
    {NULL, NULL, NULL}};
static const struct cli_option decide_options[] = {
    PATIENT,
    {"member", "NAME", "the member that asks"},
    {"source", "NAME", "the member that published the object; without it, some other"},
    {"as-of", "T", "decide with what the hub knew at this instant, for that instant"},
    {NULL, NULL, NULL}};

static const struct verb verbs[] = {
    {"default",
     {"causeway consent default [opt-in|opt-out]",
      "What holds for patients who said nothing. In an opt-in domain nothing of theirs is shown\n"
      "to other members; in an opt-out domain it is. Without an argument, prints the setting.\n"
      "A new hub is opt-in. The next request of anyone is decided by the new setting.\n\n"
      "  causeway consent default opt-out",
      no_options},
     {"110113", 'E'},
     false,
     work_default},
    {"set",
     {"causeway consent set --patient CX --permit|--deny [--member NAME] [--from T] [--until T]",
      "Records what a patient permits or denies, to everyone or to one member. It holds from the\n"
      "next request on. A deny overrides every permit, whichever came first; a permit beats only\n"
      "the domain default. To change a patient's mind, revoke the earlier policy.\n\n"
      "  causeway consent set --patient 'P-17^^^&1.2.3.4&ISO' --deny\n"
      "  causeway consent set --patient 'P-17^^^&1.2.3.4&ISO' --permit --member lakeside",
      set_options},
     {"110110", 'C'},
     true,
     work_set},
    {"show",
     {"causeway consent show --patient CX",
      "Lists the patient's policies in force and the domain default behind them.", patient_options},
     {"110110", 'R'},
     true,
     work_show},
    {"history",
     {"causeway consent history --patient CX",
      "Lists every policy that the patient ever had: who recorded it when, and who ended it.",
      patient_options},
     {"110110", 'R'},
     true,
     work_history},
    {"revoke",
     {"causeway consent revoke --patient CX --policy ID",
      "Ends a policy. It stays in the history, and no longer counts from the next request on.",
      revoke_options},
     {"110110", 'U'},
     true,
     work_revoke},
    {"decide",
     {"causeway consent decide --member NAME --patient CX [--source NAME] [--as-of T]",
      "Says whether the member may see what another member published about the patient, and which\n"
      "rule decides: the same function that every query goes through. Exit status 0: permitted;\n"
      "1: denied.\n\n"
      "  causeway consent decide --member lakeside --patient 'P-17^^^&1.2.3.4&ISO'",
      decide_options},
     {"110110", 'R'},
     true,
     work_decide},
};

static const char *const overview =
    "usage: causeway consent default|set|show|history|revoke|decide ...\n\n"
    "What patients permit and deny, and what holds where they said nothing. Every disclosure is\n"
    "decided in this order; within a step a deny overrides:\n\n"
    "  1. the asking member is enrolled and not suspended\n"
    "  2. the patient's own policies (set, revoke): for everyone, or for one member\n"
    "  3. what the asking member published itself, it may read back\n"
    "  4. the domain default (default): opt-in or opt-out\n\n"
    "Changes hold from the next request on and leave an audit row. A patient whose records were\n"
    "merged is decided once for each constituent, and the strictest decision holds.\n\n";

static void print_overview(FILE *out)
{
    fputs(overview, out);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        fprintf(out, "  %s\n", verbs[i].cli.usage);
    fputs("\nEach has --help.\n", out);
}

static enum status audit_write(struct run *r, const struct verb *v)
{
    struct audit_context context = {.transaction = "consent",
                                    .kind = v->audit,
                                    .request = r->rq.id,
                                    .at_us = r->rq.now_us,
                                    .user = r->operator,
                                    .role = STR("operator"),
                                    .endpoint =
                                        str_printf(r->args.arena, "causeway consent %s", v->name)};

    return audit_queue(r->rq.db, r->args.arena, &context, &r->rq.audit, r->args.err);
}

static enum status transact(struct run *r, const struct verb *v, struct str *output,
                            int *exit_status)
{
    const unsigned char *key;

    TRY(hub_master_key(&r->config, &key, r->args.err));
    audit_init(key);
    db_attach(r->rq.db, r->args.arena, r->args.err, 0);
    TRY(member_directory_read(r->rq.db, &r->members));
    r->rq.members = r->members;
    db_begin(r->rq.db, READ_COMMITTED);
    r->audit = audit_add(r->args.arena, &r->rq.audit);
    if (v->patient)
        TRY(given_patient(r));
    TRY(v->work(r, output, exit_status));
    TRY(audit_write(r, v));
    return db_commit(r->rq.db);
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
    struct run r = {0};
    struct str output = STR_NONE;
    enum status s;
    int exit_status = cli_parse(&v->cli, argc, argv, &r.args);

    if (exit_status >= 0)
        return exit_status;
    exit_status = 0;
    r.rq = (struct request){.magic = REQUEST_MAGIC,
                            .config = &r.config,
                            .arena = r.args.arena,
                            .err = r.args.err,
                            .id = uuid_v7(),
                            .now_us = clock_now_us()};
    r.operator= operator_name(r.args.arena);
    r.rq.db = cli_database(&r.args, &r.config);
    if (r.rq.db == NULL)
        return 2;
    s = transact(&r, v, &output, &exit_status);
    if (s != OK)
        db_rollback(r.rq.db);
    db_close(r.rq.db);
    member_directory_release(r.members);
    if (s != OK)
        return cli_fail(&r.args);
    printf("%.*s", STR_ARG(output));
    return exit_status;
}

static int consent_run(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return run_verb(&verbs[i], argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_overview(stdout);
        return 0;
    }
    fprintf(stderr, "causeway consent: no sub-command '%s'\n\n", argv[1]);
    print_overview(stderr);
    return 2;
}

const struct command consent_command = {"consent", "what patients permit and deny", consent_run};
