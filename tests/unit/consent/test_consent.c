/* The decision core: its rules one by one, and against a second, slow, obvious implementation. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "consent/consent.h"
#include "tests/support/consent_region.h"
#include "tests/support/suite.h"

enum { NOW = 1000, LAKESIDE = 1, HARBOUR = 2, HILLTOP = 3 };

static const struct person_ref ANNA = {70, 7}, ANNE = {80, 8};

static struct consent_policy policy(struct person_ref person, int id, enum consent_effect effect,
                                    int64_t member, int64_t from, int64_t until)
{
    struct consent_policy p = {.person = person,
                               .version = 1,
                               .effect = effect,
                               .member_id = member,
                               .valid_from_us = from,
                               .valid_until_us = until};

    p.id.b[15] = (unsigned char)id;
    return p;
}

/* Anna alone, asked by Lakeside about what Harbour published. */
struct setting {
    struct member member;
    struct principal principal;
    struct person person;
    struct person_ref constituents[4];
    struct consent_domain domain;
    struct consent_policies policies;
    struct consent_object object;
};

static void setting_init(struct setting *s)
{
    *s = (struct setting){
        .member = {.id = LAKESIDE},
        .constituents = {ANNA},
        .policies = {.readable = true, .person_count = 1},
        .domain = REGION,
    };
    s->domain.standard.version = 3;
    s->policies.domain = &s->domain;
    s->principal.member = &s->member;
    s->person =
        (struct person){.ref = ANNA, .constituents = s->constituents, .constituent_count = 1};
    s->policies.persons = s->constituents;
    s->object = (struct consent_object){.person = &s->person, .source_member = HARBOUR};
}

static struct consent_decision ask(struct setting *s)
{
    return consent_decide(&s->principal, &s->object, NOW, &s->policies);
}

static void each_layer_decides_as_the_table_says(void)
{
#define P CONSENT_PERMIT
#define D CONSENT_DENY
    static const struct {
        enum consent_effect standard;
        int64_t source;
        struct {
            enum consent_effect effect;
            int64_t member, from, until;
        } policies[2];
        size_t count;
        enum consent_effect effect;
        const char *rule;
    } table[] = {
        {P, HARBOUR, {{0}}, 0, P, "domain-default"},
        {D, HARBOUR, {{0}}, 0, D, "domain-default"},
        {P, HARBOUR, {{D, 0, INT64_MIN, INT64_MAX}}, 1, D, "patient-deny"},
        {P, HARBOUR, {{D, LAKESIDE, INT64_MIN, INT64_MAX}}, 1, D, "patient-deny"},
        {P, HARBOUR, {{D, HILLTOP, INT64_MIN, INT64_MAX}}, 1, P, "domain-default"},
        {D, HARBOUR, {{P, 0, INT64_MIN, INT64_MAX}}, 1, P, "patient-permit"},
        {D, HARBOUR, {{P, LAKESIDE, INT64_MIN, INT64_MAX}}, 1, P, "patient-permit"},
        {D, HARBOUR, {{P, HILLTOP, INT64_MIN, INT64_MAX}}, 1, D, "domain-default"},
        /* deny overrides, whichever is the broader */
        {D,
         HARBOUR,
         {{P, 0, INT64_MIN, INT64_MAX}, {D, LAKESIDE, INT64_MIN, INT64_MAX}},
         2,
         D,
         "patient-deny"},
        {D,
         HARBOUR,
         {{P, LAKESIDE, INT64_MIN, INT64_MAX}, {D, 0, INT64_MIN, INT64_MAX}},
         2,
         D,
         "patient-deny"},
        {P,
         HARBOUR,
         {{P, LAKESIDE, INT64_MIN, INT64_MAX}, {D, HILLTOP, INT64_MIN, INT64_MAX}},
         2,
         P,
         "patient-permit"},
        /* a period holds from its first instant until just before its last */
        {P, HARBOUR, {{D, 0, NOW, INT64_MAX}}, 1, D, "patient-deny"},
        {P, HARBOUR, {{D, 0, NOW + 1, INT64_MAX}}, 1, P, "domain-default"},
        {P, HARBOUR, {{D, 0, INT64_MIN, NOW}}, 1, P, "domain-default"},
        {P, HARBOUR, {{D, 0, INT64_MIN, NOW + 1}}, 1, D, "patient-deny"},
        /* its own: before the default, not before the patient's deny */
        {D, LAKESIDE, {{0}}, 0, P, "own-object"},
        {D, LAKESIDE, {{D, 0, INT64_MIN, INT64_MAX}}, 1, D, "patient-deny"},
        {D, LAKESIDE, {{D, HILLTOP, INT64_MIN, INT64_MAX}}, 1, P, "own-object"},
        {D, 0, {{0}}, 0, D, "domain-default"},
    };
#undef P
#undef D

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct consent_policy items[2];
        struct consent_decision d;
        struct setting s;

        setting_init(&s);
        for (size_t j = 0; j < table[i].count; j++)
            items[j] =
                policy(ANNA, (int)j + 1, table[i].policies[j].effect, table[i].policies[j].member,
                       table[i].policies[j].from, table[i].policies[j].until);
        s.policies.items = items;
        s.policies.count = table[i].count;
        s.domain.standard.effect = table[i].standard;
        s.object.source_member = table[i].source;
        d = ask(&s);
        CU_ASSERT_EQUAL(d.effect, table[i].effect);
        CHECK_STR(str_from(d.rule), str_from(table[i].rule));
    }
}

