/* Sets of policies and requests, one JSON object a line on standard input; the engine's decisions
 * on standard output, a line each. Asked by tests/differential/run_consent, which writes the lines.
 *
 * Each request is decided twice, with what was settled for its asker (consent_focus) and without:
 * {"plain":[DECISION...],"focused":[DECISION...]}, a decision being
 * [effect, rule, policy, version, overridable, [obligation...], the rule that an emergency
 * overrode].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consent/people.h"
#include "hub/data/json.h"

enum { LINE_MAX_BYTES = 1 << 20, DEPTH = 40 };

static struct str member_str(const json_t *o, const char *key)
{
    struct str s = json_member(o, key);

    return s.p == NULL ? STR("") : s;
}

static int64_t member_int(const json_t *o, const char *key, int64_t otherwise)
{
    const json_t *v = json_object_get(o, key);

    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

static struct coded pair_of(const json_t *pair)
{
    return (struct coded){json_str(json_array_get(pair, 0)), json_str(json_array_get(pair, 1))};
}

static const struct coded *pairs_of(struct arena *a, const json_t *list, size_t *count)
{
    struct coded *out = ARENA_ARRAY(a, json_array_size(list), struct coded);

    *count = json_array_size(list);
    for (size_t i = 0; i < *count; i++)
        out[i] = pair_of(json_array_get(list, i));
    return out;
}

static enum consent_effect effect_of(struct str word)
{
    return str_eq(word, STR("permit")) ? CONSENT_PERMIT : CONSENT_DENY;
}

/* --- the domain and the policies ------------------------------------------------------------- */

static struct consent_agreement agreement_of(struct arena *a, const json_t *o)
{
    const json_t *parties = json_object_get(o, "parties");
    struct consent_agreement g = {
        .version = 1,
        .party_count = json_array_size(parties),
        .valid_from_us = member_int(o, "from", INT64_MIN),
        .valid_until_us = member_int(o, "until", INT64_MAX),
    };
    int64_t *ids = ARENA_ARRAY(a, g.party_count, int64_t);

    for (size_t i = 0; i < g.party_count; i++)
        ids[i] = json_integer_value(json_array_get(parties, i));
    g.parties = ids;
    g.purposes = pairs_of(a, json_object_get(o, "purposes"), &g.purpose_count);
    g.classes = pairs_of(a, json_object_get(o, "classes"), &g.class_count);
    return g;
}

static void take_ages(struct arena *a, const json_t *o, struct consent_domain *d)
{
    const json_t *list = json_object_get(o, "categories"), *one;
    struct consent_category *c = ARENA_ARRAY(a, json_array_size(list), struct consent_category);
    size_t i;

    json_array_foreach(list, i, one)
    {
        must(consent_attribute_parse(json_str(json_array_get(one, 0)), &c[i].what), "an attribute");
        c[i].value =
            (struct coded){json_str(json_array_get(one, 1)), json_str(json_array_get(one, 2))};
        c[i].from_age = (int)json_integer_value(json_array_get(one, 3));
    }
    d->categories = c;
    d->category_count = json_array_size(list);
}

static void take_terms(struct arena *a, const json_t *o, struct consent_domain *d)
{
    size_t count;
    const struct coded *purposes = pairs_of(a, json_object_get(o, "emergencies"), &count);
    struct consent_emergency_terms *terms = ARENA_ARRAY(a, count, struct consent_emergency_terms);

    for (size_t i = 0; i < count; i++)
        terms[i].purpose = purposes[i];
    d->emergencies = terms;
    d->emergency_count = count;
}

static unsigned obligation_of(const json_t *word)
{
    enum consent_obligation o;

    must(consent_obligation_parse(json_str(word), &o), "an obligation");
    return 1u << o;
}

/* [label, word...] of each. */
static void take_duties(struct arena *a, const json_t *o, struct consent_domain *d)
{
    const json_t *list = json_object_get(o, "duties"), *one;
    struct consent_duty *duties = ARENA_ARRAY(a, json_array_size(list), struct consent_duty);
    size_t i;

    json_array_foreach(list, i, one)
    {
        duties[i].label = json_str(json_array_get(one, 0));
        for (size_t w = 1; w < json_array_size(one); w++)
            duties[i].obligations |= obligation_of(json_array_get(one, w));
    }
    d->duties = duties;
    d->duty_count = json_array_size(list);
}

