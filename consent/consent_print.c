#include "consent/consent_print.h"

#include "hub/base/clock.h"
#include "hub/base/json_text.h"

static const char *effect_word(enum consent_effect effect)
{
    return effect == CONSENT_PERMIT ? "permit" : "deny";
}

static const char *domain_word(enum consent_effect effect)
{
    return effect == CONSENT_PERMIT ? "opt-out" : "opt-in";
}

static struct str patient_cx(const struct consent_view *v)
{
    return identifier_cx(v->arena, (struct identifier){v->xad_authority, v->person->xad_pid});
}

/* A member that has been removed is still named by its number. */
static struct str member_name(const struct consent_view *v, int64_t id)
{
    const struct member *m = member_by_id(v->members, id);

    return m != NULL ? m->name : str_printf(v->arena, "member %lld", (long long)id);
}

/* One "key": "text" or null, after a comma. */
static void json_field(struct strbuf *b, const char *key, struct str value)
{
    strbuf_addf(b, ", \"%s\": ", key);
    if (value.p == NULL)
        strbuf_lit(b, "null");
    else
        json_text_add(b, value);
}

static struct str time_text(struct arena *a, int64_t us)
{
    return us == INT64_MIN || us == INT64_MAX ? STR_NONE : clock_iso(a, us);
}

static void json_policy(const struct consent_view *v, struct strbuf *b,
                        const struct consent_policy *p)
{
    strbuf_addf(b, "{\"version\": %lld, \"effect\": \"%s\"", (long long)p->version,
                effect_word(p->effect));
    json_field(b, "policy", uuid_text(v->arena, p->id));
    json_field(b, "member", p->member_id == 0 ? STR_NONE : member_name(v, p->member_id));
    json_field(b, "from", time_text(v->arena, p->valid_from_us));
    json_field(b, "until", time_text(v->arena, p->valid_until_us));
    strbuf_addf(b, ", \"person\": %lld", (long long)p->person.person_id);
}

static void text_policy(const struct consent_view *v, struct strbuf *b,
                        const struct consent_policy *p)
{
    struct str from = time_text(v->arena, p->valid_from_us);
    struct str until = time_text(v->arena, p->valid_until_us);

    strbuf_addf(b, "%.*s  %-6s  ", STR_ARG(uuid_text(v->arena, p->id)), effect_word(p->effect));
    strbuf_add(b, p->member_id == 0 ? STR("everyone") : member_name(v, p->member_id));
    if (from.p != NULL)
        strbuf_addf(b, "  from %.*s", STR_ARG(from));
    if (until.p != NULL)
        strbuf_addf(b, "  until %.*s", STR_ARG(until));
    if (v->person->constituent_count > 1)
        strbuf_addf(b, "  (constituent %lld)", (long long)p->person.person_id);
}

struct str consent_print_default(const struct consent_view *v, const struct consent_default *d)
{
    struct strbuf b = strbuf_on(v->arena, 128);

    if (v->json)
        strbuf_addf(&b, "{\"default\": \"%s\", \"version\": %lld}\n", domain_word(d->effect),
                    (long long)d->version);
    else
        strbuf_addf(&b, "domain default: %s (version %lld)\n", domain_word(d->effect),
                    (long long)d->version);
    return strbuf_str(&b);
}

static struct str json_policies(const struct consent_view *v, const struct consent_policies *p)
{
    struct strbuf b = strbuf_on(v->arena, 1024);

    strbuf_addf(&b, "{\"default\": \"%s\", \"default_version\": %lld",
                domain_word(p->standard.effect), (long long)p->standard.version);
    json_field(&b, "patient", patient_cx(v));
    strbuf_lit(&b, ", \"policies\": [");
    for (size_t i = 0; i < p->count; i++) {
        strbuf_add(&b, i == 0 ? STR("") : STR(", "));
        json_policy(v, &b, &p->items[i]);
        strbuf_addc(&b, '}');
    }
    strbuf_lit(&b, "]}\n");
    return strbuf_str(&b);
}

struct str consent_print_policies(const struct consent_view *v, const struct consent_policies *p)
{
    struct strbuf b = strbuf_on(v->arena, 1024);

