#include "consent/rule.h"

#include <string.h>

#include "hub/base/json_text.h"
#include "hub/data/json.h"

static const struct {
    const char *word;
    int of;
} attributes[CONSENT_ATTRIBUTE_COUNT] = {
#define X(name, word, of) [CONSENT_##name] = {word, CONSENT_OF_##of},
    CONSENT_ATTRIBUTES(X)
#undef X
};

static const char *const obligations[CONSENT_OBLIGATION_COUNT] = {
#define X(name, word) [CONSENT_##name##_BIT] = word,
    CONSENT_OBLIGATIONS(X)
#undef X
};

const char *consent_attribute_word(enum consent_attribute what)
{
    return attributes[what].word;
}

int consent_attribute_of(enum consent_attribute what)
{
    return attributes[what].of;
}

bool consent_attribute_parse(struct str word, enum consent_attribute *out)
{
    for (int i = 0; i < CONSENT_ATTRIBUTE_COUNT; i++)
        if (str_eq(word, str_from(attributes[i].word))) {
            *out = (enum consent_attribute)i;
            return true;
        }
    return false;
}

const char *consent_obligation_word(enum consent_obligation o)
{
    return obligations[o];
}

bool consent_obligation_parse(struct str word, enum consent_obligation *out)
{
    for (int i = 0; i < CONSENT_OBLIGATION_COUNT; i++)
        if (str_eq(word, str_from(obligations[i]))) {
            *out = (enum consent_obligation)i;
            return true;
        }
    return false;
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_values(struct strbuf *b, const struct consent_condition *c)
{
    strbuf_addf(b, ",\"%s\":[", c->unless ? "none" : "any");
    for (size_t i = 0; i < c->count; i++) {
        strbuf_add(b, i == 0 ? STR("[") : STR(",["));
        json_text_add(b, c->values[i].code);
        strbuf_addc(b, ',');
        json_text_add(b, c->values[i].system);
        strbuf_addc(b, ']');
    }
    strbuf_addc(b, ']');
}

static void write_condition(struct arena *a, struct strbuf *b, const struct consent_condition *c)
{
    strbuf_addf(b, "{\"is\":\"%s\"", attributes[c->what].word);
    if (attributes[c->what].of != CONSENT_OF_TIME)
        write_values(b, c);
    else if (c->unless)
        strbuf_lit(b, ",\"outside\":true");
    if (attributes[c->what].of == CONSENT_OF_TIME && c->from_us != INT64_MIN)
        strbuf_addf(b, ",\"from\":\"%.*s\"", STR_ARG(clock_iso(a, c->from_us)));
    if (attributes[c->what].of == CONSENT_OF_TIME && c->until_us != INT64_MAX)
        strbuf_addf(b, ",\"until\":\"%.*s\"", STR_ARG(clock_iso(a, c->until_us)));
    strbuf_addc(b, '}');
}

static void write_obligations(struct strbuf *b, unsigned set)
{
    const char *before = ",\"obligations\":[";

    for (int o = 0; o < CONSENT_OBLIGATION_COUNT; o++)
        if (set & 1u << o) {
            strbuf_addf(b, "%s\"%s\"", before, obligations[o]);
            before = ",";
        }
    if (set != 0)
        strbuf_addc(b, ']');
}

static void write_rule(struct arena *a, struct strbuf *b, const struct consent_rule *rule)
{
    strbuf_addf(b, "{\"effect\":\"%s\"", rule->effect == CONSENT_PERMIT ? "permit" : "deny");
    for (size_t i = 0; i < rule->condition_count; i++) {
        strbuf_add(b, i == 0 ? STR(",\"when\":[") : STR(","));
        write_condition(a, b, &rule->conditions[i]);
    }
    if (rule->condition_count > 0)
        strbuf_addc(b, ']');
    if (rule->overridable)
        strbuf_lit(b, ",\"overridable\":true");
    write_obligations(b, rule->obligations);
    for (size_t i = 0; i < rule->exception_count; i++) {
        strbuf_add(b, i == 0 ? STR(",\"except\":[") : STR(","));
        write_rule(a, b, &rule->exceptions[i]);
    }
    if (rule->exception_count > 0)
        strbuf_addc(b, ']');
    strbuf_addc(b, '}');
}

struct str consent_rule_write(struct arena *a, const struct consent_rule *rule)
{
    struct strbuf b = strbuf_on(a, 256);

    write_rule(a, &b, rule);
    return strbuf_str(&b);
}

/* --- reading --------------------------------------------------------------------------------- */

struct reading {
    struct arena *a;
    struct errors *err;
    size_t rules;
};

static enum status wrong(struct reading *r, const char *what)
{
    return fail(r->err, INVALID, "rules", "%s", what);
}

static enum status read_values(struct reading *r, const json_t *list, struct consent_condition *c)
{
    size_t n = json_array_size(list);
    struct coded *values;

    if (!json_is_array(list) || n == 0 || n > CONSENT_VALUES_MAX)
        return wrong(r, "a condition has 1 to 1000 values");
    c->values = values = ARENA_ARRAY(r->a, n, struct coded);
    c->count = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(list, i);
        struct str code = json_str(json_array_get(pair, 0));
        struct str system = json_str(json_array_get(pair, 1));

        if (json_array_size(pair) != 2 || code.n == 0 || system.p == NULL)
            return wrong(r, "a value is a pair of a code and its system");
        values[i] = (struct coded){str_dup(r->a, code), str_dup(r->a, system)};
    }
    return OK;
}

