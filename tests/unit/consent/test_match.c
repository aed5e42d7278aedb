/* What a tree of rules says: exceptions, and what holds perhaps. */
#include "consent/match.h"
#include "tests/support/suite.h"

enum { AT = 1000, PLACES = 8 };

static struct arena a;

static struct consent_rule rule_of(const char *json)
{
    struct consent_rule rule;
    struct errors err;

    errors_init(&err, &a);
    CU_ASSERT_EQUAL_FATAL(consent_rule_read(&a, str_from(json), &rule, &err), OK);
    return rule;
}

/* A machine of Lakeside's asks for treatment about an object that says nothing of itself. */
static struct consent_said said_of(const struct consent_rule *rule, enum consent_kind kind)
{
    static const struct member lakeside = {.id = 1, .name = STR("lakeside")};
    static const struct principal machine = {.member = &lakeside,
                                             .purpose = {STR("TREAT"), STR("")}};
    struct consent_object object = {.kind = kind};
    struct consent_asked asked = consent_asked_of(&machine, AT);
    struct consent_said plain = consent_rule_says(rule, &asked, &object);
    const struct consent_rule *focused = consent_rule_focus(&a, rule, &asked);

    if (focused != NULL) {
        struct consent_said again = consent_rule_says(focused, &asked, &object);

        CU_ASSERT_EQUAL(again.verdict, plain.verdict);
        CU_ASSERT_EQUAL(again.overridable, plain.overridable);
        CU_ASSERT_EQUAL(again.obligations, plain.obligations);
    } else {
        CU_ASSERT_EQUAL(plain.verdict, CONSENT_SILENT);
    }
    return plain;
}

static void exceptions_say_the_same_in_any_order(void)
{
#define DENY_HARD "{\"effect\":\"deny\"}"
#define DENY_SOFT "{\"effect\":\"deny\",\"overridable\":true}"
#define ONE       "{\"effect\":\"permit\",\"obligations\":[\"read-only\"]}"
#define TWO       "{\"effect\":\"permit\",\"obligations\":[\"no-onward\"]}"
    static const struct {
        const char *json;
        enum consent_verdict verdict;
        bool overridable;
        unsigned obligations;
    } table[] = {
        {"{\"effect\":\"permit\",\"except\":[" DENY_HARD "," DENY_SOFT "]}", CONSENT_SAYS_DENY,
         false, 0},
        {"{\"effect\":\"permit\",\"except\":[" DENY_SOFT "," DENY_HARD "]}", CONSENT_SAYS_DENY,
         false, 0},
        {"{\"effect\":\"permit\",\"except\":[" DENY_SOFT "," ONE "]}", CONSENT_SAYS_DENY, true, 0},
        {"{\"effect\":\"permit\",\"except\":[" ONE "," DENY_SOFT "]}", CONSENT_SAYS_DENY, true, 0},
        {"{\"effect\":\"deny\",\"except\":[" ONE "," TWO "]}", CONSENT_SAYS_PERMIT, false,
         CONSENT_OBLIGATION(READ_ONLY) | CONSENT_OBLIGATION(NO_ONWARD)},
        {"{\"effect\":\"deny\",\"except\":[" TWO "," ONE "]}", CONSENT_SAYS_PERMIT, false,
         CONSENT_OBLIGATION(READ_ONLY) | CONSENT_OBLIGATION(NO_ONWARD)},
    };

    arena_init(&a);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct consent_rule rule = rule_of(table[i].json);
        struct consent_said said = said_of(&rule, CONSENT_ENTRY);

        CU_ASSERT_EQUAL(said.verdict, table[i].verdict);
        if (said.verdict == CONSENT_SAYS_DENY)
            CU_ASSERT_EQUAL(said.overridable, table[i].overridable);
        CU_ASSERT_EQUAL(said.obligations, table[i].obligations);
    }
    arena_dispose(&a);
}

/* A folder may hold a document of that class, or none: the rule about it may deny, or the denial
 * around it does, which nothing overrides. */
