#include "consent/consent_command.h"

#include <string.h>

#include "consent/consent_print.h"
#include "consent/decide_command.h"
#include "consent/decided.h"
#include "consent/domain_store.h"
#include "consent/labels.h"
#include "consent/labels_command.h"
#include "consent/people_command.h"
#include "consent/proxy_command.h"
#include "consent/report_command.h"
#include "consent/rule_option.h"
#include "consent/ways_command.h"
#include "hub/base/clock.h"
#include "hub/command/operation.h"

static enum status (*resolver)(struct request *rq, struct identifier id, struct person *out);

void consent_set_resolver(enum status (*resolve)(struct request *rq, struct identifier id,
                                                 struct person *out))
{
    resolver = resolve;
}

enum status consent_resolve(struct request *rq, struct identifier id, struct person *out)
{
    return resolver(rq, id, out);
}

/* --- what is given --------------------------------------------------------------------------- */

enum status consent_given_time(struct operation *o, const char *option, int64_t *us)
{
    const char *text = cli_value(&o->args, option);

    if (text == NULL || clock_parse_iso(str_from(text), us))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--%s %s: not a time; write 2026-11-22 or 2026-11-22T15:04:05Z", option, text);
}

enum status consent_given_member(struct operation *o, const char *option,
                                 const struct member **member)
{
    const char *name = cli_value(&o->args, option);

    *member = NULL;
    if (name == NULL)
        return OK;
    *member = member_by_name(o->members, str_from(name));
    if (*member != NULL)
        return OK;
    return fail(o->args.err, NOT_FOUND, "usage",
                "no member is called '%s'; `causeway member list` shows them", name);
}

/* The patient of --patient, and the audit row about it. */
struct subject {
    struct person person;
    struct audit_row *audit;
    struct consent_view view;
};

struct consent_view consent_view_of(const struct operation *o, const struct person *person)
{
    return (struct consent_view){.arena = o->args.arena,
                                 .json = o->args.json,
                                 .members = o->members,
                                 .person = person,
                                 .xad_authority = str_from(o->config.xad_authority)};
}

enum status consent_given_identifier(struct operation *o, struct identifier *id)
{
    const char *cx = cli_value(&o->args, "patient");

    if (cx == NULL)
        return fail(o->args.err, INVALID, "usage", "--patient is required");
    if (!identifier_parse_cx(str_from(cx), id))
        return fail(o->args.err, INVALID, "usage",
                    "--patient '%s': write an identifier as 'ID^^^&OID&ISO', in quotes", cx);
    return OK;
}

struct audit_row *consent_audit_patient(struct operation *o, struct identifier id,
                                        const struct person *person)
{
    struct audit_row *audit = audit_add(o->args.arena, &o->audit);

    audit->patient = identifier_cx(o->args.arena, id);
    audit->pkey = person->ref.pkey;
    audit->person_id = person->ref.person_id;
    return audit;
}

enum status consent_given_patient(struct operation *o, struct person *person,
                                  struct audit_row **audit)
{
    struct identifier id;

    TRY(consent_given_identifier(o, &id));
    TRY(consent_resolve(operation_request(o), id, person));
    *audit = consent_audit_patient(o, id, person);
    return OK;
}

static enum status given_patient(struct operation *o, struct subject *s)
{
    TRY(consent_given_patient(o, &s->person, &s->audit));
    s->view = consent_view_of(o, &s->person);
    return OK;
}

struct consent_change consent_change_of(const struct operation *o, const struct person *person)
{
    return (struct consent_change){.persons = person->constituents,
                                   .count = person->constituent_count,
                                   .at_us = o->now_us,
                                   .by = operator_name(o->args.arena)};
}

enum status consent_policies_of(struct operation *o, const struct person *person, int64_t as_of_us,
                                struct consent_policies *out)
{
    consent_store_queue(o->db, o->args.arena, person->constituents, person->constituent_count,
                        as_of_us, out);
    TRY(db_flush(o->db));
    return consent_store_read(o->db, o->args.arena, out, o->args.err);
}

/* --- the sub-commands: between BEGIN and COMMIT ---------------------------------------------- */

static enum status default_set(struct operation *o, struct str label, const char *wanted)
{
    struct domain_change change = {o->now_us, operator_name(o->args.arena)};
    bool opt_out = strcmp(wanted, "opt-out") == 0;

