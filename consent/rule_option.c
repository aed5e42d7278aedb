#include "consent/rule_option.h"

#include "consent/domain_store.h"
#include "hub/base/clock.h"

enum { MOST = 64 };

/* --- conditions ------------------------------------------------------------------------------ */

static struct consent_condition *condition_on(struct consent_condition *all, size_t *n,
                                              enum consent_attribute what)
{
    for (size_t i = 0; i < *n; i++)
        if (all[i].what == what)
            return &all[i];
    all[*n] = (struct consent_condition){.what = what};
    return &all[(*n)++];
}

static bool parse_end(struct str text, int64_t open, int64_t *us)
{
    *us = open;
    return text.n == 0 || clock_parse_iso(text, us);
}

/* FROM..UNTIL, either of them open. */
static bool parse_interval(struct str value, struct consent_condition *c)
{
    ptrdiff_t dots = str_find_str(value, STR(".."));

    return dots >= 0 && parse_end(str_slice(value, 0, (size_t)dots), INT64_MIN, &c->from_us) &&
           parse_end(str_slice(value, (size_t)dots + 2, value.n), INT64_MAX, &c->until_us) &&
           c->from_us < c->until_us;
}

static void add_value(struct arena *a, struct consent_condition *c, struct str value)
{
    struct coded *values = ARENA_ARRAY(a, c->count + 1, struct coded);

    for (size_t i = 0; i < c->count; i++)
        values[i] = c->values[i];
    values[c->count++] = consent_code_parse(value);
    c->values = values;
}

static enum status add_condition(struct operation *o, const char *text,
                                 struct consent_condition *all, size_t *n)
{
    struct str rest = str_from(text), word = str_cut(&rest, '=');
    struct consent_condition *c;
    enum consent_attribute what;

    if (rest.n == 0 || !consent_attribute_parse(word, &what))
        return fail(o->args.err, INVALID, "usage",
                    "--when %s: write WHAT=VALUE; WHAT is one of member, role, user, organization, "
                    "purpose, relation, instant, document, class, type, format, event, label, "
                    "facility, practice, author, author-organization, publisher, service, created",
                    text);
    c = condition_on(all, n, what);
    if (consent_attribute_of(what) != CONSENT_OF_TIME) {
        add_value(o->args.arena, c, rest);
        return OK;
    }
    if (parse_interval(rest, c))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--when %s: write FROM..UNTIL, such as 2026-01-01..2026-12-31; one of them may be "
                "left out",
                text);
}

static enum status given_conditions(struct operation *o, struct consent_rule *rule)
{
    struct consent_condition *all = ARENA_ARRAY(o->args.arena, MOST, struct consent_condition);
    const char *texts[MOST];
    size_t n = cli_values(&o->args, "when", texts, MOST);

    if (n > MOST)
        return fail(o->args.err, INVALID, "usage", "--when: %d at most; use --rules", MOST);
    for (size_t i = 0; i < n; i++)
        TRY(add_condition(o, texts[i], all, &rule->condition_count));
    rule->conditions = all;
    return OK;
}

enum status consent_obligations_given(struct operation *o, unsigned *out)
{
    const char *texts[CONSENT_OBLIGATION_COUNT];
    size_t n = cli_values(&o->args, "obligation", texts, CONSENT_OBLIGATION_COUNT);

    for (size_t i = 0; i < n && i < CONSENT_OBLIGATION_COUNT; i++) {
        enum consent_obligation bit;

        if (!consent_obligation_parse(str_from(texts[i]), &bit))
            return fail(o->args.err, INVALID, "usage",
                        "--obligation %s: no-redisclosure, read-only or no-onward", texts[i]);
        *out |= 1u << bit;
    }
    return OK;
}

/* --- a file ---------------------------------------------------------------------------------- */

static enum status read_file(struct operation *o, const char *path, struct consent_rule *rule)
{
    struct str text;

    TRY(cli_read_file(&o->args, path, CONSENT_RULES_BYTES_MAX, &text));
    return consent_rule_read(o->args.arena, text, rule, o->args.err);
}

enum status consent_rule_given(struct operation *o, enum consent_effect effect,
                               const struct consent_rule **out)
{
    struct consent_rule *rule = ARENA_NEW(o->args.arena, struct consent_rule);
    const char *path = cli_value(&o->args, "rules");

    *rule = (struct consent_rule){.effect = effect,
                                  .overridable = cli_value(&o->args, "overridable") != NULL};
    TRY(given_conditions(o, rule));
    TRY(consent_obligations_given(o, &rule->obligations));
    if (path != NULL && (rule->condition_count > 0 || rule->overridable || rule->obligations != 0))
        return fail(o->args.err, INVALID, "usage", "--rules says all of it: give it alone");
    if (path != NULL)
        TRY(read_file(o, path, rule));
    if (rule->effect != effect)
        return fail(o->args.err, INVALID, "usage",
                    "the rules in %s have the other effect than --%s", path,
                    effect == CONSENT_PERMIT ? "permit" : "deny");
    if (rule->overridable && effect == CONSENT_PERMIT)
        return fail(o->args.err, INVALID, "usage", "--overridable is for a denial");
    if (rule->obligations != 0 && effect == CONSENT_DENY)
        return fail(o->args.err, INVALID, "usage", "--obligation is for a permit");
    *out =
        path == NULL && rule->condition_count == 0 && !rule->overridable && rule->obligations == 0
            ? NULL
            : rule;
    return OK;
}
