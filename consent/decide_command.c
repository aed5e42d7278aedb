#include "consent/decide_command.h"

#include <string.h>

#include "consent/consent_command.h"
#include "consent/consent_print.h"
#include "consent/decided.h"
#include "consent/domain_store.h"
#include "consent/explain.h"
#include "hub/base/clock.h"
#include "hub/command/cli_print.h"

/* The publisher where none is named: some member that is no other. */
#define SOME_OTHER (-1)

static consent_documents_fn documents_of;

void consent_set_documents(consent_documents_fn documents)
{
    documents_of = documents;
}

static consent_past_fn past_of;

void consent_set_past(consent_past_fn past)
{
    past_of = past;
}

/* --- what is asked --------------------------------------------------------------------------- */

static struct coded given_code(const struct operation *o, const char *option, struct str otherwise)
{
    const char *text = cli_value(&o->args, option);

    return text != NULL ? consent_code_parse(str_from(text)) : (struct coded){.code = otherwise};
}

static struct str given_text(const struct operation *o, const char *option)
{
    const char *text = cli_value(&o->args, option);

    return text != NULL ? str_from(text) : STR_NONE;
}

/* As hub/principal.c would build it: a machine's where no user is named. */
static struct principal asker_of(const struct operation *o, const struct member *m)
{
    struct str user = given_text(o, "user");

    return (struct principal){
        .member = m,
        .user = user,
        .organization = given_text(o, "organization"),
        .role = given_code(o, "role", user.n > 0 ? STR("") : STR("system")),
        .purpose = given_code(o, "purpose", STR("TREAT")),
        .reason = given_text(o, "reason"),
        .assertion = user.n > 0 ? STR("supposed") : STR_NONE, /* one that proves the user */
    };
}

static enum status find_document(struct operation *o, const struct person *person, int64_t as_of_us,
                                 struct consent_object *out)
{
    struct str id = given_text(o, "document");
    struct consent_document *all;
    size_t n;

    TRY(documents_of(operation_request(o), person, as_of_us, &all, &n));
    for (size_t i = 0; i < n; i++)
        if (str_eq(all[i].id, id)) {
            *out = all[i].object;
            return OK;
        }
    return fail(o->args.err, NOT_FOUND, "document",
                as_of_us == 0
                    ? "the patient has no document %.*s here"
                    : "the patient had no document %.*s here then, or it was removed since",
                STR_ARG(id));
}

enum { FROM_TODAY_MAX = 4 };

struct question {
    struct person person;
    struct audit_row *audit;
    const struct member *member, *source;
    struct member then; /* the asking one, as it stood */
    struct principal asker;
    struct consent_object object;
    struct consent_policies policies;
    int64_t as_of_us, at_us; /* as_of: 0 for now */
    struct str from_today[FROM_TODAY_MAX];
    size_t from_today_count;
    enum voice { AUDITOR, PATIENT, CALLER } voice;
};

static enum status given_voice(struct operation *o, enum voice *voice)
{
    static const char *const words[] = {"auditor", "patient", "caller"};
    const char *word = cli_value(&o->args, "for");

    *voice = AUDITOR;
    for (int i = 0; word != NULL && i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            *voice = (enum voice)i;
            return OK;
        }
    return word == NULL
               ? OK
               : fail(o->args.err, INVALID, "usage", "--for %s: auditor, patient or caller", word);
}

static void from_today(struct question *q, struct str what)
{
    must(q->from_today_count < FROM_TODAY_MAX, "more than is ever said");
    q->from_today[q->from_today_count++] = what;
}

/* A member that was not enrolled yet stands no better than one that is suspended. */
static enum status read_standing(struct operation *o, struct question *q)
{
    static const struct statement STANDING = {
        "consent_standing_as_of",
        "SELECT m.added_at > $2 OR EXISTS ("
        "       SELECT FROM member_suspension AS s"
        "        WHERE s.member_id = m.member_id"
        "          AND s.since <= $2"
        "          AND (s.until IS NULL OR s.until > $2)), k.applied_at"
        "  FROM member AS m, schema_migration AS k"
        " WHERE m.member_id = $1"
        "   AND k.version = 41",
    };
    struct rows rows;

    q->then = *q->member;
    q->member = &q->then;
    db_queue(o->db, &STANDING, &rows, DB_INT8(q->then.id), DB_TIME(q->as_of_us));
    TRY(db_flush(o->db));
    q->then.suspended = rows.count == 0 || row_bool(&rows, 0, 0);
    from_today(q, STR("the name and organization of the member"));
    if (rows.count > 0 && q->as_of_us < row_time(&rows, 0, 1))
        from_today(q, str_printf(o->args.arena,
                                 "suspensions that had ended, communities that were removed and "
                                 "unmerges before %.*s",
                                 STR_ARG(clock_iso(o->args.arena, row_time(&rows, 0, 1)))));
    return OK;
}

static enum status read_past(struct operation *o, struct question *q)
{
    struct identifier id;
    bool unsure;