/* A region that shares nothing unasked but what is labelled as harmless. */
static bool label_value(const void *about, enum consent_attribute what, size_t i, struct coded *out)
{
    const char *const *labels = about;

    if (what != CONSENT_LABEL || labels[i] == NULL)
        return false;
    *out = (struct coded){.code = str_from(labels[i])};
    return true;
}

static void a_sensitivitys_default_stands_before_the_general_one(void)
{
    static const struct consent_sensitivity sensitivities[] = {{STR("N"), {CONSENT_PERMIT, 4}},
                                                               {STR("SUD"), {CONSENT_DENY, 5}}};
    static const struct consent_reader reader = {.value = label_value};
    static const struct {
        const char *labels[3];
        enum consent_kind kind;
        enum consent_effect effect;
        int64_t version;
    } table[] = {
        {{NULL}, CONSENT_ENTRY, CONSENT_DENY, 3},    {{"N"}, CONSENT_ENTRY, CONSENT_PERMIT, 4},
        {{"SUD"}, CONSENT_ENTRY, CONSENT_DENY, 5},   {{"N", "SUD"}, CONSENT_ENTRY, CONSENT_DENY, 5},
        {{"N"}, CONSENT_CONTAINER, CONSENT_DENY, 5}, /* it may hold more than it says */
        {{"N"}, CONSENT_IDENTITY, CONSENT_DENY, 3},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct consent_decision d;
        struct setting s;

        setting_init(&s);
        s.domain.standard.effect = CONSENT_DENY;
        s.domain.sensitivities = sensitivities;
        s.domain.sensitivity_count = 2;
        s.object.kind = table[i].kind;
        s.object.reader = &reader;
        s.object.about = table[i].labels;
        d = ask(&s);
        CU_ASSERT_EQUAL(d.effect, table[i].effect);
        CU_ASSERT_EQUAL(d.policy_version, table[i].version);
    }
}

static void a_labels_obligations_go_with_whatever_is_disclosed_to_another_than_its_publisher(void)
{
    enum { NOTICE = CONSENT_OBLIGATION(NO_REDISCLOSURE), ONWARD = CONSENT_OBLIGATION(NO_ONWARD) };
    static const struct consent_duty duties[] = {{STR("HIV"), ONWARD}, {STR("SUD"), NOTICE}};
    static const struct consent_reader reader = {.value = label_value};
    static const struct {
        const char *labels[3];
        enum consent_kind kind;
        enum consent_effect standard;
        int64_t source;
        unsigned obligations;
    } table[] = {
        {{"SUD"}, CONSENT_ENTRY, CONSENT_PERMIT, HARBOUR, NOTICE},
        {{"HIV", "SUD"}, CONSENT_ENTRY, CONSENT_PERMIT, HARBOUR, NOTICE | ONWARD},
        {{"N"}, CONSENT_ENTRY, CONSENT_PERMIT, HARBOUR, 0},
        {{"SUD"}, CONSENT_ENTRY, CONSENT_DENY, HARBOUR, 0},
        {{"SUD"}, CONSENT_ENTRY, CONSENT_PERMIT, LAKESIDE, 0},
        {{"SUD"}, CONSENT_CONTAINER, CONSENT_PERMIT, HARBOUR, 0},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct setting s;

        setting_init(&s);
        s.domain.standard.effect = table[i].standard;
        s.domain.duties = duties;
        s.domain.duty_count = 2;
        s.object.kind = table[i].kind;
        s.object.source_member = table[i].source;
        s.object.reader = &reader;
        s.object.about = table[i].labels;
        CU_ASSERT_EQUAL(ask(&s).obligations, table[i].obligations);
    }
}

