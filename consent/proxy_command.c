#include "consent/proxy_command.h"

#include "consent/consent_command.h"
#include "consent/people.h"
#include "consent/people_command.h"
#include "consent/people_store.h"
#include "hub/command/cli_print.h"

enum { CODES_MAX = 100 };

/* --- what is given --------------------------------------------------------------------------- */

/* The values of an option as a condition; false: it was not given. */
static bool given_condition(struct operation *o, const char *option, enum consent_attribute what,
                            bool unless, struct consent_condition *out)
{
    const char *texts[CODES_MAX];
    size_t n = cli_values(&o->args, option, texts, CODES_MAX);
    struct coded *values = ARENA_ARRAY(o->args.arena, CODES_MAX, struct coded);

    n = n < CODES_MAX ? n : CODES_MAX;
    for (size_t i = 0; i < n; i++)
        values[i] = consent_code_parse(str_from(texts[i]));
    *out = (struct consent_condition){.what = what, .unless = unless, .values = values, .count = n};
    return n > 0;
}

/* NULL: all. */
static const struct consent_rule *given_scope(struct operation *o)
{
    static const struct {
        const char *option;
        enum consent_attribute what;
        bool unless;
    } bounds[] = {{"class", CONSENT_CLASS, false},
                  {"type", CONSENT_TYPE, false},
                  {"label", CONSENT_LABEL, false},
                  {"without-label", CONSENT_LABEL, true},
                  {"purpose", CONSENT_PURPOSE, false}};
    size_t most = sizeof(bounds) / sizeof(bounds[0]);
    struct consent_condition *all = ARENA_ARRAY(o->args.arena, most, struct consent_condition);
    struct consent_rule *scope = ARENA_NEW(o->args.arena, struct consent_rule);

    *scope = (struct consent_rule){.effect = CONSENT_PERMIT, .conditions = all};
    for (size_t i = 0; i < most; i++)
        scope->condition_count += given_condition(o, bounds[i].option, bounds[i].what,
                                                  bounds[i].unless, &all[scope->condition_count]);
    return scope->condition_count > 0 ? scope : NULL;
}

static enum status given_birth(struct operation *o, const struct person *person,
                               struct consent_relation *r)
{
    const char *text = cli_value(&o->args, "born");

    if (text != NULL && !consent_birth_parse(str_from(text), &r->birth))
        return fail(o->args.err, INVALID, "usage", "--born %s: write 2010-04-17", text);
    if (text == NULL)
        TRY(consent_index_birth(o, person->ref, &r->birth));
    if (r->birth == 0 && r->by_minority)
        return fail(o->args.err, INVALID, "birth",
                    "the index does not know when this patient was born; say --born YYYY-MM-DD");
    return OK;
}

static enum status given_relation(struct operation *o, const struct person *person,
                                  struct consent_relation *r)
{
    const char *user = cli_value(&o->args, "user"), *kind = cli_value(&o->args, "relation");

    *r = (struct consent_relation){.id = uuid_v7(),
                                   .version = 1,
                                   .kind = CONSENT_PROXY,
                                   .by_minority = cli_value(&o->args, "of-minor") != NULL,
                                   .valid_from_us = INT64_MIN,
                                   .valid_until_us = INT64_MAX};
    if (user == NULL || str_find(str_from(user), '@') <= 0)
        return fail(o->args.err, INVALID, "usage",
                    "--user takes the user as audit records name one: 'alias<user@issuer>'");
    r->user = str_from(user);
    if (kind != NULL && !consent_relation_parse(str_from(kind), &r->kind))
        return fail(o->args.err, INVALID, "usage", "--relation SELF, PROXY or CARETEAM");
    TRY(consent_given_time(o, "from", &r->valid_from_us));
    TRY(consent_given_time(o, "until", &r->valid_until_us));
    if (r->valid_from_us >= r->valid_until_us)
        return fail(o->args.err, INVALID, "usage", "--from must be before --until");
    r->scope = given_scope(o);
    if (r->kind != CONSENT_PROXY && (r->by_minority || r->scope != NULL))
        return fail(o->args.err, INVALID, "usage", "--of-minor and a scope are a PROXY's");
    return given_birth(o, person, r);
}

/* --- how relations are shown ----------------------------------------------------------------- */

static struct str time_text(struct arena *a, int64_t us)
{
    return us == INT64_MIN || us == INT64_MAX ? STR("") : clock_iso(a, us);
}

