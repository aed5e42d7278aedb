#include "consent/consent.h"

#include <string.h>

#include "consent/layers.h"
#include "consent/match.h"
#include "consent/people.h"
#include "consent/purpose.h"
#include "hub/base/pair_index.h"

/* What was settled for one asker. */
struct consent_focus {
    struct principal principal; /* a copy: a request may go on for another asker */
    struct consent_asked asked;
    const struct consent_rule **rules;      /* by policy; NULL: silent, or no rules of its own */
    bool *speaks;                           /* by policy: it governs this member, now */
    struct pair_index people;               /* those whose policies were read: number of a person */
    size_t *first, *next;                   /* a person's policies: by person, and by policy */
    size_t *relation_first, *relation_next; /* the asker's relations, likewise */
    unsigned *relations;                    /* those that count now, by person */
    const struct consent_agreement **agreements;
    size_t agreement_count;
};

static struct consent_decision decided(enum consent_effect effect, const char *rule)
{
    return (struct consent_decision){.effect = effect, .rule = rule};
}

/* --- agreements ------------------------------------------------------------------------------ */

static bool is_community(const struct consent_domain *d, int64_t member)
{
    for (size_t i = 0; i < d->community_count; i++)
        if (d->communities[i] == member)
            return true;
    return false;
}

static bool is_party(const struct consent_domain *d, const struct consent_agreement *g,
                     int64_t member)
{
    bool region = g->party_count == 0;

    for (size_t i = 0; i < g->party_count; i++) {
        if (g->parties[i] == member)
            return true;
        region |= g->parties[i] == CONSENT_REGION;
    }
    return region && !is_community(d, member);
}

bool consent_agreement_joins(const struct consent_domain *d, const struct consent_agreement *g,
                             int64_t one, int64_t other, struct coded purpose, int64_t at_us)
{
    bool for_this = g->purpose_count == 0;

    for (size_t i = 0; i < g->purpose_count; i++)
        for_this |= consent_purpose_includes(g->purposes[i], purpose);
    return for_this && g->valid_from_us <= at_us && at_us < g->valid_until_us &&
           is_party(d, g, one) && is_party(d, g, other);
}

bool consent_agreement_covers(const struct consent_agreement *g, struct coded class_code)
{
    for (size_t i = 0; i < g->class_count; i++)
        if (str_eq(g->classes[i].code, class_code.code) &&
            (g->classes[i].system.n == 0 || str_eq(g->classes[i].system, class_code.system)))
            return true;
    return g->class_count == 0;
}

/* A container may hold documents of any class; identities and links are of none. */
static bool covers_object(const struct consent_agreement *g, const struct consent_object *o)
{
    struct coded class_code;

    if (g->class_count == 0 || o->kind == CONSENT_IDENTITY || o->kind == CONSENT_LINK)
        return true;
    return o->kind == CONSENT_ENTRY && o->reader != NULL &&
           o->reader->value(o->about, CONSENT_CLASS, 0, &class_code) &&
           consent_agreement_covers(g, class_code);
}

const struct consent_agreement *consent_agreement_for(const struct consent_policies *policies,
                                                      const struct consent_asked *asked,
                                                      const struct consent_object *o)
{
    const struct consent_domain *d = policies->domain;
    int64_t member = asked->principal->member->id;

    if (policies->focus != NULL) {
        for (size_t i = 0; i < policies->focus->agreement_count; i++)
            if (is_party(d, policies->focus->agreements[i], o->source_member) &&
                covers_object(policies->focus->agreements[i], o))
                return policies->focus->agreements[i];
        return NULL;
    }
    for (size_t i = 0; i < d->agreement_count; i++)
        if (consent_agreement_joins(d, &d->agreements[i], member, o->source_member, asked->purpose,
                                    asked->at_us) &&
            covers_object(&d->agreements[i], o))
            return &d->agreements[i];
    return NULL;
}

/* --- the patient's policies ------------------------------------------------------------------ */

static bool was_read(const struct consent_policies *policies, struct person_ref person)
{
    if (policies->focus != NULL)
        return pair_index_find(&policies->focus->people, person.pkey, person.person_id) !=
               PAIR_NONE;
    for (size_t i = 0; i < policies->person_count; i++)
        if (person_ref_eq(policies->persons[i], person))
            return true;
    return false;
}

