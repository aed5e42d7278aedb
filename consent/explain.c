#include "consent/explain.h"

#include <string.h>

#include "consent/layers.h"
#include "consent/people.h"

/* Each rule's place in 45 CFR 171, what would change a decision by it, and what the patient reads.
 */
static const struct {
    const char *rule, *reason, *remedy, *plain;
} RULES[] = {
    {"unreadable", "171.204 infeasibility", "the policies becoming readable again",
     "Your consents could not be read, so nothing was shown."},
    {"no-person", "171.204 infeasibility", "the record belonging to a person of the index",
     "The record is not yet linked to a person, so nothing was shown."},
    {"member-standing", "171.203 security", "the operator admitting the member (member resume)",
     "The organization is not admitted to the exchange at present."},
    {"no-agreement", "171.202(b) privacy, precondition not satisfied",
     "an agreement that joins the two members for this purpose and class of document",
     "The two organizations have no agreement to share this."},
    {"patient-deny", "171.202(e) privacy, individual's request",
     "the patient revoking or narrowing the denial; no permit does",
     "You, or somebody on your behalf, refused this."},
    {"relation-ended", "171.202(b) privacy, precondition not satisfied",
     "a representation that is in force", "Who asked does not represent you any more, or not yet."},
    {"proxy-scope", "171.202(b) privacy, precondition not satisfied",
     "a representation that reaches this document", "Who asked represents you, but not for this."},
    {"minor-confidential", "171.202(b) privacy, precondition not satisfied",
     "the patient permitting it, or another category of what adolescents keep",
     "Adolescents may keep this to themselves."},
    {"sensitivity-default", "171.202(b) privacy, precondition not satisfied",
     "a permit of the patient that reaches this document",
     "This is sensitive; the region has a rule for it until you say something else."},
    {"domain-default", "171.202(b) privacy, precondition not satisfied",
     "a permit of the patient, or another domain default",
     "You said nothing about this; the region's general rule holds."},
    {"patient-permit", "", "a denial of the patient, or the end of the permit",
     "You, or somebody on your behalf, allowed this."},
    {"own-object", "", "a denial of the patient", "The organization wrote this itself."},
    {"self", "", "a denial of the patient", "You asked yourself."},
    {"proxy", "", "a denial of the patient, or the end of the representation",
     "Somebody who represents you asked."},
    {"break-glass", "", "the end of the emergency",
     "An emergency was declared, with a reason; it will be reviewed."},
};
enum { RULE_COUNT = sizeof(RULES) / sizeof(RULES[0]) };

static size_t find_rule(const char *rule)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (strcmp(rule, RULES[i].rule) == 0)
            return i;
    must(false, "a rule of consent/consent.h");
    return 0;
}

const char *consent_reason_class(const char *rule)
{
    return RULES[find_rule(rule)].reason;
}

const char *consent_remedy(const char *rule)
{
    return RULES[find_rule(rule)].remedy;
}

const char *consent_plain(const char *rule)
{
    return RULES[find_rule(rule)].plain;
}

/* --- the layers ------------------------------------------------------------------------------ */

struct tracing {
    struct consent_step *steps;
    size_t n;
};

static void step(struct tracing *t, const char *layer, struct person_ref person,
                 enum consent_verdict verdict, struct uuid by, int64_t version)
{
    t->steps[t->n++] = (struct consent_step){layer, verdict, person, by, version};
}

static void trace_agreement(struct tracing *t, struct person_ref person,
                            const struct consent_asked *asked, const struct consent_object *object,
                            const struct consent_policies *policies)
{
    const struct consent_agreement *g = consent_agreement_for(policies, asked, object);

    if (g == NULL)
        step(t, "agreement", person, CONSENT_SAYS_DENY, (struct uuid){{0}}, 0);
    else
        step(t, "agreement", person, CONSENT_SAYS_PERMIT, g->id, g->version);
}

static void trace_for(struct tracing *t, struct person_ref person,
                      const struct consent_asked *asker, const struct consent_object *object,
                      const struct consent_policies *policies)
{
    static const struct uuid NONE = {{0}};
    const struct consent_asked asked = consent_asked_about(policies, person, asker);
    bool own = object->source_member == asked.principal->member->id;
    struct consent_standing people = consent_relation_says(policies, person, &asked, object);
    struct consent_decision standard = consent_by_default(policies->domain, object);

    if (object->source_member != 0 && !own)
        trace_agreement(t, person, &asked, object, policies);
    for (size_t i = 0; i < policies->count; i++)
        if (person_ref_eq(policies->items[i].person, person))
            step(t, "patient", person, consent_policy_says(policies, i, &asked, object).verdict,
                 policies->items[i].id, policies->items[i].version);
    if (people.relation != NULL)
        step(t, "people", person, people.verdict, people.relation->id, people.relation->version);
    if (object->source_member != 0 && own)
        step(t, "own-object", person, CONSENT_SAYS_PERMIT, NONE, 0);
    step(t, standard.rule, person,
         standard.effect == CONSENT_PERMIT ? CONSENT_SAYS_PERMIT : CONSENT_SAYS_DENY, NONE,
         standard.policy_version);
}

size_t consent_trace(struct arena *a, const struct principal *principal,
                     const struct consent_object *object, int64_t at_us,
                     const struct consent_policies *policies, struct consent_step **out)
{
    enum { OTHERS = 4 }; /* agreement, people, own object, default */
    struct consent_asked asked = consent_asked_of(principal, at_us);
    struct consent_policies plain = *policies;
    const struct person *person = object->person;
    struct tracing t = {0};

    *out = NULL;
    if (!policies->readable || policies->domain == NULL || principal->member == NULL ||
        person == NULL)
        return 0;
    plain.focus = NULL;
    t.steps =
        ARENA_ARRAY(a, person->constituent_count * (policies->count + OTHERS), struct consent_step);
    for (size_t i = 0; i < person->constituent_count; i++)
        trace_for(&t, person->constituents[i], &asked, object, &plain);
    *out = t.steps;
    return t.n;
}

/* --- what if --------------------------------------------------------------------------------- */

/* What remains of an array when those with this id are taken away. */
#define KEEP_OTHERS(a, items, count, type, id_of_one)                                              \
    do {                                                                                           \
        type *kept = ARENA_ARRAY(a, (count), type);                                                \
        size_t n = 0;                                                                              \
        for (size_t i = 0; i < (count); i++)                                                       \
            if (!uuid_eq((items)[i].id, id_of_one))                                                \
                kept[n++] = (items)[i];                                                            \
        (items) = kept;                                                                            \
        (count) = n;                                                                               \
    } while (0)

bool consent_without(struct arena *a, const struct principal *principal,
                     const struct consent_object *object, int64_t at_us,
                     const struct consent_policies *policies, const struct consent_decision *d,
                     struct consent_decision *out)
{
    static const struct uuid NONE = {{0}};
    struct consent_policies less = *policies;
    struct uuid id = d->emergency != NULL ? d->emergency->id : d->policy;

    if (uuid_eq(id, NONE))
        return false;
    KEEP_OTHERS(a, less.items, less.count, struct consent_policy, id);
    KEEP_OTHERS(a, less.relations, less.relation_count, struct consent_relation, id);
    KEEP_OTHERS(a, less.emergencies, less.emergency_count, struct consent_emergency, id);
    less.focus = NULL;
    *out = consent_decide(principal, object, at_us, &less);
    return true;
}