static const char *state_of(const struct consent_relation *r, const struct consent_domain *d,
                            int64_t now_us)
{
    if (r->by_minority && consent_age(r->birth, now_us) >= d->majority)
        return "ended: of age";
    return now_us < r->valid_from_us     ? "not begun"
           : now_us >= r->valid_until_us ? "ended"
                                         : "in force";
}

static void relation_json(struct operation *o, const struct consent_relation *r,
                          const struct consent_domain *d, struct strbuf *out)
{
    struct arena *a = o->args.arena;

    cli_json_comma(out);
    strbuf_lit(out, "{");
    cli_json_text(out, "id", uuid_text(a, r->id));
    cli_json_text(out, "user", r->user);
    cli_json_text(out, "relation", str_from(consent_relation_word(r->kind)));
    cli_json_bool(out, "of_minor", r->by_minority);
    cli_json_text(out, "born", consent_birth_text(a, r->birth));
    cli_json_text(out, "from", time_text(a, r->valid_from_us));
    cli_json_text(out, "until", time_text(a, r->valid_until_us));
    cli_json_text(out, "scope", r->scope != NULL ? consent_rule_write(a, r->scope) : STR(""));
    cli_json_text(out, "state", str_from(state_of(r, d, o->now_us)));
    strbuf_lit(out, "}");
}

static bool is_first_of_its_id(const struct consent_policies *p, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (uuid_eq(p->relations[j].id, p->relations[i].id))
            return false;
    return true;
}

static void relations_table(struct operation *o, const struct consent_policies *p,
                            struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct cli_table t = cli_table_on(a, 6);

    cli_table_row(&t, STR("RELATION"), STR("USER"), STR("IS"), STR("UNTIL"), STR("SCOPE"),
                  STR("STATE"));
    for (size_t i = 0; i < p->relation_count; i++) {
        const struct consent_relation *r = &p->relations[i];
        struct str until = time_text(a, r->valid_until_us);

        if (is_first_of_its_id(p, i))
            cli_table_row(&t, uuid_text(a, r->id), r->user,
                          str_from(consent_relation_word(r->kind)),
                          r->by_minority ? str_printf(a, "of age (born %.*s)",
                                                      STR_ARG(consent_birth_text(a, r->birth)))
                          : until.n > 0  ? until
                                         : STR("-"),
                          r->scope != NULL ? consent_rule_write(a, r->scope) : STR("all"),
                          str_from(state_of(r, p->domain, o->now_us)));
    }
    if (t.rows > 1)
        cli_table_write(&t, out);
    else
        strbuf_lit(out, "Nobody represents this patient.\n");
}

static enum status relations_show(struct operation *o, const struct person *person,
                                  struct strbuf *out)
{
    struct consent_policies now;

    consent_store_queue(o->db, o->args.arena, person->constituents, person->constituent_count, 0,
                        &now);
    TRY(db_flush(o->db));
    TRY(consent_store_read(o->db, o->args.arena, &now, o->args.err));
    if (!o->args.json) {
        relations_table(o, &now, out);
        return OK;
    }
    strbuf_lit(out, "{\"relations\":[");
    for (size_t i = 0; i < now.relation_count; i++)
        if (is_first_of_its_id(&now, i))
            relation_json(o, &now.relations[i], now.domain, out);
    strbuf_lit(out, "]}\n");
    return OK;
}

/* --- proxy: add, end, list ------------------------------------------------------------------- */

static enum status work_proxy_add(struct operation *o, struct strbuf *out)
{
    const char *evidence = cli_value(&o->args, "evidence");
    struct consent_change change;
    struct consent_relation r;
    struct audit_row *audit;
    struct person person;

    TRY(consent_given_patient(o, &person, &audit));
    TRY(given_relation(o, &person, &r));
    change = consent_change_of(o, &person);
    people_relation_add(o->db, o->args.arena, &change, &r, str_from(evidence ? evidence : ""));
    audit_object_add(o->args.arena, audit, "relation", uuid_text(o->args.arena, r.id), r.user);
    return relations_show(o, &person, out);
}

static enum status work_proxy_end(struct operation *o, struct strbuf *out)
{
    const char *text = cli_value(&o->args, "relation");
    bool mistake = cli_value(&o->args, "mistake") != NULL;
    struct consent_change change;
    struct audit_row *audit;
    struct person person;
    struct uuid relation;
    struct rows ended;