static enum status read_instant(struct reading *r, const json_t *o, const char *key, int64_t *us)
{
    const json_t *value = json_object_get(o, key);

    if (value == NULL || clock_parse_iso(json_str(value), us))
        return OK;
    return wrong(r, "an instant has the form 2026-11-22T15:04:05.123456Z");
}

/* Are these the only keys? */
static bool only(const json_t *object, const char *const *keys)
{
    size_t known = 0;

    for (; *keys != NULL; keys++)
        known += json_object_get(object, *keys) != NULL;
    return known == json_object_size(object);
}

static enum status read_condition(struct reading *r, const json_t *o, struct consent_condition *c)
{
    static const char *const values[] = {"is", "any", "none", NULL};
    static const char *const interval[] = {"is", "from", "until", "outside", NULL};
    const json_t *none = json_object_get(o, "none");

    *c = (struct consent_condition){0};
    if (!consent_attribute_parse(json_member(o, "is"), &c->what))
        return wrong(r, "a condition is about an attribute that there is");
    if (attributes[c->what].of == CONSENT_OF_TIME) {
        c->unless = json_is_true(json_object_get(o, "outside"));
        c->from_us = INT64_MIN;
        c->until_us = INT64_MAX;
        TRY(read_instant(r, o, "from", &c->from_us));
        TRY(read_instant(r, o, "until", &c->until_us));
        return only(o, interval) ? OK : wrong(r, "an interval has from, until and outside alone");
    }
    c->unless = none != NULL;
    if (!only(o, values) || (none != NULL && json_object_get(o, "any") != NULL))
        return wrong(r, "a condition has either any or none");
    return read_values(r, none != NULL ? none : json_object_get(o, "any"), c);
}

static enum status read_obligations(struct reading *r, const json_t *list, unsigned *out)
{
    size_t n = json_array_size(list);

    if (list != NULL && !json_is_array(list))
        return wrong(r, "obligations are a list");
    for (size_t i = 0; i < n; i++) {
        struct str word = json_str(json_array_get(list, i));
        enum consent_obligation o;

        if (!consent_obligation_parse(word, &o))
            return wrong(r, "an obligation is not known");
        *out |= 1u << o;
    }
    return OK;
}

static enum status read_rule(struct reading *r, const json_t *o, int depth,
                             struct consent_rule *out);

static enum status read_conditions(struct reading *r, const json_t *list, struct consent_rule *out)
{
    struct consent_condition *conditions;
    size_t n = json_array_size(list);

    if (list != NULL && (!json_is_array(list) || n > CONSENT_ATTRIBUTE_COUNT * 2))
        return wrong(r, "when is a list of conditions");
    out->conditions = conditions = ARENA_ARRAY(r->a, n, struct consent_condition);
    out->condition_count = n;
    for (size_t i = 0; i < n; i++)
        TRY(read_condition(r, json_array_get(list, i), &conditions[i]));
    return OK;
}

static enum status read_exceptions(struct reading *r, const json_t *list, int depth,
                                   struct consent_rule *out)
{
    struct consent_rule *exceptions;
    size_t n = json_array_size(list);

    r->rules += n;
    if ((list != NULL && !json_is_array(list)) || r->rules > CONSENT_RULES_MAX ||
        (n > 0 && depth == CONSENT_RULES_DEPTH_MAX))
        return wrong(r, "except is a list of rules, at most 8 deep and 500 in all");
    out->exceptions = exceptions = ARENA_ARRAY(r->a, n, struct consent_rule);
    out->exception_count = n;
    for (size_t i = 0; i < n; i++)
        TRY(read_rule(r, json_array_get(list, i), depth + 1, &exceptions[i]));
    return OK;
}