    if (!opt_out && strcmp(wanted, "opt-in") != 0)
        return fail(o->args.err, INVALID, "usage", "'%s': say opt-in or opt-out", wanted);
    consent_domain_default(o->db, &change, label, opt_out ? CONSENT_PERMIT : CONSENT_DENY);
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "domain_default",
                     str_from(wanted), label);
    return OK;
}

static enum status default_remove(struct operation *o, struct str label)
{
    struct domain_change change = {o->now_us, operator_name(o->args.arena)};
    struct rows ended;

    consent_domain_default_end(o->db, &change, label, &ended);
    TRY(db_flush(o->db));
    if (label.n == 0 || ended.count == 0)
        return fail(o->args.err, NOT_FOUND, "default",
                    "--remove wants the --label of a default of its own");
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "domain_default",
                     STR("removed"), label);
    return OK;
}

/* Whatever the label's default is, and whether it has one. */
static enum status default_obligations(struct operation *o, struct str label)
{
    struct domain_change change = {o->now_us, operator_name(o->args.arena)};
    bool none = cli_value(&o->args, "no-obligation") != NULL;
    unsigned obligations = 0;
    struct rows ended;

    TRY(consent_obligations_given(o, &obligations));
    if (obligations == 0 && !none)
        return OK;
    if (label.n == 0 || (none && obligations != 0))
        return fail(o->args.err, INVALID, "usage",
                    "say --label, and --obligation or --no-obligation");
    consent_domain_duty(o->db, o->args.arena, &change, label, obligations, &ended);
    TRY(db_flush(o->db));
    if (none && ended.count == 0)
        return fail(o->args.err, NOT_FOUND, "default",
                    "documents labelled %.*s bring no obligation", STR_ARG(label));
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "domain_obligation",
                     none ? STR("none") : consent_obligations_text(o->args.arena, obligations),
                     label);
    return OK;
}

static enum status work_default(struct operation *o, struct strbuf *out)
{
    struct consent_policies now;
    struct consent_view view = consent_view_of(o, NULL);
    const char *given = cli_value(&o->args, "label");
    struct str label = given != NULL ? str_from(given) : STR("");
    const struct person nobody = {0};

    if (label.n > 0 && !label_valid(label))
        return fail(o->args.err, INVALID, "usage",
                    "--label takes a sensitivity label, such as SUD");
    if (cli_value(&o->args, "remove") != NULL)
        TRY(default_remove(o, label));
    else if (o->args.positional_count > 0)
        TRY(default_set(o, label, o->args.positional[0]));
    TRY(default_obligations(o, label));
    TRY(consent_policies_of(o, &nobody, 0, &now));
    consent_print_domain(&view, now.domain, out);
    return OK;
}

static enum status set_read(struct operation *o, struct consent_policy *p)
{
    bool permit = cli_value(&o->args, "permit") != NULL;
    const struct member *member;

    if (permit == (cli_value(&o->args, "deny") != NULL))
        return fail(o->args.err, INVALID, "usage", "say one of --permit and --deny");
    TRY(consent_given_member(o, "member", &member));
    *p = (struct consent_policy){.id = uuid_v7(),
                                 .version = 1,
                                 .effect = permit ? CONSENT_PERMIT : CONSENT_DENY,
                                 .member_id = member != NULL ? member->id : 0,
                                 .valid_from_us = INT64_MIN,
                                 .valid_until_us = INT64_MAX};
    TRY(consent_rule_given(o, p->effect, &p->rules));
    TRY(consent_given_time(o, "from", &p->valid_from_us));
    TRY(consent_given_time(o, "until", &p->valid_until_us));
    if (p->valid_from_us >= p->valid_until_us)
        return fail(o->args.err, INVALID, "usage", "--from must be before --until");
    return OK;
}

/* The statement concerns the person as the index knows them now, so it is kept for each
 * constituent: after an unmerge each has it, and a steward can revoke it for the wrong one. */
static enum status work_set(struct operation *o, struct strbuf *out)
{
    struct consent_policies now;
    struct consent_change change;
    struct consent_policy p;
    struct subject s;

    TRY(given_patient(o, &s));
    TRY(set_read(o, &p));
    p.person = s.person.ref;
    change = consent_change_of(o, &s.person);
    consent_store_add(o->db, o->args.arena, &change, &p);
    TRY(consent_policies_of(o, &s.person, 0, &now));
    audit_object_add(o->args.arena, s.audit, "consent", uuid_text(o->args.arena, p.id),
                     p.effect == CONSENT_PERMIT ? STR("permit") : STR("deny"));
    consent_print_set(&s.view, &p, &now, out);
    return OK;
}