    TRY(consent_given_identifier(o, &id));
    TRY(past_of(operation_request(o), id, q->as_of_us, &q->person, &unsure));
    q->audit = consent_audit_patient(o, id, &q->person);
    if (unsure)
        from_today(q, STR("whom the patient was merged with: an unmerge since kept no image"));
    return read_standing(o, q);
}

static enum status read_question(struct operation *o, struct question *q)
{
    *q = (struct question){.at_us = o->now_us};
    TRY(consent_given_member(o, "member", &q->member));
    TRY(consent_given_member(o, "source", &q->source));
    TRY(consent_given_time(o, "as-of", &q->as_of_us));
    TRY(given_voice(o, &q->voice));
    if (q->member == NULL)
        return fail(o->args.err, INVALID, "usage", "--member is required: who would see it?");
    if (q->source != NULL && cli_value(&o->args, "document") != NULL)
        return fail(o->args.err, INVALID, "usage",
                    "say --document or --source: a document names its publisher itself");
    if (q->as_of_us != 0)
        TRY(read_past(o, q));
    else
        TRY(consent_given_patient(o, &q->person, &q->audit));
    q->at_us = q->as_of_us != 0 ? q->as_of_us : o->now_us;
    q->asker = asker_of(o, q->member);
    q->object = (struct consent_object){.person = &q->person,
                                        .source_member = q->source ? q->source->id : SOME_OTHER};
    if (cli_value(&o->args, "document") != NULL)
        TRY(find_document(o, &q->person, q->as_of_us, &q->object));
    return consent_policies_of(o, &q->person, q->as_of_us, &q->policies);
}

/* --- the answer ------------------------------------------------------------------------------ */

static struct consent_explained explain(struct operation *o, const struct question *q)
{
    struct arena *a = o->args.arena;
    struct consent_explained e = {
        .member = q->member,
        .as_of_us = q->as_of_us,
        .from_today = q->from_today,
        .from_today_count = q->from_today_count,
        .decision = consent_decide(&q->asker, &q->object, q->at_us, &q->policies),
    };

    e.step_count = consent_trace(a, &q->asker, &q->object, q->at_us, &q->policies, &e.steps);
    e.could_change =
        consent_without(a, &q->asker, &q->object, q->at_us, &q->policies, &e.decision, &e.without);
    return e;
}

/* To a caller a denial looks as if there were nothing: what exists, and why not, is not theirs. */
static void answer_caller(const struct consent_decision *d, struct strbuf *out)
{
    strbuf_addf(out, "%s\n", d->effect == CONSENT_PERMIT ? "permitted" : "nothing to show");
}

static void answer_patient(const struct question *q, const struct consent_decision *d,
                           struct strbuf *out)
{
    strbuf_addf(out, "%.*s %s see this. %s\n", STR_ARG(q->member->name),
                d->effect == CONSENT_PERMIT ? "may" : "may not", consent_plain(d->rule));
}

static enum status work_decide(struct operation *o, struct strbuf *out)
{
    struct consent_explained e;
    struct consent_view view;
    struct question q;

    TRY(read_question(o, &q));
    e = explain(o, &q);
    view = consent_view_of(o, &q.person);
    audit_object_add(o->args.arena, q.audit, "decision", q.member->name, str_from(e.decision.rule));
    o->answer = e.decision.effect == CONSENT_PERMIT ? 0 : 1;
    if (q.voice == CALLER)
        answer_caller(&e.decision, out);
    else if (q.voice == PATIENT)
        answer_patient(&q, &e.decision, out);
    else
        consent_print_decision(&view, &e, cli_value(&o->args, "explain") != NULL, out);
    return OK;
}

/* --- who could see what ---------------------------------------------------------------------- */

/* What one member could see, by the rule that decides. */
struct outlook {
    const char *rules[16];
    size_t counts[16], rule_count;
    size_t visible;
    unsigned obligations; /* of what is visible */
};

static void count_rule(struct outlook *v, const struct consent_decision *d)
{
    size_t i = 0;

    v->visible += d->effect == CONSENT_PERMIT;
    v->obligations |= d->obligations;
    while (i < v->rule_count && strcmp(v->rules[i], d->rule) != 0)
        i++;
    must(i < sizeof(v->rules) / sizeof(v->rules[0]), "more rules than consent/consent.h names");
    v->rule_count += i == v->rule_count;
    v->rules[i] = d->rule;
    v->counts[i]++;
}

static struct outlook outlook_of(const struct operation *o, const struct member *m,
                                 const struct consent_document *documents, size_t n,
                                 const struct consent_policies *policies)
{
    struct principal asker = asker_of(o, m);
    struct outlook v = {.visible = 0};

    for (size_t i = 0; i < n; i++) {
        struct consent_decision d =
            consent_decide(&asker, &documents[i].object, o->now_us, policies);

        count_rule(&v, &d);
    }
    return v;
}

static struct str rules_text(struct arena *a, const struct outlook *v)
{
    struct strbuf b = strbuf_on(a, 64);

    for (size_t i = 0; i < v->rule_count; i++)
        strbuf_addf(&b, "%s%s %zu", i > 0 ? ", " : "", v->rules[i], v->counts[i]);
    return strbuf_str(&b);
}

