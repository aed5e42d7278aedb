#include "consent/consent.h"

#include <string.h>

static struct consent_decision decided(enum consent_effect effect, const char *rule)
{
    return (struct consent_decision){.effect = effect, .rule = rule};
}

static struct consent_decision decided_by(const struct consent_policy *p, const char *rule)
{
    return (struct consent_decision){.effect = p->effect,
                                     .rule = rule,
                                     .policy = p->id,
                                     .policy_version = p->version};
}

static bool was_read(const struct consent_policies *policies, struct person_ref person)
{
    for (size_t i = 0; i < policies->person_count; i++)
        if (person_ref_eq(policies->persons[i], person))
            return true;
    return false;
}

static bool applies(const struct consent_policy *p, struct person_ref person, int64_t member,
                    int64_t at_us)
{
    return person_ref_eq(p->person, person) && (p->member_id == 0 || p->member_id == member) &&
           p->valid_from_us <= at_us && at_us < p->valid_until_us;
}

/* Of two policies that say the same, the one to name: the older (UUIDv7), whatever their order. */
static const struct consent_policy *named(const struct consent_policy *a,
                                          const struct consent_policy *b)
{
    return a == NULL || memcmp(b->id.b, a->id.b, sizeof(a->id.b)) < 0 ? b : a;
}

/* The layers for one constituent. What its publisher reads back is no disclosure to anyone new, so
 * it does not wait for an opt-in: it beats the default. It does not beat the patient's own deny
 * (ARCHITECTURE.md, promise 5: deny wins): the hub cannot tell the publisher's author from its
 * other thousand users. Replacing or deprecating needs no reading: submission checks see
 * everything. */
static struct consent_decision decide_for(struct person_ref person,
                                          const struct principal *principal,
                                          const struct consent_object *object, int64_t at_us,
                                          const struct consent_policies *policies)
{
    const struct consent_policy *by[] = {[CONSENT_DENY] = NULL, [CONSENT_PERMIT] = NULL};
    int64_t member = principal->member->id;

    if (!was_read(policies, person))
        return decided(CONSENT_DENY, "unreadable");
    for (size_t i = 0; i < policies->count; i++) {
        const struct consent_policy *p = &policies->items[i];

        if (applies(p, person, member, at_us))
            by[p->effect] = named(by[p->effect], p);
    }
    if (by[CONSENT_DENY] != NULL)
        return decided_by(by[CONSENT_DENY], "patient-deny");
    if (by[CONSENT_PERMIT] != NULL)
        return decided_by(by[CONSENT_PERMIT], "patient-permit");
    if (object->source_member != 0 && object->source_member == member)
        return decided(CONSENT_PERMIT, "own-object");
    return (struct consent_decision){.effect = policies->standard.effect,
                                     .rule = "domain-default",
                                     .policy_version = policies->standard.version};
}

/* Denials first; among equals a decision of the patient before a default's, whose policy is zero.
 */
static bool stricter(const struct consent_decision *a, const struct consent_decision *b)
{
    if (a->effect != b->effect)
        return a->effect == CONSENT_DENY;
    return memcmp(a->policy.b, b->policy.b, sizeof(a->policy.b)) > 0;
}

struct consent_decision consent_decide(const struct principal *principal,
                                       const struct consent_object *object, int64_t at_us,
                                       const struct consent_policies *policies)
{
    const struct person *person = object->person;
    struct consent_decision strictest = {0};

    if (!policies->readable)
        return decided(CONSENT_DENY, "unreadable");
    if (principal->member == NULL || principal->member->suspended)
        return decided(CONSENT_DENY, "member-standing");
    if (person == NULL || person->constituent_count == 0)
        return decided(CONSENT_DENY, "no-person");
    for (size_t i = 0; i < person->constituent_count; i++) {
        struct consent_decision d =
            decide_for(person->constituents[i], principal, object, at_us, policies);

        if (i == 0 || stricter(&d, &strictest))
            strictest = d;
    }
    return strictest;
}
