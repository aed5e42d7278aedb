#include "consent/match.h"

#include "consent/code_system.h"
#include "consent/people.h"
#include "consent/purpose.h"

enum holding { HOLDS_NOT, HOLDS_PERHAPS, HOLDS };

struct consent_asked consent_asked_of(const struct principal *principal, int64_t at_us)
{
    return (struct consent_asked){principal, consent_purpose(principal->purpose), at_us, 0};
}

/* --- conditions about the asker -------------------------------------------------------------- */

static bool same(struct coded named, struct coded found)
{
    return str_eq(named.code, found.code) &&
           (named.system.n == 0 || str_eq(named.system, found.system));
}

/* The asker's value; false: none is proven. A machine proves no person. */
static bool asker_value(const struct consent_asked *asked, enum consent_attribute what,
                        struct coded *out)
{
    const struct principal *p = asked->principal;

    switch (what) {
    case CONSENT_MEMBER:
        *out = (struct coded){.code = p->member->name};
        return true;
    case CONSENT_ORGANIZATION:
        *out = (struct coded){.code = p->organization.n > 0 ? p->organization
                                                            : p->member->organization};
        return true;
    case CONSENT_PURPOSE:
        *out = asked->purpose;
        return out->code.n > 0;
    case CONSENT_ROLE:
        *out = (struct coded){p->role.code, code_system(p->role.system)};
        return p->assertion.n > 0 && out->code.n > 0;
    case CONSENT_USER:
        *out = (struct coded){.code = p->user};
        return out->code.n > 0;
    default: /* a relation: relation_holds */
        return false;
    }
}

static bool asker_has(const struct consent_condition *c, struct coded value)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->what == CONSENT_PURPOSE
                ? consent_purpose_includes(consent_purpose(c->values[i]), value)
                : same(c->values[i], value))
            return true;
    return false;
}

/* Relations are recorded, so a person who is proven has no other; a machine may ask for anyone. Of
 * a word that is none of ours nobody knows. */
static enum holding relation_holds(const struct consent_condition *c,
                                   const struct consent_asked *asked)
{
    bool known = asked->principal->user.n > 0, has = false;
    enum consent_relation_kind kind;

    for (size_t i = 0; i < c->count && !has; i++) {
        bool ours = c->values[i].system.n == 0 && consent_relation_parse(c->values[i].code, &kind);

        has = ours && (asked->relations & 1u << kind) != 0;
        known = known && ours;
    }
    if (!has && !known)
        return HOLDS_PERHAPS;
    return has != c->unless ? HOLDS : HOLDS_NOT;
}

static enum holding asker_holds(const struct consent_condition *c,
                                const struct consent_asked *asked)
{
    struct coded value;

    if (c->what == CONSENT_INSTANT)
        return (c->from_us <= asked->at_us && asked->at_us < c->until_us) != c->unless ? HOLDS
                                                                                       : HOLDS_NOT;
    if (c->what == CONSENT_RELATION)
        return relation_holds(c, asked);
    if (!asker_value(asked, c->what, &value))
        return HOLDS_PERHAPS;
    return asker_has(c, value) != c->unless ? HOLDS : HOLDS_NOT;
}

/* --- conditions about the object ------------------------------------------------------------- */

static bool object_has(const struct consent_condition *c, const struct consent_object *o,
                       bool *says)
{
    struct coded value;

    *says = false;
    for (size_t i = 0; o->reader != NULL && o->reader->value(o->about, c->what, i, &value); i++) {
        *says = true;
        for (size_t j = 0; j < c->count; j++)
            if (same(c->values[j], value))
                return true;
    }
    return false;
}

/* An interval that is not said may lie anywhere. */
static enum holding interval_holds(const struct consent_condition *c,
                                   const struct consent_object *o)
{
    int64_t from, until;

    if (o->reader == NULL || !o->reader->interval(o->about, c->what, &from, &until))
        return HOLDS_PERHAPS;
    if (until <= c->from_us || c->until_us <= from)
        return c->unless ? HOLDS : HOLDS_NOT;
    if (c->from_us <= from && until <= c->until_us)
        return c->unless ? HOLDS_NOT : HOLDS;
    return HOLDS_PERHAPS;
}

static enum holding object_holds(const struct consent_condition *c, const struct consent_object *o,
                                 enum consent_effect effect)
{
    bool has, says;