static enum status work_show(struct operation *o, struct strbuf *out)
{
    struct consent_policies now;
    struct subject s;

    TRY(given_patient(o, &s));
    TRY(consent_policies_of(o, &s.person, 0, &now));
    consent_print_policies(&s.view, &now, out);
    return OK;
}

static enum status work_history(struct operation *o, struct strbuf *out)
{
    struct subject s;
    struct rows rows;

    TRY(given_patient(o, &s));
    consent_store_history(o->db, o->args.arena, s.person.constituents, s.person.constituent_count,
                          &rows);
    TRY(db_flush(o->db));
    consent_print_history(&s.view, &rows, out);
    return OK;
}

static enum status work_revoke(struct operation *o, struct strbuf *out)
{
    const char *text = cli_value(&o->args, "policy");
    struct consent_policies now;
    struct consent_change change;
    struct uuid policy;
    struct subject s;
    struct rows ended;

    if (text == NULL || !uuid_parse(str_from(text), &policy))
        return fail(o->args.err, INVALID, "usage",
                    "--policy takes the policy's id, as `causeway consent show` prints it");
    TRY(given_patient(o, &s));
    change = consent_change_of(o, &s.person);
    consent_store_end(o->db, o->args.arena, &change, policy, &ended);
    TRY(consent_policies_of(o, &s.person, 0, &now));
    if (ended.count == 0)
        return fail(o->args.err, NOT_FOUND, "consent",
                    "this patient has no policy %s in force; nothing was changed", text);
    audit_object_add(o->args.arena, s.audit, "consent", str_from(text), STR("revoked"));
    consent_print_policies(&s.view, &now, out);
    return OK;
}

/* --- help ------------------------------------------------------------------------------------ */