/* The first policy of a person who was read, and the next one; past the last: policies->count. */
static size_t policy_from(const struct consent_policies *policies, struct person_ref person,
                          size_t i)
{
    while (i < policies->count && !person_ref_eq(policies->items[i].person, person))
        i++;
    return i;
}

static size_t first_policy(const struct consent_policies *policies, struct person_ref person)
{
    const struct consent_focus *f = policies->focus;

    return f != NULL ? f->first[pair_index_find(&f->people, person.pkey, person.person_id)]
                     : policy_from(policies, person, 0);
}

static size_t next_policy(const struct consent_policies *policies, struct person_ref person,
                          size_t i)
{
    const struct consent_focus *f = policies->focus;

    return f != NULL ? f->next[i] : policy_from(policies, person, i + 1);
}

/* The first of a list at or behind i that is of this person; past the last: the count. */
static size_t relation_from(const struct consent_policies *policies, struct person_ref person,
                            size_t i)
{
    while (i < policies->relation_count && !person_ref_eq(policies->relations[i].person, person))
        i++;
    return i;
}

size_t consent_first_relation(const struct consent_policies *policies, struct person_ref person)
{
    const struct consent_focus *f = policies->focus;
    size_t number;

    if (f == NULL)
        return relation_from(policies, person, 0);
    number = pair_index_find(&f->people, person.pkey, person.person_id);
    return number != PAIR_NONE ? f->relation_first[number] : policies->relation_count;
}

size_t consent_next_relation(const struct consent_policies *policies, struct person_ref person,
                             size_t i)
{
    const struct consent_focus *f = policies->focus;

    return f != NULL ? f->relation_next[i] : relation_from(policies, person, i + 1);
}

static bool speaks(const struct consent_policy *p, const struct consent_asked *asked)
{
    return (p->member_id == 0 || p->member_id == asked->principal->member->id) &&
           p->valid_from_us <= asked->at_us && asked->at_us < p->valid_until_us;
}

/* What policy i says: by what was settled for the asker, or from the beginning. */
struct consent_said consent_policy_says(const struct consent_policies *policies, size_t i,
                                        const struct consent_asked *asked,
                                        const struct consent_object *object)
{
    const struct consent_policy *p = &policies->items[i];
    const struct consent_focus *f = policies->focus;
    const struct consent_rule *rules = f != NULL ? f->rules[i] : p->rules;

    if (f != NULL ? !f->speaks[i] : !speaks(p, asked))
        return (struct consent_said){CONSENT_SILENT, false, 0};
    if (p->unreadable)
        return (struct consent_said){CONSENT_SAYS_DENY, false, 0};
    if (p->rules == NULL)
        return (struct consent_said){p->effect == CONSENT_DENY ? CONSENT_SAYS_DENY
                                                               : CONSENT_SAYS_PERMIT,
                                     false, 0};
    if (rules == NULL)
        return (struct consent_said){CONSENT_SILENT, false, 0};
    return consent_rule_says(rules, asked, object);
}

/* Of two policies that say the same, the one to name: the older (UUIDv7), whatever their order. */
static bool is_named_before(const struct consent_policy *a, const struct consent_policy *b)
{
    return b == NULL || memcmp(a->id.b, b->id.b, sizeof(a->id.b)) < 0;
}

/* Denials and permits of one constituent. Only a denial that every policy would let be broken is
 * overridable; obligations of all permits hold. */
struct voices {
    const struct consent_policy *deny, *permit;
    bool overridable;
    unsigned obligations;
};

static struct voices voices_of(struct person_ref person, const struct consent_policies *policies,
                               const struct consent_asked *asked,
                               const struct consent_object *object)
{
    struct voices v = {.overridable = true};

    for (size_t i = first_policy(policies, person); i < policies->count;
         i = next_policy(policies, person, i)) {
        const struct consent_policy *p = &policies->items[i];
        struct consent_said said = consent_policy_says(policies, i, asked, object);

        if (said.verdict == CONSENT_SAYS_DENY) {
            v.deny = is_named_before(p, v.deny) ? p : v.deny;
            v.overridable = v.overridable && said.overridable;
        } else if (said.verdict == CONSENT_SAYS_PERMIT) {
            v.permit = is_named_before(p, v.permit) ? p : v.permit;
            v.obligations |= said.obligations;
        }
    }
    return v;
}