static const struct consent_domain *domain_of(struct arena *a, const json_t *o)
{
    const json_t *labels = json_object_get(o, "labels");
    const json_t *agreements = json_object_get(o, "agreements");
    const json_t *communities = json_object_get(o, "communities");
    struct consent_domain *d = ARENA_NEW(a, struct consent_domain);
    struct consent_sensitivity *s =
        ARENA_ARRAY(a, json_array_size(labels), struct consent_sensitivity);
    struct consent_agreement *g =
        ARENA_ARRAY(a, json_array_size(agreements), struct consent_agreement);
    int64_t *c = ARENA_ARRAY(a, json_array_size(communities), int64_t);

    *d = (struct consent_domain){.standard = {effect_of(member_str(o, "default")), 1},
                                 .sensitivities = s,
                                 .sensitivity_count = json_array_size(labels),
                                 .agreements = g,
                                 .agreement_count = json_array_size(agreements),
                                 .communities = c,
                                 .community_count = json_array_size(communities),
                                 .majority = (int)member_int(o, "majority", 0)};
    for (size_t i = 0; i < d->community_count; i++)
        c[i] = json_integer_value(json_array_get(communities, i));
    for (size_t i = 0; i < d->sensitivity_count; i++) {
        struct coded pair = pair_of(json_array_get(labels, i));

        s[i] = (struct consent_sensitivity){pair.code, {effect_of(pair.system), 2 + (int64_t)i}};
    }
    for (size_t i = 0; i < d->agreement_count; i++)
        g[i] = agreement_of(a, json_array_get(agreements, i));
    take_duties(a, o, d);
    take_ages(a, o, d);
    take_terms(a, o, d);
    return d;
}

static struct person_ref person_of(int64_t number)
{
    return (struct person_ref){number, number};
}

/* NULL: they cannot be read. */
static const struct consent_rule *rules_of(struct arena *a, struct errors *err, const json_t *rules)
{
    struct consent_rule *root = ARENA_NEW(a, struct consent_rule);
    char *text = json_dumps(rules, JSON_COMPACT);
    bool read;

    must(text != NULL, "memory");
    read = consent_rule_read(a, str_dup(a, str_from(text)), root, err) == OK;
    free(text);
    return read ? root : NULL;
}

static struct consent_policy policy_of(struct arena *a, struct errors *err, const json_t *o)
{
    const json_t *rules = json_object_get(o, "rules");
    int64_t id = member_int(o, "id", 0);
    struct consent_policy p = {
        .person = person_of(member_int(o, "person", 0)),
        .version = member_int(o, "version", 1),
        .effect = effect_of(member_str(o, "effect")),
        .member_id = member_int(o, "member", 0),
        .valid_from_us = member_int(o, "from", INT64_MIN),
        .valid_until_us = member_int(o, "until", INT64_MAX),
    };

    p.id.b[14] = (unsigned char)(id >> 8);
    p.id.b[15] = (unsigned char)id;
    if (json_is_object(rules))
        p.rules = rules_of(a, err, rules);
    p.unreadable = json_is_object(rules) && p.rules == NULL;
    return p;
}

static struct consent_relation relation_of(struct arena *a, struct errors *err, const json_t *o)
{
    const json_t *scope = json_object_get(o, "scope");
    int64_t id = member_int(o, "id", 0);
    struct consent_relation r = {
        .person = person_of(member_int(o, "person", 0)),
        .version = member_int(o, "version", 1),
        .user = member_str(o, "user"),
        .by_minority = json_is_true(json_object_get(o, "minor")),
        .birth = (int32_t)member_int(o, "birth", 0),
        .valid_from_us = member_int(o, "from", INT64_MIN),
        .valid_until_us = member_int(o, "until", INT64_MAX),
    };

    r.id.b[14] = (unsigned char)(id >> 8);
    r.id.b[15] = (unsigned char)id;
    must(consent_relation_parse(member_str(o, "kind"), &r.kind), "a relation");
    if (json_is_object(scope))
        r.scope = rules_of(a, err, scope);
    r.unreadable = json_is_object(scope) && r.scope == NULL;
    return r;
}

static struct consent_emergency emergency_of(const json_t *o)
{
    return (struct consent_emergency){
        .person = person_of(member_int(o, "person", 0)),
        .member_id = member_int(o, "member", 0),
        .user = member_str(o, "user"),
        .assertion = member_str(o, "assertion"),
        .opened_us = member_int(o, "opened", 0),
        .until_us = member_int(o, "until", 0),
    };
}

static void take_people(struct arena *a, struct errors *err, const json_t *set,
                        struct consent_policies *out)
{
    const json_t *relations = json_object_get(set, "relations");
    const json_t *emergencies = json_object_get(set, "emergencies");

    out->relation_count = json_array_size(relations);
    out->relations = ARENA_ARRAY(a, out->relation_count, struct consent_relation);
    for (size_t i = 0; i < out->relation_count; i++)
        out->relations[i] = relation_of(a, err, json_array_get(relations, i));
    out->emergency_count = json_array_size(emergencies);
    out->emergencies = ARENA_ARRAY(a, out->emergency_count, struct consent_emergency);
    for (size_t i = 0; i < out->emergency_count; i++)
        out->emergencies[i] = emergency_of(json_array_get(emergencies, i));
}

static struct consent_policies policies_of(struct arena *a, struct errors *err, const json_t *set)
{
    const json_t *read = json_object_get(set, "read"), *list = json_object_get(set, "policies");
    struct person_ref *persons = ARENA_ARRAY(a, json_array_size(read), struct person_ref);
    struct consent_policies out = {
        .readable = !json_is_false(json_object_get(set, "readable")),
        .domain = domain_of(a, json_object_get(set, "domain")),
        .persons = persons,
        .person_count = json_array_size(read),
        .items = ARENA_ARRAY(a, json_array_size(list), struct consent_policy),
        .count = json_array_size(list),
    };