#define PATIENT                                                                                    \
    {                                                                                              \
        "patient", "CX", "the patient: any identifier that the hub knows, 'ID^^^&OID&ISO'"         \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct cli_option default_options[] = {
    {"label", "LABEL", "for documents of this sensitivity (SUD, HIV, ...) in place of all"},
    {"remove", NULL, "with --label: no default of its own any more"},
    {"obligation", "WORD",
     "with --label: goes with every disclosure of such a document: no-redisclosure, read-only, "
     "no-onward; repeated, all of them, in place of those before"},
    {"no-obligation", NULL, "with --label: none goes with them any more"},
    END,
};
static const struct cli_option patient_options[] = {PATIENT, END};
static const struct cli_option set_options[] = {
    PATIENT,
    {"permit", NULL, "permit what the domain default would deny"},
    {"deny", NULL, "deny; nothing permits what a patient denies"},
    {"member", "NAME", "for this member only; without it, for everyone"},
    {"from", "T", "applies from this instant (2026-11-22 or 2026-11-22T15:04:05Z)"},
    {"until", "T", "applies until just before this instant"},
    CONSENT_RULE_OPTIONS,
    END,
};
static const struct cli_option revoke_options[] = {
    PATIENT,
    {"policy", "ID", "the policy, as `causeway consent show` prints it"},
    END,
};
#define KIND(action, name) .transaction = "CONSENT", .audit = action, .endpoint = name
#define SECURITY                                                                                   \
    {                                                                                              \
        "110113", 'E'                                                                              \
    }
#define RECORD(action)                                                                             \
    {                                                                                              \
        "110110", action                                                                           \
    }

static const struct operation_kind kind_default = {
    .cli =
        {"causeway consent default [opt-in|opt-out] [--label LABEL [--remove]"
         " [--obligation WORD ...|--no-obligation]]",
         "What holds for patients who said nothing. In an opt-in domain nothing of theirs is\n"
         "shown to other members; in an opt-out domain it is. Without an argument, prints the\n"
         "setting. A new hub is opt-in. The next request of anyone is decided by it.\n"
         "\n"
         "The common pair is opt-out in general, and opt-in for what is sensitive:\n"
         "\n"
         "  causeway consent default opt-out\n"
         "  causeway consent default opt-in --label SUD\n"
         "\n"
         "An obligation goes with whatever is disclosed of a sensitivity, whoever permitted it,\n"
         "beside those that a patient's permit brings. A new hub has one: with SUD, the notice\n"
         "that prohibits re-disclosure (42 CFR 2.32).\n"
         "\n"
         "  causeway consent default --label HIV --obligation no-onward",
         default_options},
    .most = 1,
    KIND(SECURITY, "causeway consent default"),
    .work = work_default,
};
static const struct operation_kind kind_set = {
    .cli =
        {"causeway consent set --patient CX --permit|--deny [--overridable] [--member NAME] "
         "[--from T] [--until T] [--when WHAT=VALUE ...]",
         "Records what a patient permits or denies, to everyone or to one member. It holds from\n"
         "the next request on. A deny overrides every permit, whichever came first; a permit\n"
         "beats only the domain default. If the patient changes their mind, revoke the earlier\n"
         "policy.\n"
         "\n"
         "  causeway consent set --patient 'P-17^^^&1.2.3.4&ISO' --deny\n"
         "  causeway consent set --patient 'P-17^^^&1.2.3.4&ISO' --permit --member lakeside\n"
         "  causeway consent set --patient 'P-17^^^&1.2.3.4&ISO' --deny --when label=SUD\n"
         "  causeway consent set --patient 'P-17^^^&1.2.3.4&ISO' --permit --when purpose=HRESCH\n"
         "      --when created=2026-01-01.. --obligation no-onward",
         set_options},
    KIND(RECORD('C'), "causeway consent set"),
    .work = work_set,
};
static const struct operation_kind kind_show = {
    .cli = {"causeway consent show --patient CX",
            "Lists the patient's policies in force and the domain default behind them.",
            patient_options},
    KIND(RECORD('R'), "causeway consent show"),
    .work = work_show,
};
static const struct operation_kind kind_history = {
    .cli = {"causeway consent history --patient CX",
            "Lists every policy that the patient ever had: who recorded it when, who ended it.",
            patient_options},
    KIND(RECORD('R'), "causeway consent history"),
    .work = work_history,
};
static const struct operation_kind kind_revoke = {
    .cli = {"causeway consent revoke --patient CX --policy ID",
            "Ends a policy. It stays in the history, and counts no more from the next request on.",
            revoke_options},
    KIND(RECORD('U'), "causeway consent revoke"),
    .work = work_revoke,
};
static const struct cli_verb verbs[] = {
    {"default", "what holds for patients who said nothing", operation_run, &kind_default},
    {"set", "record a permit or a denial", operation_run, &kind_set},
    {"show", "a patient's policies in force", operation_run, &kind_show},
    {"history", "all that a patient ever said", operation_run, &kind_history},
    {"revoke", "end a policy", operation_run, &kind_revoke},
    {"decide", "may this member see this patient's documents, and why?", operation_run,
     &consent_decide_kind},
    {"preview", "who could see what of a patient today", operation_run, &consent_preview_kind},
    {"import", "take a FHIR Consent", operation_run, &consent_import_kind},
    {"export", "give a patient's consents as FHIR", operation_run, &consent_export_kind},
    {"policy", "the domain's policies that documents name: add, list, remove", consent_policy_run,
     NULL},
    {"flags", "what in consents was not understood: list, resolve", consent_flags_run, NULL},
    {"proxy", "representatives: add, end, list", consent_proxy_run, NULL},
    {"minors", "the age of majority, and what adolescents keep", consent_minors_run, NULL},
    {"emergency", "break-glass: for which purposes, for how long", consent_emergency_run, NULL},
    {"report", "what was denied, by member, purpose and reason: denials", consent_report_run, NULL},
    {"labels", "value sets of sensitive codes: load, list, show, remove", consent_labels_run, NULL},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch(
        "consent",
        "What patients permit and deny. Every disclosure is decided in this order, and within a\n"
        "step a deny overrides:\n"
        "\n"
        "  1. the asking member is enrolled and not suspended, and an agreement lets it flow\n"
        "  2. the patient's own denials (set, revoke), for everyone or for one member\n"
        "  3. representatives (proxy) beyond their scope or time, and what adolescents keep\n"
        "  4. the patient's own permits\n"
        "  5. what the asking member published itself, it may read back\n"
        "  6. the patient, and representatives within their scope\n"
        "  7. the domain default (default): opt-in or opt-out\n"
        "\n"
        "An emergency opens a denial that is marked overridable (emergency).\n"
        "Changes hold from the next request on, and leave an audit row. A patient whose records\n"
        "were merged is decided once for each constituent, and the strictest decision holds.",
        verbs, argc, argv);
}

const struct command consent_command = {"consent", "what patients permit and deny", run};