static void whatever_is_missing_denies(void)
{
    struct setting s;

    setting_init(&s);
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_PERMIT);
    s.policies.readable = false;
    CHECK_STR(str_from(ask(&s).rule), STR("unreadable"));
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);

    setting_init(&s);
    s.policies.person_count = 0; /* read, but not for her */
    CHECK_STR(str_from(ask(&s).rule), STR("unreadable"));
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);

    setting_init(&s);
    s.person.constituent_count = 0;
    CHECK_STR(str_from(ask(&s).rule), STR("no-person"));
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);
    s.object.person = NULL;
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);

    setting_init(&s);
    s.domain.standard = (struct consent_default){0};
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);
}

static void a_member_without_standing_sees_nothing_not_even_its_own(void)
{
    struct consent_policy permit = policy(ANNA, 1, CONSENT_PERMIT, 0, INT64_MIN, INT64_MAX);
    struct setting s;

    setting_init(&s);
    s.policies.items = &permit;
    s.policies.count = 1;
    s.object.source_member = LAKESIDE;
    s.member.suspended = true;
    CHECK_STR(str_from(ask(&s).rule), STR("member-standing"));
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);
    s.principal.member = NULL;
    CHECK_STR(str_from(ask(&s).rule), STR("member-standing"));
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);
}

static void a_merged_person_is_decided_for_each_constituent_and_the_strictest_wins(void)
{
    struct consent_policy items[2] = {
        policy(ANNA, 1, CONSENT_PERMIT, 0, INT64_MIN, INT64_MAX),
        policy(ANNE, 2, CONSENT_PERMIT, 0, INT64_MIN, INT64_MAX),
    };
    struct setting s;

    setting_init(&s);
    s.constituents[1] = ANNE;
    s.person.constituent_count = 2;
    s.policies.person_count = 2;
    s.domain.standard.effect = CONSENT_DENY;
    s.policies.items = items;
    s.policies.count = 1;
    CHECK_STR(str_from(ask(&s).rule), STR("domain-default")); /* Anna's permit is not Anne's */
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);
    s.policies.count = 2;
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_PERMIT);
    items[1].effect = CONSENT_DENY;
    CHECK_STR(str_from(ask(&s).rule), STR("patient-deny"));
    CU_ASSERT_EQUAL(ask(&s).policy.b[15], 2);
    s.policies.person_count = 1; /* Anne's were not read */
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);
}

static void a_place_shared_after_an_unlink_shares_no_policy(void)
{
    struct consent_policy deny =
        policy((struct person_ref){ANNA.pkey, 9}, 1, CONSENT_DENY, 0, INT64_MIN, INT64_MAX);
    struct setting s;

    setting_init(&s);
    s.policies.items = &deny;
    s.policies.count = 1;
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_PERMIT);
}

static void the_decision_names_the_policy_and_its_version(void)
{
    struct consent_policy deny = policy(ANNA, 5, CONSENT_DENY, 0, INT64_MIN, INT64_MAX);
    struct consent_decision d;
    struct setting s;

    deny.version = 4;
    setting_init(&s);
    CU_ASSERT_EQUAL(ask(&s).policy_version, 3); /* the domain default's */
    s.policies.items = &deny;
    s.policies.count = 1;
    d = ask(&s);
    CU_ASSERT(uuid_eq(d.policy, deny.id));
    CU_ASSERT_EQUAL(d.policy_version, 4);
}

/* The same rules, written as one reads them out: one question after the other. */
static bool any(const struct consent_policies *ps, struct person_ref who,
                enum consent_effect effect, int64_t member)
{
    for (size_t i = 0; i < ps->count; i++) {
        const struct consent_policy *p = &ps->items[i];
        bool hers = p->person.pkey == who.pkey && p->person.person_id == who.person_id;
        bool begun = p->valid_from_us <= NOW, ended = p->valid_until_us <= NOW;

        if (p->effect == effect && hers && begun && !ended &&
            (p->member_id == member || p->member_id == 0))
            return true;
    }
    return false;
}

