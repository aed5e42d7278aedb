#include "consent/consent_print.h"

#include "consent/decided.h"
#include "hub/base/clock.h"
#include "hub/command/cli_print.h"

static struct str effect_word(enum consent_effect effect)
{
    return effect == CONSENT_PERMIT ? STR("permit") : STR("deny");
}

static struct str domain_word(enum consent_effect effect)
{
    return effect == CONSENT_PERMIT ? STR("opt-out") : STR("opt-in");
}

static struct str patient_cx(const struct consent_view *v)
{
    return identifier_cx(v->arena, (struct identifier){v->xad_authority, v->person->xad_pid});
}

static struct str member_name(const struct consent_view *v, int64_t id)
{
    const struct member *m = member_by_id(v->members, id);

    if (id == 0)
        return STR_NONE;
    return m != NULL ? m->name : str_printf(v->arena, "member %lld", (long long)id);
}

static struct str time_text(const struct consent_view *v, int64_t us)
{
    return us == INT64_MIN || us == INT64_MAX ? STR_NONE : clock_iso(v->arena, us);
}

static struct str or_else(struct str s, struct str other)
{
    return s.p != NULL ? s : other;
}

static struct str policy_text(const struct consent_view *v, struct uuid policy)
{
    return uuid_eq(policy, (struct uuid){{0}}) ? STR_NONE : uuid_text(v->arena, policy);
}

/* The keys of a policy, into an object that is open. */
static void json_policy(const struct consent_view *v, const struct consent_policy *p,
                        struct strbuf *out)
{
    cli_json_text(out, "policy", uuid_text(v->arena, p->id));
    cli_json_int(out, "version", p->version);
    cli_json_text(out, "effect", effect_word(p->effect));
    cli_json_text(out, "member", member_name(v, p->member_id));
    cli_json_text(out, "from", time_text(v, p->valid_from_us));
    cli_json_text(out, "until", time_text(v, p->valid_until_us));
    cli_json_int(out, "person", p->person.person_id);
    if (p->rules == NULL)
        return;
    cli_json_key(out, "rules");
    strbuf_add(out, consent_rule_write(v->arena, p->rules));
}

void consent_json_obligations(unsigned obligations, struct strbuf *out)
{
    cli_json_key(out, "obligations");
    strbuf_lit(out, "[");
    for (int o = 0; o < CONSENT_OBLIGATION_COUNT; o++)
        if (obligations & 1u << o) {
            cli_json_comma(out);
            strbuf_addf(out, "\"%s\"", consent_obligation_word((enum consent_obligation)o));
        }
    strbuf_lit(out, "]");
}

static void json_duties(const struct consent_domain *d, struct strbuf *out)
{
    cli_json_key(out, "obligations");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < d->duty_count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "label", d->duties[i].label);
        consent_json_obligations(d->duties[i].obligations, out);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]");
}

static void json_sensitivities(const struct consent_domain *d, struct strbuf *out)
{
    cli_json_key(out, "sensitivities");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < d->sensitivity_count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "label", d->sensitivities[i].label);
        cli_json_text(out, "default", domain_word(d->sensitivities[i].standard.effect));
        cli_json_int(out, "version", d->sensitivities[i].standard.version);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]");
}

void consent_print_domain(const struct consent_view *v, const struct consent_domain *d,
                          struct strbuf *out)
{
    if (v->json) {
        strbuf_lit(out, "{");
        cli_json_text(out, "default", domain_word(d->standard.effect));
        cli_json_int(out, "version", d->standard.version);
        json_sensitivities(d, out);
        json_duties(d, out);
        strbuf_lit(out, "}\n");
        return;
    }
    strbuf_addf(out, "domain default: %.*s (version %lld)\n",
                STR_ARG(domain_word(d->standard.effect)), (long long)d->standard.version);
    for (size_t i = 0; i < d->sensitivity_count; i++)
        strbuf_addf(out, "for documents labelled %.*s: %.*s (version %lld)\n",
                    STR_ARG(d->sensitivities[i].label),
                    STR_ARG(domain_word(d->sensitivities[i].standard.effect)),
                    (long long)d->sensitivities[i].standard.version);
    for (size_t i = 0; i < d->duty_count; i++)
        strbuf_addf(out, "with documents labelled %.*s: %.*s\n", STR_ARG(d->duties[i].label),
                    STR_ARG(consent_obligations_text(v->arena, d->duties[i].obligations)));
}

static void json_policies(const struct consent_view *v, const struct consent_policies *p,
                          struct strbuf *out)
{
    strbuf_lit(out, "{");
    cli_json_text(out, "patient", patient_cx(v));
    cli_json_text(out, "default", domain_word(p->domain->standard.effect));
    cli_json_int(out, "default_version", p->domain->standard.version);
    cli_json_key(out, "policies");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < p->count; i++) {
        cli_json_comma(out);
        strbuf_lit(out, "{");
        json_policy(v, &p->items[i], out);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]}\n");
}