/* --- the domain's defaults ------------------------------------------------------------------- */

static bool has_label(const struct consent_object *o, struct str label)
{
    struct coded value;

    for (size_t i = 0; o->reader != NULL && o->reader->value(o->about, CONSENT_LABEL, i, &value);
         i++)
        if (str_eq(value.code, label))
            return true;
    return false;
}

/* A container may hold what is protected, and what is not. */
static bool applies(const struct consent_sensitivity *s, const struct consent_object *o)
{
    if (o->kind == CONSENT_CONTAINER)
        return s->standard.effect == CONSENT_DENY;
    return o->kind == CONSENT_ENTRY && has_label(o, s->label);
}

/* A sensitivity's default before the general one; among sensitivities a denial. */
struct consent_decision consent_by_default(const struct consent_domain *d,
                                           const struct consent_object *o)
{
    const struct consent_default *speaks = NULL;
    struct consent_decision out;

    for (size_t i = 0; i < d->sensitivity_count; i++) {
        const struct consent_sensitivity *s = &d->sensitivities[i];

        if ((speaks == NULL || speaks->effect == CONSENT_PERMIT) && applies(s, o))
            speaks = &s->standard;
    }
    out = speaks != NULL ? decided(speaks->effect, "sensitivity-default")
                         : decided(d->standard.effect, "domain-default");
    out.policy_version = speaks != NULL ? speaks->version : d->standard.version;
    out.overridable = out.effect == CONSENT_DENY;
    return out;
}

/* --- the decision ---------------------------------------------------------------------------- */

struct consent_asked consent_asked_about(const struct consent_policies *policies,
                                         struct person_ref person,
                                         const struct consent_asked *asked)
{
    const struct consent_focus *f = policies->focus;
    struct consent_asked about = *asked;
    size_t number;

    if (policies->relation_count == 0)
        return about;
    if (f == NULL) {
        about.relations = consent_relations_of(policies, person, asked->principal, asked->at_us);
        return about;
    }
    number = pair_index_find(&f->people, person.pkey, person.person_id);
    about.relations = number != PAIR_NONE ? f->relations[number] : CONSENT_RELATIONS_NONE;
    return about;
}

/* What a representative may not see besides, no emergency opens. */
static struct consent_decision by_denial(const struct voices *v, enum consent_verdict standing)
{
    struct consent_decision d = decided(CONSENT_DENY, "patient-deny");

    d.policy = v->deny->id;
    d.policy_version = v->deny->version;
    d.overridable = v->overridable && standing != CONSENT_SAYS_DENY;
    return d;
}

static struct consent_decision by_permit(const struct voices *v)
{
    struct consent_decision d = decided(CONSENT_PERMIT, "patient-permit");

    d.policy = v->permit->id;
    d.policy_version = v->permit->version;
    d.obligations = v->obligations;
    return d;
}

static struct consent_decision by_relation(const struct consent_standing *s)
{
    struct consent_decision d =
        decided(s->verdict == CONSENT_SAYS_DENY ? CONSENT_DENY : CONSENT_PERMIT, s->rule);

    d.policy = s->relation->id;
    d.policy_version = s->relation->version;
    return d;
}

/* The layers for one constituent. What its publisher reads back is no disclosure to anyone new, so
 * it does not wait for an opt-in: it beats the default. It does not beat the patient's own deny
 * (ARCHITECTURE.md, promise 5: deny wins): the hub cannot tell the publisher's author from its
 * other thousand users. Replacing or deprecating needs no reading: submission checks see
 * everything. */