    for (size_t i = 0; i < out.person_count; i++)
        persons[i] = person_of(json_integer_value(json_array_get(read, i)));
    for (size_t i = 0; i < out.count; i++)
        out.items[i] = policy_of(a, err, json_array_get(list, i));
    take_people(a, err, set, &out);
    return out;
}

/* --- a request ------------------------------------------------------------------------------- */

static bool read_value(const void *about, enum consent_attribute what, size_t i, struct coded *out)
{
    const json_t *values = json_object_get(about, consent_attribute_word(what));

    if (i >= json_array_size(values))
        return false;
    *out = pair_of(json_array_get(values, i));
    return true;
}

static bool read_interval(const void *about, enum consent_attribute what, int64_t *from_us,
                          int64_t *until_us)
{
    const json_t *pair = json_object_get(about, consent_attribute_word(what));

    if (json_array_size(pair) != 2)
        return false;
    *from_us = json_integer_value(json_array_get(pair, 0));
    *until_us = json_integer_value(json_array_get(pair, 1));
    return true;
}

static struct principal principal_of(const json_t *o, struct member *m)
{
    const json_t *member = json_object_get(o, "member");

    *m = (struct member){.id = member_int(member, "id", 0),
                         .name = member_str(member, "name"),
                         .organization = member_str(member, "organization"),
                         .suspended = json_is_true(json_object_get(member, "suspended"))};
    return (struct principal){
        .member = json_is_object(member) ? m : NULL,
        .user = member_str(o, "user"),
        .organization = member_str(o, "organization"),
        .role = pair_of(json_object_get(o, "role")),
        .purpose = pair_of(json_object_get(o, "purpose")),
        .assertion = member_str(o, "assertion"),
        .reason = member_str(o, "reason"),
    };
}

static void print_decision(const struct consent_decision *d)
{
    const char *before = "";

    printf("[\"%s\",\"%s\",%d,%lld,%s,[", d->effect == CONSENT_PERMIT ? "permit" : "deny", d->rule,
           d->policy.b[14] << 8 | d->policy.b[15], (long long)d->policy_version,
           d->overridable ? "true" : "false");
    for (int i = 0; i < CONSENT_OBLIGATION_COUNT; i++)
        if (d->obligations & 1u << i) {
            printf("%s\"%s\"", before, consent_obligation_word((enum consent_obligation)i));
            before = ",";
        }
    printf("],\"%s\"]", d->overrode != NULL ? d->overrode : "");
}

static void decide(struct arena *a, struct consent_policies *policies, const json_t *o, bool focus)
{
    static const struct consent_reader reader = {read_value, read_interval};
    const json_t *constituents = json_object_get(o, "persons");
    size_t count = json_array_size(constituents);
    struct person person = {.constituents = ARENA_ARRAY(a, count, struct person_ref),
                            .constituent_count = count};
    struct member member;
    struct principal principal = principal_of(o, &member);
    int64_t at_us = member_int(o, "at", 0);
    struct consent_object object = {
        .person = &person,
        .source_member = member_int(o, "source", 0),
        .kind = (enum consent_kind)member_int(o, "kind", 0),
        .reader = &reader,
        .about = json_object_get(o, "says"),
    };
    struct consent_decision d;

    for (size_t i = 0; i < count; i++)
        person.constituents[i] = person_of(json_integer_value(json_array_get(constituents, i)));
    policies->focus = NULL;
    if (focus)
        consent_focus(a, &principal, at_us, policies);
    d = consent_decide(&principal, &object, at_us, policies);
    print_decision(&d);
}

static void decide_all(struct arena *a, const json_t *set, struct errors *err)
{
    struct consent_policies policies = policies_of(a, err, set);
    const json_t *requests = json_object_get(set, "requests");

    for (int focus = 0; focus < 2; focus++) {
        printf("%s", focus ? "],\"focused\":[" : "{\"plain\":[");
        for (size_t i = 0; i < json_array_size(requests); i++) {
            printf("%s", i > 0 ? "," : "");
            decide(a, &policies, json_array_get(requests, i), focus != 0);
        }
    }
    printf("]}\n");
}

int main(void)
{
    static const struct json_limits limits = {LINE_MAX_BYTES, DEPTH};
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    while ((n = getline(&line, &room, stdin)) > 0) {
        struct arena a;
        struct errors err;
        json_t *set;

        arena_init(&a);
        errors_init(&err, &a);
        if (json_read(&a, str_of(line, (size_t)n), &limits, "line", &err, &set) != OK) {
            fprintf(stderr, "%.*s\n", STR_ARG(err.first->text));
            return 2;
        }
        decide_all(&a, set, &err);
        fflush(stdout);
        arena_dispose(&a);
    }
    free(line);
    return 0;
}