void consent_print_policies(const struct consent_view *v, const struct consent_policies *p,
                            struct strbuf *out)
{
    struct cli_table t = cli_table_on(v->arena, 5);

    if (v->json) {
        json_policies(v, p, out);
        return;
    }
    strbuf_addf(out, "patient %.*s\n", STR_ARG(patient_cx(v)));
    cli_table_row(&t, STR("POLICY"), STR("EFFECT"), STR("FOR"), STR("FROM"), STR("UNTIL"));
    for (size_t i = 0; i < p->count; i++) {
        const struct consent_policy *item = &p->items[i];

        cli_table_row(&t, uuid_text(v->arena, item->id), effect_word(item->effect),
                      or_else(member_name(v, item->member_id), STR("everyone")),
                      or_else(time_text(v, item->valid_from_us), STR("-")),
                      or_else(time_text(v, item->valid_until_us), STR("-")));
    }
    if (p->count > 0)
        cli_table_write(&t, out);
    else
        strbuf_lit(out, "no policies of the patient's own\n");
    strbuf_addf(out, "else the domain default: %.*s\n",
                STR_ARG(domain_word(p->domain->standard.effect)));
}

static void json_history(const struct consent_view *v, const struct rows *history,
                         struct strbuf *out)
{
    strbuf_lit(out, "[");
    for (int i = 0; i < history->count; i++) {
        struct consent_version h = consent_version_row(v->arena, history, i);

        cli_json_comma(out);
        strbuf_lit(out, "{");
        json_policy(v, &h.policy, out);
        cli_json_text(out, "recorded_at", clock_iso(v->arena, h.since_us));
        cli_json_text(out, "recorded_by", h.recorded_by);
        cli_json_text(out, "ended_at", time_text(v, h.until_us));
        cli_json_text(out, "ended_by", h.ended_by);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]\n");
}

void consent_print_history(const struct consent_view *v, const struct rows *history,
                           struct strbuf *out)
{
    struct cli_table t = cli_table_on(v->arena, 7);

    if (v->json) {
        json_history(v, history, out);
        return;
    }
    cli_table_row(&t, STR("RECORDED"), STR("BY"), STR("EFFECT"), STR("FOR"), STR("POLICY"),
                  STR("ENDED"), STR("BY"));
    for (int i = 0; i < history->count; i++) {
        struct consent_version h = consent_version_row(v->arena, history, i);

        cli_table_row(&t, clock_iso(v->arena, h.since_us), h.recorded_by,
                      effect_word(h.policy.effect),
                      or_else(member_name(v, h.policy.member_id), STR("everyone")),
                      uuid_text(v->arena, h.policy.id), or_else(time_text(v, h.until_us), STR("-")),
                      or_else(h.ended_by, STR("-")));
    }
    cli_table_write(&t, out);
}

static struct str verdict_word(enum consent_verdict verdict)
{
    static const char *const words[] = {
        [CONSENT_SILENT] = "nothing",
        [CONSENT_SAYS_DENY] = "deny",
        [CONSENT_SAYS_PERMIT] = "permit",
    };

    return str_from(words[verdict]);
}

static void print_obligations(const struct consent_decision *d, struct strbuf *out)
{
    for (int o = 0; o < CONSENT_OBLIGATION_COUNT; o++)
        if (d->obligations & 1u << o)
            strbuf_addf(out, "obligation: %s\n",
                        consent_obligation_word((enum consent_obligation)o));
}

/* --- a decision ------------------------------------------------------------------------------ */

static void json_step(const struct consent_view *v, const struct consent_step *s,
                      struct strbuf *out)
{
    cli_json_comma(out);
    strbuf_lit(out, "{");
    cli_json_text(out, "layer", str_from(s->layer));
    cli_json_text(out, "says", verdict_word(s->verdict));
    cli_json_int(out, "person", s->person.person_id);
    cli_json_text(out, "by", policy_text(v, s->by));
    cli_json_int(out, "version", s->version);
    strbuf_lit(out, "}");
}

static void json_why(const struct consent_view *v, const struct consent_explained *e,
                     struct strbuf *out)
{
    cli_json_key(out, "steps");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < e->step_count; i++)
        json_step(v, &e->steps[i], out);
    strbuf_lit(out, "]");
    cli_json_text(out, "remedy", str_from(consent_remedy(e->decision.rule)));
    cli_json_text(out, "without", e->could_change ? effect_word(e->without.effect) : STR_NONE);
    cli_json_text(out, "without_rule", e->could_change ? str_from(e->without.rule) : STR_NONE);
}