static enum status read_rule(struct reading *r, const json_t *o, int depth,
                             struct consent_rule *out)
{
    static const char *const keys[] = {"effect",      "when",   "overridable",
                                       "obligations", "except", NULL};
    struct str effect = json_member(o, "effect");

    *out = (struct consent_rule){
        .effect = str_eq(effect, STR("permit")) ? CONSENT_PERMIT : CONSENT_DENY,
        .overridable = json_is_true(json_object_get(o, "overridable")),
    };
    if (!json_is_object(o) || !only(o, keys))
        return wrong(r, "a rule has effect, when, overridable, obligations and except alone");
    if (out->effect == CONSENT_DENY && !str_eq(effect, STR("deny")))
        return wrong(r, "the effect of a rule is permit or deny");
    TRY(read_conditions(r, json_object_get(o, "when"), out));
    TRY(read_obligations(r, json_object_get(o, "obligations"), &out->obligations));
    return read_exceptions(r, json_object_get(o, "except"), depth, out);
}

enum status consent_rule_read(struct arena *a, struct str json, struct consent_rule *out,
                              struct errors *err)
{
    static const struct json_limits limits = {CONSENT_RULES_BYTES_MAX, 4 * CONSENT_RULES_DEPTH_MAX};
    struct reading r = {.a = a, .err = err, .rules = 1};
    json_t *root;

    TRY(json_read(a, json, &limits, "rules", err, &root));
    return read_rule(&r, root, 0, out);
}

/* --- what it denies -------------------------------------------------------------------------- */

struct denials {
    struct arena *arena;
    struct consent_rule *v;
    size_t n;
};

static size_t count_rules(const struct consent_rule *rule)
{
    size_t n = 1;

    for (size_t i = 0; i < rule->exception_count; i++)
        n += count_rules(&rule->exceptions[i]);
    return n;
}

static bool is_of_object(const struct consent_condition *c)
{
    return consent_attribute_of(c->what) != CONSENT_OF_ASKER && c->what != CONSENT_INSTANT;
}

/* Where both hold. What a permit says of objects by `unless` is dropped: it reaches identities,
 * and as part of a denial it would not (consent/match.c). */
static struct consent_rule narrowed(struct arena *a, const struct consent_rule *rule,
                                    const struct consent_condition *more, size_t count)
{
    struct consent_condition *all =
        ARENA_ARRAY(a, count + rule->condition_count, struct consent_condition);
    struct consent_rule out = *rule;

    out.conditions = all;
    out.condition_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_of_object(&more[i]) || !more[i].unless)
            all[out.condition_count++] = more[i];
    for (size_t i = 0; i < rule->condition_count; i++)
        all[out.condition_count++] = rule->conditions[i];
    return out;
}

/* But where this permit's one condition, about who asks, holds. */
static void leave_out(struct arena *a, const struct consent_rule *permit, struct consent_rule *deny)
{
    struct consent_condition unless;

    if (permit->effect != CONSENT_PERMIT || permit->condition_count != 1 ||
        permit->exception_count > 0 || is_of_object(&permit->conditions[0]))
        return;
    unless = permit->conditions[0];
    unless.unless = !unless.unless;
    *deny = narrowed(a, deny, &unless, 1);
}

static bool all_overridable(const struct consent_rule *rule)
{
    bool all = rule->effect == CONSENT_PERMIT || rule->overridable;

    for (size_t i = 0; i < rule->exception_count; i++)
        all = all_overridable(&rule->exceptions[i]) && all;
    return all;
}

/* The denial without its exceptions, but for what they permit plainly. */
static struct consent_rule plain_denial(struct arena *a, const struct consent_rule *rule)
{
    struct consent_rule deny = *rule;

    deny.overridable = all_overridable(rule);
    deny.exceptions = NULL;
    deny.exception_count = 0;
    for (size_t i = 0; i < rule->exception_count; i++)
        leave_out(a, &rule->exceptions[i], &deny);
    return deny;
}

/* Denials among the exceptions hold beside whatever was left out. */
static void collect(struct denials *d, const struct consent_rule *rule)
{
    if (rule->effect == CONSENT_DENY)
        d->v[d->n++] = plain_denial(d->arena, rule);
    for (size_t i = 0; i < rule->exception_count; i++) {
        struct consent_rule inner =
            narrowed(d->arena, &rule->exceptions[i], rule->conditions, rule->condition_count);

        collect(d, &inner);
    }
}

const struct consent_rule *consent_rule_denials(struct arena *a, const struct consent_rule *rule,
                                                size_t *count)
{
    struct denials d = {.arena = a, .v = ARENA_ARRAY(a, count_rules(rule), struct consent_rule)};

    collect(&d, rule);
    *count = d.n;
    return d.v;
}