static struct consent_decision decide_for(struct person_ref person,
                                          const struct consent_asked *asker,
                                          const struct consent_object *object,
                                          const struct consent_policies *policies)
{
    const struct consent_asked about = consent_asked_about(policies, person, asker),
                               *asked = &about;
    bool own = object->source_member == asked->principal->member->id;
    struct consent_standing standing;
    struct voices v;

    if (!was_read(policies, person))
        return decided(CONSENT_DENY, "unreadable");
    if (object->source_member != 0 && !own &&
        consent_agreement_for(policies, asked, object) == NULL)
        return decided(CONSENT_DENY, "no-agreement");
    v = voices_of(person, policies, asked, object);
    standing = consent_relation_says(policies, person, asked, object);
    if (v.deny != NULL)
        return by_denial(&v, standing.verdict);
    if (standing.verdict == CONSENT_SAYS_DENY)
        return by_relation(&standing);
    if (v.permit != NULL)
        return by_permit(&v);
    if (object->source_member != 0 && own)
        return decided(CONSENT_PERMIT, "own-object");
    if (standing.verdict == CONSENT_SAYS_PERMIT)
        return by_relation(&standing);
    return consent_by_default(policies->domain, object);
}

/* What the domain binds to the object's labels. A publisher that reads its own back is told
 * nothing new; a container is told about by what is shown of it. */
static unsigned duties_of(const struct consent_domain *d, const struct consent_asked *asked,
                          const struct consent_object *o)
{
    unsigned obligations = 0;

    if (o->kind != CONSENT_ENTRY || o->source_member == asked->principal->member->id)
        return 0;
    for (size_t i = 0; i < d->duty_count; i++)
        if (has_label(o, d->duties[i].label))
            obligations |= d->duties[i].obligations;
    return obligations;
}

/* Denials first, of them those that nothing overrides; among equals a decision of the patient
 * before a default's, whose policy is zero. */
static bool stricter(const struct consent_decision *a, const struct consent_decision *b)
{
    if (a->effect != b->effect)
        return a->effect == CONSENT_DENY;
    if (a->effect == CONSENT_DENY && a->overridable != b->overridable)
        return b->overridable;
    return memcmp(a->policy.b, b->policy.b, sizeof(a->policy.b)) > 0;
}

/* An emergency opens what may be overridden. */
static struct consent_decision break_glass(struct consent_decision d,
                                           const struct consent_asked *asked,
                                           const struct person *person,
                                           const struct consent_policies *policies)
{
    if (d.effect != CONSENT_DENY || !d.overridable ||
        !consent_emergency_holds(policies, person, asked, &d.emergency))
        return d;
    d.effect = CONSENT_PERMIT;
    d.overrode = d.rule;
    d.rule = "break-glass";
    d.overridable = false;
    return d;
}

static struct consent_decision strictest(const struct consent_asked *asked,
                                         const struct consent_object *object,
                                         const struct consent_policies *policies)
{
    const struct person *person = object->person;
    struct consent_decision out = {0};
    unsigned obligations = 0;

    for (size_t i = 0; i < person->constituent_count; i++) {
        struct consent_decision d = decide_for(person->constituents[i], asked, object, policies);

        obligations |= d.obligations;
        if (i == 0 || stricter(&d, &out))
            out = d;
    }
    out.obligations = out.effect == CONSENT_PERMIT ? obligations : 0;
    out = break_glass(out, asked, person, policies);
    if (out.effect == CONSENT_PERMIT)
        out.obligations |= duties_of(policies->domain, asked, object);
    return out;
}

/* By the bytes: whoever differs in them is asked about anew, which is slower and never wrong. */
static bool is_focused(const struct consent_focus *f, const struct principal *principal,
                       int64_t at_us)
{
    return f != NULL && f->asked.at_us == at_us &&
           memcmp(&f->principal, principal, sizeof(*principal)) == 0;
}

struct consent_decision consent_decide(const struct principal *principal,
                                       const struct consent_object *object, int64_t at_us,
                                       const struct consent_policies *policies)
{
    const struct consent_focus *f = policies->focus;
    struct consent_policies unfocused;
    struct consent_asked asked;

    if (!policies->readable || policies->domain == NULL)
        return decided(CONSENT_DENY, "unreadable");
    if (principal->member == NULL || principal->member->suspended)
        return decided(CONSENT_DENY, "member-standing");
    if (object->person == NULL || object->person->constituent_count == 0)
        return decided(CONSENT_DENY, "no-person");
    if (is_focused(f, principal, at_us))
        return strictest(&f->asked, object, policies);
    asked = consent_asked_of(principal, at_us);
    unfocused = *policies;
    unfocused.focus = NULL;
    return strictest(&asked, object, &unfocused);
}