    if (text == NULL || !uuid_parse(str_from(text), &relation))
        return fail(o->args.err, INVALID, "usage",
                    "--relation takes its id, as `causeway consent proxy list` prints it");
    TRY(consent_given_patient(o, &person, &audit));
    change = consent_change_of(o, &person);
    if (mistake)
        people_relation_take_back(o->db, o->args.arena, &change, relation, &ended);
    else
        people_relation_end(o->db, o->args.arena, &change, relation, &ended);
    TRY(db_flush(o->db));
    if (ended.count == 0)
        return fail(o->args.err, NOT_FOUND, "relation",
                    "this patient has no relation %s, or it has ended; nothing was changed", text);
    audit_object_add(o->args.arena, audit, "relation", str_from(text),
                     mistake ? STR("taken back") : STR("ended"));
    return relations_show(o, &person, out);
}

static enum status work_proxy_list(struct operation *o, struct strbuf *out)
{
    struct audit_row *audit;
    struct person person;

    TRY(consent_given_patient(o, &person, &audit));
    return relations_show(o, &person, out);
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

static const struct cli_option list_options[] = {PATIENT, END};
static const struct cli_option add_options[] = {
    PATIENT,
    {"user", "ID", "the user, as assertions prove one: 'alias<user@issuer>'"},
    {"relation", "WORD", "PROXY (unless said), SELF: the patient's own account, or CARETEAM"},
    {"of-minor", NULL, "as a parent or guardian: ends when the patient comes of age"},
    {"born", "DATE", "the patient's birth date; without it, as the index knows it"},
    {"from", "T", "counts from this instant (2026-11-22 or 2026-11-22T15:04:05Z)"},
    {"until", "T", "counts until just before this instant"},
    {"class", "CODE[^^OID]", "scope: documents of this class alone; may be repeated"},
    {"type", "CODE[^^OID]", "scope: of this type"},
    {"label", "LABEL", "scope: with this sensitivity label"},
    {"without-label", "LABEL", "scope: without this sensitivity label"},
    {"purpose", "CODE[^^OID]", "scope: for this purpose of use"},
    {"evidence", "TEXT", "where the power of attorney or the order is kept"},
    END,
};
static const struct cli_option end_options[] = {
    PATIENT,
    {"relation", "ID", "as `causeway consent proxy list` prints it"},
    {"mistake", NULL, "it never should have been: its user is nobody to the patient"},
    END,
};

#define KIND(act, name) .transaction = "CONSENT", .audit = {"110110", act}, .endpoint = (name)

static const struct operation_kind proxy_add = {
    .cli =
        {"causeway consent proxy add --patient CX --user ID [--of-minor] [SCOPE] [--until T]",
         "Records who a user is to a patient. A representative sees, within scope and time,\n"
         "what a domain default would deny, and never what the patient denies. A parent's\n"
         "relation ends by itself when the patient comes of age (`consent minors`), and what\n"
         "adolescents keep is kept from every representative.\n"
         "\n"
         "  causeway consent proxy add --patient 'P-17^^^&1.2.3.4&ISO' \\\n"
         "      --user '<mother@https://portal.example>' --of-minor\n"
         "  causeway consent proxy add --patient 'P-17^^^&1.2.3.4&ISO' \\\n"
         "      --user '<son@https://portal.example>' --without-label SUD --until 2027-01-01 \\\n"
         "      --evidence 'power of attorney, cabinet 4'",
         add_options},
    KIND('C', "causeway consent proxy add"),
    .work = work_proxy_add,
};
static const struct operation_kind proxy_end = {
    .cli = {"causeway consent proxy end --patient CX --relation ID [--mistake]",
            "Ends a relation, from the next request on. Who was a representative is denied then,\n"
            "whatever the domain permits to others; with --mistake it is as if there had been no\n"
            "relation. Both stay in the history.",
            end_options},
    KIND('U', "causeway consent proxy end"),
    .work = work_proxy_end,
};
static const struct operation_kind proxy_list = {
    .cli = {"causeway consent proxy list --patient CX",
            "Lists who is, or was, a representative of the patient, how far and until when.",
            list_options},
    KIND('R', "causeway consent proxy list"),
    .work = work_proxy_list,
};

static const struct cli_verb proxy_verbs[] = {
    {"add", "record a representative", operation_run, &proxy_add},
    {"end", "end a relation", operation_run, &proxy_end},
    {"list", "a patient's representatives", operation_run, &proxy_list},
    {NULL, NULL, NULL, NULL},
};

int consent_proxy_run(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("consent proxy", "Who represents a patient: how far, and until when.",
                        proxy_verbs, argc, argv);
}