static void a_denial_is_overridden_only_where_each_that_may_deny_allows_it(void)
{
    static const char json[] = "{\"effect\":\"deny\",\"except\":[{\"effect\":\"deny\",\"when\":["
                               "{\"is\":\"class\",\"any\":[[\"A\",\"\"]]}],\"overridable\":true}]}";
    struct consent_rule rule;
    struct consent_said said;

    arena_init(&a);
    rule = rule_of(json);
    said = said_of(&rule, CONSENT_CONTAINER);
    CU_ASSERT_EQUAL(said.verdict, CONSENT_SAYS_DENY);
    CU_ASSERT_FALSE(said.overridable);
    arena_dispose(&a);
}

/* leap-cds: provisions below one level were ignored. */
static void exceptions_count_at_every_depth(void)
{
    arena_init(&a);
    for (int depth = 0; depth < PLACES; depth++) {
        struct strbuf b = strbuf_on(&a, 256);
        struct consent_rule rule;

        for (int d = 0; d < depth; d++)
            strbuf_addf(&b, "{\"effect\":\"%s\",\"except\":[", d % 2 == 0 ? "permit" : "deny");
        strbuf_addf(&b, "{\"effect\":\"%s\"}", depth % 2 == 0 ? "permit" : "deny");
        for (int d = 0; d < depth; d++)
            strbuf_lit(&b, "]}");
        rule = rule_of(str_dup(&a, strbuf_str(&b)).p);
        CU_ASSERT_EQUAL(said_of(&rule, CONSENT_ENTRY).verdict,
                        depth % 2 == 0 ? CONSENT_SAYS_PERMIT : CONSENT_SAYS_DENY);
    }
    arena_dispose(&a);
}

/* leap-cds: who left out purpose or class matched every provision. PERMIT_EMPTY_SCOPE: who said
 * nothing was let in. */
static void what_is_not_proven_never_permits_and_may_deny(void)
{
    static const struct {
        const char *json;
        enum consent_verdict verdict;
    } table[] = {
        {"{\"effect\":\"permit\",\"when\":[{\"is\":\"role\",\"any\":[[\"MD\",\"\"]]}]}",
         CONSENT_SILENT},
        {"{\"effect\":\"permit\",\"when\":[{\"is\":\"user\",\"none\":[[\"ben\",\"\"]]}]}",
         CONSENT_SILENT},
        {"{\"effect\":\"deny\",\"when\":[{\"is\":\"user\",\"any\":[[\"ben\",\"\"]]}]}",
         CONSENT_SAYS_DENY},
        {"{\"effect\":\"permit\",\"except\":[{\"effect\":\"deny\",\"when\":[{\"is\":\"relation\","
         "\"any\":[[\"PROXY\",\"\"]]}]}]}",
         CONSENT_SAYS_DENY},
        {"{\"effect\":\"deny\",\"except\":[{\"effect\":\"permit\",\"when\":[{\"is\":\"relation\","
         "\"any\":[[\"SELF\",\"\"]]}]}]}",
         CONSENT_SAYS_DENY},
    };

    arena_init(&a);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct consent_rule rule = rule_of(table[i].json);

        CU_ASSERT_EQUAL(said_of(&rule, CONSENT_ENTRY).verdict, table[i].verdict);
    }
    arena_dispose(&a);
}

/* --- what a rule denies ---------------------------------------------------------------------- */

static unsigned random_state = 7;

static unsigned roll(unsigned sides)
{
    random_state = random_state * 1103515245u + 12345u;
    return (random_state >> 16) % sides;
}

/* Of who asks and of what is asked about, each as it is or by `unless`. */
static struct consent_condition any_condition(void)
{
    static const struct coded values[] = {
        {STR("lakeside"), STR("")}, {STR("harbour"), STR("")}, {STR("TREAT"), STR("")},
        {STR("A"), STR("")},        {STR("B"), STR("")},
    };
    static const enum consent_attribute whats[] = {CONSENT_MEMBER, CONSENT_MEMBER, CONSENT_PURPOSE,
                                                   CONSENT_CLASS, CONSENT_CLASS};
    unsigned which = roll(6);