static void json_as_of(const struct consent_view *v, const struct consent_explained *e,
                       struct strbuf *out)
{
    cli_json_text(out, "as_of", clock_iso(v->arena, e->as_of_us));
    cli_json_key(out, "from_today");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < e->from_today_count; i++) {
        cli_json_comma(out);
        strbuf_addf(out, "\"%.*s\"", STR_ARG(e->from_today[i]));
    }
    strbuf_lit(out, "]");
}

static void json_decision(const struct consent_view *v, const struct consent_explained *e,
                          bool whole, struct strbuf *out)
{
    const struct consent_decision *d = &e->decision;

    strbuf_lit(out, "{");
    cli_json_text(out, "decision", effect_word(d->effect));
    cli_json_text(out, "rule", str_from(d->rule));
    cli_json_text(out, "policy", policy_text(v, d->policy));
    cli_json_int(out, "version", d->policy_version);
    cli_json_bool(out, "overridable", d->overridable);
    cli_json_text(out, "overrode", d->overrode != NULL ? str_from(d->overrode) : STR_NONE);
    cli_json_text(out, "reason_class", str_from(consent_reason_class(d->rule)));
    consent_json_obligations(d->obligations, out);
    cli_json_text(out, "member", e->member->name);
    cli_json_text(out, "patient", patient_cx(v));
    if (e->as_of_us != 0)
        json_as_of(v, e, out);
    if (whole)
        json_why(v, e, out);
    strbuf_lit(out, "}\n");
}

static void print_why(const struct consent_view *v, const struct consent_explained *e,
                      struct strbuf *out)
{
    struct cli_table t = cli_table_on(v->arena, 4);

    cli_table_row(&t, STR("LAYER"), STR("SAYS"), STR("BY"), STR("PERSON"));
    for (size_t i = 0; i < e->step_count; i++) {
        const struct consent_step *s = &e->steps[i];

        cli_table_row(&t, str_from(s->layer), verdict_word(s->verdict),
                      or_else(policy_text(v, s->by), STR("-")),
                      str_printf(v->arena, "%lld", (long long)s->person.person_id));
    }
    cli_table_write(&t, out);
    if (e->could_change)
        strbuf_addf(out, "without it: %.*s by %s\n", STR_ARG(effect_word(e->without.effect)),
                    e->without.rule);
    strbuf_addf(out, "what would change it: %s\n", consent_remedy(e->decision.rule));
}

void consent_print_decision(const struct consent_view *v, const struct consent_explained *e,
                            bool whole, struct strbuf *out)
{
    const struct consent_decision *d = &e->decision;
    struct str policy = policy_text(v, d->policy);

    if (v->json) {
        json_decision(v, e, whole, out);
        return;
    }
    strbuf_addf(out, "%.*s: %.*s by %s", STR_ARG(effect_word(d->effect)), STR_ARG(e->member->name),
                d->rule);
    if (policy.p != NULL)
        strbuf_addf(out, " %.*s", STR_ARG(policy));
    if (d->policy_version > 0)
        strbuf_addf(out, ", version %lld", (long long)d->policy_version);
    strbuf_lit(out, "\n");
    if (d->effect == CONSENT_DENY)
        strbuf_addf(out, "45 CFR %s%s\n", consent_reason_class(d->rule),
                    d->overridable ? "; an emergency may override it" : "");
    print_obligations(d, out);
    for (size_t i = 0; i < e->from_today_count; i++)
        strbuf_addf(out, "taken from today: %.*s\n", STR_ARG(e->from_today[i]));
    if (whole)
        print_why(v, e, out);
}

/* An earlier deny that reaches whom the permit is for. Periods are not compared: a warning. */
static const struct consent_policy *overriding(const struct consent_policy *p,
                                               const struct consent_policies *now)
{
    for (size_t i = 0; p->effect == CONSENT_PERMIT && i < now->count; i++) {
        const struct consent_policy *other = &now->items[i];

        if (other->effect == CONSENT_DENY &&
            (other->member_id == 0 || p->member_id == 0 || other->member_id == p->member_id))
            return other;
    }
    return NULL;
}

void consent_print_set(const struct consent_view *v, const struct consent_policy *p,
                       const struct consent_policies *now, struct strbuf *out)
{
    const struct consent_policy *deny = overriding(p, now);

    if (v->json) {
        strbuf_lit(out, "{");
        json_policy(v, p, out);
        cli_json_text(out, "patient", patient_cx(v));
        cli_json_text(out, "overridden_by", deny ? uuid_text(v->arena, deny->id) : STR_NONE);
        strbuf_lit(out, "}\n");
        return;
    }
    strbuf_addf(out, "recorded policy %.*s\n", STR_ARG(uuid_text(v->arena, p->id)));
    if (deny != NULL)
        strbuf_addf(out,
                    "note: the patient's deny %.*s overrides it for whom it reaches; revoke that "
                    "one if the patient changed their mind\n",
                    STR_ARG(uuid_text(v->arena, deny->id)));
    consent_print_policies(v, now, out);
}