/* --- for one asker --------------------------------------------------------------------------- */

static void focus_agreements(struct arena *a, const struct consent_domain *d,
                             struct consent_focus *f)
{
    int64_t member = f->asked.principal->member->id;

    f->agreements = ARENA_ARRAY(a, d->agreement_count, const struct consent_agreement *);
    for (size_t i = 0; i < d->agreement_count; i++)
        if (consent_agreement_joins(d, &d->agreements[i], member, member, f->asked.purpose,
                                    f->asked.at_us))
            f->agreements[f->agreement_count++] = &d->agreements[i];
}

/* Whose policies were read, and which are whose. */
static void focus_people(struct arena *a, const struct consent_policies *policies,
                         struct consent_focus *f)
{
    f->people = pair_index_on(a, policies->person_count);
    f->first = ARENA_ARRAY(a, policies->person_count, size_t);
    f->next = ARENA_ARRAY(a, policies->count, size_t);
    for (size_t i = 0; i < policies->person_count; i++) {
        f->first[i] = policies->count;
        (void)pair_index_put(&f->people, policies->persons[i].pkey, policies->persons[i].person_id,
                             i);
    }
    for (size_t i = policies->count; i-- > 0;) {
        struct person_ref whose = policies->items[i].person;
        size_t person = pair_index_find(&f->people, whose.pkey, whose.person_id);

        f->next[i] = policies->count;
        if (person == PAIR_NONE) /* one who shares a place with them */
            continue;
        f->next[i] = f->first[person];
        f->first[person] = i;
    }
}

/* Which relations are the asker's, and to whom. After focus_people. */
static void focus_relations(struct arena *a, const struct consent_policies *policies,
                            struct consent_focus *f)
{
    struct consent_policies focused = *policies;

    f->relation_first = ARENA_ARRAY(a, policies->person_count, size_t);
    f->relation_next = ARENA_ARRAY(a, policies->relation_count, size_t);
    f->relations = ARENA_ARRAY(a, policies->person_count, unsigned);
    for (size_t i = 0; i < policies->person_count; i++)
        f->relation_first[i] = policies->relation_count;
    for (size_t i = policies->relation_count; i-- > 0;) {
        struct person_ref whose = policies->relations[i].person;
        size_t person = pair_index_find(&f->people, whose.pkey, whose.person_id);

        f->relation_next[i] = policies->relation_count;
        if (person == PAIR_NONE || !str_eq(policies->relations[i].user, f->principal.user))
            continue;
        f->relation_next[i] = f->relation_first[person];
        f->relation_first[person] = i;
    }
    focused.focus = f;
    for (size_t i = 0; policies->relation_count > 0 && i < policies->person_count; i++)
        f->relations[i] =
            consent_relations_of(&focused, policies->persons[i], &f->principal, f->asked.at_us);
}

void consent_focus(struct arena *a, const struct principal *principal, int64_t at_us,
                   struct consent_policies *policies)
{
    struct consent_policies focused;
    struct consent_focus *f;

    policies->focus = NULL;
    if (!policies->readable || policies->domain == NULL || principal->member == NULL)
        return;
    f = ARENA_NEW(a, struct consent_focus);
    *f = (struct consent_focus){
        .principal = *principal,
        .rules = ARENA_ARRAY(a, policies->count, const struct consent_rule *),
        .speaks = ARENA_ARRAY(a, policies->count, bool),
    };
    f->asked = consent_asked_of(&f->principal, at_us);
    focus_agreements(a, policies->domain, f);
    focus_people(a, policies, f);
    focus_relations(a, policies, f);
    focused = *policies;
    focused.focus = f;
    for (size_t i = 0; i < policies->count; i++) {
        const struct consent_policy *p = &policies->items[i];
        struct consent_asked asked = consent_asked_about(&focused, p->person, &f->asked);

        f->speaks[i] = speaks(p, &asked);
        if (f->speaks[i] && p->rules != NULL)
            f->rules[i] = consent_rule_focus(a, p->rules, &asked);
    }
    policies->focus = f;
}