static void json_outlook(const struct member *m, const struct outlook *v, size_t n,
                         struct strbuf *out)
{
    cli_json_comma(out);
    strbuf_lit(out, "{");
    cli_json_text(out, "member", m->name);
    cli_json_int(out, "visible", (int64_t)v->visible);
    cli_json_int(out, "documents", (int64_t)n);
    cli_json_key(out, "rules");
    strbuf_lit(out, "{");
    for (size_t i = 0; i < v->rule_count; i++)
        cli_json_int(out, v->rules[i], (int64_t)v->counts[i]);
    strbuf_lit(out, "}");
    consent_json_obligations(v->obligations, out);
    strbuf_lit(out, "}");
}

static void preview(const struct operation *o, const struct consent_document *documents, size_t n,
                    const struct consent_policies *policies, struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct cli_table t = cli_table_on(a, 4);

    cli_table_row(&t, STR("MEMBER"), STR("SEES"), STR("BECAUSE"), STR("OBLIGED TO"));
    for (size_t i = 0; i < o->members->count; i++) {
        const struct member *m = &o->members->members[i];
        struct outlook v = outlook_of(o, m, documents, n, policies);

        if (o->args.json)
            json_outlook(m, &v, n, out);
        else
            cli_table_row(&t, m->name, str_printf(a, "%zu of %zu", v.visible, n), rules_text(a, &v),
                          consent_obligations_text(a, v.obligations));
    }
    if (!o->args.json)
        cli_table_write(&t, out);
}

static enum status work_preview(struct operation *o, struct strbuf *out)
{
    struct consent_document *documents;
    struct consent_policies policies;
    struct audit_row *audit;
    struct person person;
    size_t n;

    TRY(consent_given_patient(o, &person, &audit));
    TRY(documents_of(operation_request(o), &person, 0, &documents, &n));
    TRY(consent_policies_of(o, &person, 0, &policies));
    if (o->args.json)
        strbuf_lit(out, "[");
    preview(o, documents, n, &policies, out);
    if (o->args.json)
        strbuf_lit(out, "]\n");
    return OK;
}

/* --- help ------------------------------------------------------------------------------------ */

#define ASKER                                                                                      \
    {"user", "USER",                                                                               \
     "the person, as an assertion names one: alias<user@issuer>; without it a "                    \
     "machine asks"},                                                                              \
        {"role", "CODE[^^OID]", "of the person"},                                                  \
        {"organization", "OID", "of the person, where it is not the member's own"},                \
    {                                                                                              \
        "purpose", "CODE[^^OID]", "of use; without it TREAT"                                       \
    }
#define PATIENT                                                                                    \
    {                                                                                              \
        "patient", "CX", "the patient: any identifier that the hub knows, 'ID^^^&OID&ISO'"         \
    }

static const struct cli_option decide_options[] = {
    PATIENT,
    {"member", "NAME", "the member that asks"},
    ASKER,
    {"reason", "TEXT", "as if the user gave it: whether an emergency would be opened"},
    {"document", "UID", "about this document; without it, about any that says nothing of itself"},
    {"source", "NAME", "the member that published the object; without it, some other"},
    {"as-of", "T", "decide with what the hub knew at this instant, for that instant"},
    {"explain", NULL, "every layer's word, and what would have changed the decision"},
    {"for", "WHO", "in whose words: auditor (the default), patient or caller"},
    {NULL, NULL, NULL},
};
static const struct cli_option preview_options[] = {PATIENT, ASKER, {NULL, NULL, NULL}};

const struct operation_kind consent_decide_kind = {
    .cli =
        {"causeway consent decide --member NAME --patient CX [--user U] [--role R] [--purpose P]"
         " [--document UID | --source NAME] [--as-of T] [--explain] [--for WHO]",
         "Says whether the member may see what another member published about the patient, and\n"
         "which rule decides: by the same function that every query goes through. Exit status\n"
         "0: permitted; 1: denied.\n"
         "\n"
         "--as-of takes policies, agreements, communities, representatives, defaults, value sets,\n"
         "emergencies, merges and links, the document's version and the member's suspension as\n"
         "they were. What it has to take from today, because no history is kept, it names; a\n"
         "document that was removed since it cannot find. The audit log has what was decided "
         "then.\n"
         "\n"
         "  causeway consent decide --member lakeside --patient 'P-17^^^&1.2.3.4&ISO' --explain",
         decide_options},
    .transaction = "CONSENT",
    .audit = {"110110", 'R'},
    .endpoint = "causeway consent decide",
    .work = work_decide,
};
const struct operation_kind consent_preview_kind = {
    .cli =
        {"causeway consent preview --patient CX [--user U] [--role R] [--purpose P]",
         "Lists who could see how many of the patient's documents today, by which rule, and what\n"
         "they would have to heed: decided as each member's query would be.\n"
         "\n"
         "  causeway consent preview --patient 'P-17^^^&1.2.3.4&ISO' --purpose HRESCH",
         preview_options},
    .transaction = "CONSENT",
    .audit = {"110110", 'R'},
    .endpoint = "causeway consent preview",
    .work = work_preview,
};