static bool slow_permits(const struct setting *s)
{
    bool permitted = s->policies.readable && s->person.constituent_count > 0;

    for (size_t i = 0; i < s->person.constituent_count; i++) {
        struct person_ref who = s->constituents[i];
        bool denied = any(&s->policies, who, CONSENT_DENY, s->member.id);
        bool allowed = any(&s->policies, who, CONSENT_PERMIT, s->member.id) ||
                       s->object.source_member == s->member.id ||
                       s->domain.standard.effect == CONSENT_PERMIT;
        bool read = false;

        for (size_t j = 0; j < s->policies.person_count; j++)
            read |= s->policies.persons[j].person_id == who.person_id;
        permitted &= read && allowed && !denied;
    }
    return permitted && !s->member.suspended;
}

static uint64_t random_state;

static unsigned random_below(unsigned n) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (unsigned)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

enum { MOST_POLICIES = 6 };

static void setting_random(struct setting *s, struct consent_policy items[MOST_POLICIES])
{
    static const struct person_ref people[] = {{70, 7}, {80, 8}, {70, 9}};
    static const int64_t instants[] = {INT64_MIN, NOW - 1, NOW, NOW + 1, INT64_MAX};

    setting_init(s);
    s->member.suspended = random_below(20) == 0;
    s->person.constituent_count = random_below(4);
    memcpy(s->constituents, people, sizeof(people));
    s->policies.person_count = random_below(10) == 0 ? random_below(4) : 3;
    s->policies.readable = random_below(20) != 0;
    s->domain.standard.effect = random_below(2) ? CONSENT_PERMIT : CONSENT_DENY;
    s->object.source_member = 1 + random_below(3);
    s->policies.count = random_below(MOST_POLICIES + 1);
    s->policies.items = items;
    for (size_t i = 0; i < s->policies.count; i++)
        items[i] = policy(people[random_below(3)], (int)i + 1,
                          random_below(3) ? CONSENT_PERMIT : CONSENT_DENY, random_below(3),
                          instants[random_below(5)], instants[random_below(5)]);
}

static void it_agrees_with_a_slow_reading_of_the_rules_over_random_policies(void)
{
    unsigned permits = 0, differences = 0;

    random_state = UINT64_C(20261122);
    for (int i = 0; i < 1000000; i++) {
        struct consent_policy items[MOST_POLICIES];
        struct setting s;
        bool permit;

        setting_random(&s, items);
        permit = ask(&s).effect == CONSENT_PERMIT;
        permits += permit;
        differences += permit != slow_permits(&s);
    }
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT(permits > 100000 && permits < 900000); /* or it would have compared one word */
}

static void the_order_of_policies_changes_no_decision(void)
{
    random_state = UINT64_C(4711);
    for (int i = 0; i < 100000; i++) {
        struct consent_policy items[MOST_POLICIES], swap;
        struct consent_decision before, after;
        struct setting s;

        setting_random(&s, items);
        before = ask(&s);
        for (size_t j = s.policies.count; j > 1; j--) {
            size_t k = random_below((unsigned)j);

            swap = items[j - 1], items[j - 1] = items[k], items[k] = swap;
        }
        after = ask(&s);
        if (before.effect == after.effect && uuid_eq(before.policy, after.policy) &&
            strcmp(before.rule, after.rule) == 0)
            continue;
        CU_FAIL("a permutation changed the decision");
        return;
    }
}

static void what_was_settled_for_one_asker_decides_for_no_other(void)
{
    struct consent_policy denial = policy(ANNA, 1, CONSENT_DENY, HILLTOP, INT64_MIN, INT64_MAX);
    struct member other = {.id = HILLTOP};
    struct setting s;
    struct arena a;

    arena_init(&a);
    setting_init(&s);
    s.domain.standard.effect = CONSENT_PERMIT;
    s.policies.items = &denial;
    s.policies.count = 1;
    consent_focus(&a, &s.principal, NOW, &s.policies);
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_PERMIT);
    s.principal.member = &other; /* as a request does that goes on for its addressee */
    CU_ASSERT_EQUAL(ask(&s).effect, CONSENT_DENY);
    arena_dispose(&a);
}