    if (o->kind == CONSENT_IDENTITY || o->kind == CONSENT_LINK)
        return c->unless && effect == CONSENT_PERMIT ? HOLDS : HOLDS_NOT;
    if (consent_attribute_of(c->what) == CONSENT_OF_TIME)
        return interval_holds(c, o);
    has = object_has(c, o, &says);
    if (o->kind == CONSENT_CONTAINER && !says)
        return HOLDS_PERHAPS;
    return has != c->unless ? HOLDS : HOLDS_NOT;
}

/* --- rules ----------------------------------------------------------------------------------- */

static bool is_of_asker(const struct consent_condition *c)
{
    return consent_attribute_of(c->what) == CONSENT_OF_ASKER || c->what == CONSENT_INSTANT;
}

static enum holding rule_holds(const struct consent_rule *rule, const struct consent_asked *asked,
                               const struct consent_object *object)
{
    enum holding all = rule->perhaps ? HOLDS_PERHAPS : HOLDS;

    for (size_t i = 0; i < rule->condition_count && all != HOLDS_NOT; i++) {
        const struct consent_condition *c = &rule->conditions[i];
        enum holding h =
            is_of_asker(c) ? asker_holds(c, asked) : object_holds(c, object, rule->effect);

        all = h < all ? h : all;
    }
    return all;
}

static struct consent_said own_effect(const struct consent_rule *rule)
{
    return (struct consent_said){
        .verdict = rule->effect == CONSENT_DENY ? CONSENT_SAYS_DENY : CONSENT_SAYS_PERMIT,
        .overridable = rule->overridable,
        .obligations = rule->obligations,
    };
}

/* A denial, else a permit; of two that say the same, what both leave. */
static struct consent_said both(struct consent_said a, struct consent_said b)
{
    if (a.verdict == b.verdict)
        return (struct consent_said){a.verdict, a.overridable && b.overridable,
                                     a.obligations | b.obligations};
    return a.verdict == CONSENT_SAYS_DENY || b.verdict == CONSENT_SILENT ? a : b;
}

/* The rule's own effect is out only where an exception holds for certain. */
static struct consent_said says(const struct consent_rule *rule, const struct consent_asked *asked,
                                const struct consent_object *object, enum holding *holds)
{
    struct consent_said said = {CONSENT_SILENT, false, 0};
    bool replaced = false;

    *holds = rule_holds(rule, asked, object);
    if (*holds == HOLDS_NOT)
        return said;
    for (size_t i = 0; i < rule->exception_count; i++) {
        enum holding exception;

        said = both(said, says(&rule->exceptions[i], asked, object, &exception));
        replaced |= exception == HOLDS;
    }
    if (!replaced)
        said = both(said, own_effect(rule));
    if (*holds == HOLDS_PERHAPS && said.verdict == CONSENT_SAYS_PERMIT)
        return (struct consent_said){CONSENT_SILENT, false, 0};
    return said;
}

struct consent_said consent_rule_says(const struct consent_rule *rule,
                                      const struct consent_asked *asked,
                                      const struct consent_object *object)
{
    enum holding holds;

    return says(rule, asked, object, &holds);
}

/* --- for one asker --------------------------------------------------------------------------- */

static bool focus(struct arena *a, const struct consent_rule *rule,
                  const struct consent_asked *asked, struct consent_rule *out)
{
    struct consent_condition *conditions =
        ARENA_ARRAY(a, rule->condition_count, struct consent_condition);
    struct consent_rule *exceptions = ARENA_ARRAY(a, rule->exception_count, struct consent_rule);

    *out = *rule;
    out->conditions = conditions;
    out->condition_count = 0;
    out->exceptions = exceptions;
    out->exception_count = 0;
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct consent_condition *c = &rule->conditions[i];
        enum holding h = is_of_asker(c) ? asker_holds(c, asked) : HOLDS;

        if (h == HOLDS_NOT)
            return false;
        out->perhaps |= h == HOLDS_PERHAPS;
        if (!is_of_asker(c))
            conditions[out->condition_count++] = *c;
    }
    for (size_t i = 0; i < rule->exception_count; i++)
        out->exception_count +=
            focus(a, &rule->exceptions[i], asked, &exceptions[out->exception_count]);
    return true;
}

const struct consent_rule *consent_rule_focus(struct arena *a, const struct consent_rule *rule,
                                              const struct consent_asked *asked)
{
    struct consent_rule *out = ARENA_NEW(a, struct consent_rule);

    return focus(a, rule, asked, out) ? out : NULL;
}