    if (v->json)
        return json_policies(v, p);
    strbuf_addf(&b, "patient %.*s\n", STR_ARG(patient_cx(v)));
    for (size_t i = 0; i < p->count; i++) {
        strbuf_lit(&b, "  ");
        text_policy(v, &b, &p->items[i]);
        strbuf_addc(&b, '\n');
    }
    if (p->count == 0)
        strbuf_lit(&b, "  no policies of the patient's own\n");
    strbuf_addf(&b, "  else the domain default: %s\n", domain_word(p->standard.effect));
    return strbuf_str(&b);
}

static void json_version(const struct consent_view *v, struct strbuf *b,
                         const struct consent_version *h)
{
    json_policy(v, b, &h->policy);
    json_field(b, "recorded_at", clock_iso(v->arena, h->since_us));
    json_field(b, "recorded_by", h->recorded_by);
    json_field(b, "ended_at", time_text(v->arena, h->until_us));
    json_field(b, "ended_by", h->ended_by);
    strbuf_addc(b, '}');
}

static void text_version(const struct consent_view *v, struct strbuf *b,
                         const struct consent_version *h)
{
    struct str ended = time_text(v->arena, h->until_us);

    strbuf_addf(b, "%.*s %.*s\n  ", STR_ARG(clock_iso(v->arena, h->since_us)),
                STR_ARG(h->recorded_by));
    text_policy(v, b, &h->policy);
    if (ended.p != NULL)
        strbuf_addf(b, "\n  ended %.*s by %.*s", STR_ARG(ended), STR_ARG(h->ended_by));
    strbuf_addc(b, '\n');
}

struct str consent_print_history(const struct consent_view *v, const struct rows *history)
{
    struct strbuf b = strbuf_on(v->arena, 1024);

    if (v->json)
        strbuf_addc(&b, '[');
    for (int i = 0; i < history->count; i++) {
        struct consent_version h = consent_version_row(history, i);

        if (v->json && i > 0)
            strbuf_lit(&b, ", ");
        (v->json ? json_version : text_version)(v, &b, &h);
    }
    if (v->json)
        strbuf_lit(&b, "]\n");
    else if (history->count == 0)
        strbuf_lit(&b, "no policy was ever recorded for this patient\n");
    return strbuf_str(&b);
}

struct str consent_print_decision(const struct consent_view *v, const struct member *member,
                                  const struct consent_decision *d)
{
    struct strbuf b = strbuf_on(v->arena, 512);
    bool by_policy = !uuid_eq(d->policy, (struct uuid){{0}});
    struct str policy = by_policy ? uuid_text(v->arena, d->policy) : STR_NONE;

    if (v->json) {
        strbuf_addf(&b, "{\"decision\": \"%s\", \"rule\": \"%s\", \"version\": %lld",
                    effect_word(d->effect), d->rule, (long long)d->policy_version);
        json_field(&b, "policy", policy);
        json_field(&b, "member", member->name);
        json_field(&b, "patient", patient_cx(v));
        strbuf_lit(&b, "}\n");
        return strbuf_str(&b);
    }
    strbuf_addf(&b, "%s: %.*s by %s", effect_word(d->effect), STR_ARG(member->name), d->rule);
    if (by_policy)
        strbuf_addf(&b, " %.*s", STR_ARG(policy));
    if (d->policy_version > 0)
        strbuf_addf(&b, ", version %lld", (long long)d->policy_version);
    strbuf_addc(&b, '\n');
    return strbuf_str(&b);
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

struct str consent_print_set(const struct consent_view *v, const struct consent_policy *p,
                             const struct consent_policies *now)
{
    const struct consent_policy *deny = overriding(p, now);
    struct strbuf b = strbuf_on(v->arena, 512);

    if (v->json) {
        json_policy(v, &b, p);
        json_field(&b, "patient", patient_cx(v));
        json_field(&b, "overridden_by", deny ? uuid_text(v->arena, deny->id) : STR_NONE);
        strbuf_lit(&b, "}\n");
        return strbuf_str(&b);
    }
    strbuf_lit(&b, "recorded ");
    text_policy(v, &b, p);
    strbuf_addc(&b, '\n');
    if (deny != NULL)
        strbuf_addf(&b,
                    "note: the patient's deny %.*s overrides it for whom it reaches; "
                    "revoke that one if the patient changed his mind\n",
                    STR_ARG(uuid_text(v->arena, deny->id)));
    return strbuf_str(&b);
}