    if (which == 5)
        return (struct consent_condition){.what = CONSENT_ROLE,
                                          .unless = roll(2),
                                          .values = values,
                                          .count = 1};
    return (struct consent_condition){.what = whats[which],
                                      .unless = roll(2),
                                      .values = &values[which],
                                      .count = 1};
}

static struct consent_rule any_rule(int depth)
{
    struct consent_condition *c = ARENA_ARRAY(&a, 2, struct consent_condition);
    struct consent_rule *e = ARENA_ARRAY(&a, 2, struct consent_rule);
    struct consent_rule out = {.effect = roll(2) ? CONSENT_DENY : CONSENT_PERMIT,
                               .overridable = roll(2),
                               .conditions = c,
                               .condition_count = roll(3),
                               .exceptions = e,
                               .exception_count = depth > 0 ? roll(3) : 0};

    for (size_t i = 0; i < out.condition_count; i++)
        c[i] = any_condition();
    for (size_t i = 0; i < out.exception_count; i++)
        e[i] = any_rule(depth - 1);
    return out;
}

static bool says_class(const void *about, enum consent_attribute what, size_t i, struct coded *out)
{
    if (what != CONSENT_CLASS || i > 0)
        return false;
    *out = (struct coded){str_from(about), STR("")};
    return true;
}

static bool says_no_interval(const void *about, enum consent_attribute what, int64_t *from_us,
                             int64_t *until_us)
{
    (void)about, (void)what, (void)from_us, (void)until_us;
    return false;
}

static void the_denials_of_a_rule_deny_all_that_it_denies_and_permit_nothing(void)
{
    static const struct consent_reader reader = {says_class, says_no_interval};
    static const struct member members[] = {{.id = 1, .name = STR("lakeside")},
                                            {.id = 2, .name = STR("harbour")}};
    size_t denied = 0, exact = 0;

    for (int round = 0; round < 20000; round++) {
        struct principal p = {.member = &members[roll(2)],
                              .purpose = {roll(2) ? STR("TREAT") : STR("HPAYMT"), STR("")}};
        struct consent_asked asked = consent_asked_of(&p, AT);
        struct consent_object object = {.kind = (enum consent_kind)roll(4),
                                        .reader = &reader,
                                        .about = roll(2) ? "A" : "B"};
        struct consent_said whole, parts = {CONSENT_SILENT, true, 0};
        const struct consent_rule *denials;
        struct consent_rule rule;
        size_t n;

        arena_init(&a);
        rule = any_rule(3);
        whole = consent_rule_says(&rule, &asked, &object);
        denials = consent_rule_denials(&a, &rule, &n);
        for (size_t i = 0; i < n; i++) {
            struct consent_said said = consent_rule_says(&denials[i], &asked, &object);

            CU_ASSERT_NOT_EQUAL(said.verdict, CONSENT_SAYS_PERMIT);
            if (said.verdict == CONSENT_SAYS_DENY) {
                parts.verdict = CONSENT_SAYS_DENY;
                parts.overridable = parts.overridable && said.overridable;
            }
        }
        if (whole.verdict == CONSENT_SAYS_DENY) {
            CU_ASSERT_EQUAL(parts.verdict, CONSENT_SAYS_DENY);
            CU_ASSERT(whole.overridable || !parts.overridable);
            denied++;
        }
        exact += (whole.verdict == CONSENT_SAYS_DENY) == (parts.verdict == CONSENT_SAYS_DENY);
        arena_dispose(&a);
    }
    CU_ASSERT(denied > 2000);
    CU_ASSERT(exact > 16000);
}

SUITE(test_match, CASE(exceptions_say_the_same_in_any_order),
      CASE(a_denial_is_overridden_only_where_each_that_may_deny_allows_it),
      CASE(exceptions_count_at_every_depth), CASE(what_is_not_proven_never_permits_and_may_deny),
      CASE(the_denials_of_a_rule_deny_all_that_it_denies_and_permit_nothing));