static void an_agreement_of_the_whole_region_binds_no_community(void)
{
    static const int64_t HILLTOP_IS_ONE[] = {HILLTOP}, NAMED[] = {CONSENT_REGION, HILLTOP},
                         TWO[] = {LAKESIDE, HILLTOP};
    static const struct {
        const int64_t *parties;
        size_t count;
        int64_t asks, source;
        bool flows;
    } table[] = {
        {NULL, 0, LAKESIDE, HARBOUR, true},  {NULL, 0, LAKESIDE, HILLTOP, false},
        {NULL, 0, HILLTOP, LAKESIDE, false}, {NULL, 0, HILLTOP, HILLTOP, true},
        {NAMED, 2, LAKESIDE, HILLTOP, true}, {NAMED, 2, HILLTOP, HARBOUR, true},
        {NAMED, 2, LAKESIDE, HARBOUR, true}, {TWO, 2, LAKESIDE, HILLTOP, true},
        {TWO, 2, HARBOUR, HILLTOP, false},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct consent_agreement g = REGION_WIDE;
        struct consent_decision d;
        struct arena a;
        struct setting s;

        setting_init(&s);
        g.parties = table[i].parties;
        g.party_count = table[i].count;
        s.domain.agreements = &g;
        s.domain.communities = HILLTOP_IS_ONE;
        s.domain.community_count = 1;
        s.member.id = table[i].asks;
        s.object.source_member = table[i].source;
        d = ask(&s);
        CU_ASSERT_EQUAL(strcmp(d.rule, "no-agreement") != 0, table[i].flows);
        arena_init(&a);
        consent_focus(&a, &s.principal, NOW, &s.policies);
        d = ask(&s);
        CU_ASSERT_EQUAL(strcmp(d.rule, "no-agreement") != 0, table[i].flows);
        arena_dispose(&a);
    }
}

/* A query of several patients: each has a policy, and something to be decided. */
static void many_people_cost_no_product_of_people_and_policies(void)
{
    enum { PEOPLE = 50000 };
    struct person_ref *refs = calloc(PEOPLE, sizeof(*refs));
    struct consent_policy *items = calloc(PEOPLE, sizeof(*items));
    struct setting s;
    struct arena a;
    size_t denied = 0;
    clock_t begin;

    setting_init(&s);
    arena_init(&a);
    for (int i = 0; i < PEOPLE; i++) {
        refs[i] = (struct person_ref){i % 100, i + 1};
        items[i] = policy(refs[i], i % 250, i % 2 ? CONSENT_DENY : CONSENT_PERMIT, 0, INT64_MIN,
                          INT64_MAX);
    }
    s.policies.persons = refs;
    s.policies.person_count = PEOPLE;
    s.policies.items = items;
    s.policies.count = PEOPLE;
    begin = clock();
    consent_focus(&a, &s.principal, NOW, &s.policies);
    for (int i = 0; i < PEOPLE; i++) {
        s.person =
            (struct person){.ref = refs[i], .constituents = &refs[i], .constituent_count = 1};
        denied += ask(&s).effect == CONSENT_DENY;
    }
    CU_ASSERT((double)(clock() - begin) / CLOCKS_PER_SEC < 1);
    CU_ASSERT_EQUAL(denied, PEOPLE / 2);
    arena_dispose(&a);
    free(refs);
    free(items);
}

SUITE(test_consent, CASE(each_layer_decides_as_the_table_says),
      CASE(a_sensitivitys_default_stands_before_the_general_one),
      CASE(a_labels_obligations_go_with_whatever_is_disclosed_to_another_than_its_publisher),
      CASE(whatever_is_missing_denies),
      CASE(a_member_without_standing_sees_nothing_not_even_its_own),
      CASE(a_merged_person_is_decided_for_each_constituent_and_the_strictest_wins),
      CASE(a_place_shared_after_an_unlink_shares_no_policy),
      CASE(the_decision_names_the_policy_and_its_version),
      CASE(it_agrees_with_a_slow_reading_of_the_rules_over_random_policies),
      CASE(the_order_of_policies_changes_no_decision),
      CASE(many_people_cost_no_product_of_people_and_policies),
      CASE(what_was_settled_for_one_asker_decides_for_no_other),
      CASE(an_agreement_of_the_whole_region_binds_no_community));
