/* Representatives, minors and emergencies in the decision: each rule by itself. */
#include <string.h>

#include "consent/people.h"
#include "tests/support/consent_region.h"
#include "tests/support/suite.h"

enum { LAKESIDE = 1, HARBOUR = 2 };

#define DAY  (86400 * US_PER_SECOND)
#define NOW  (20000 * DAY) /* 2024-10-04 */
#define HOUR (3600 * US_PER_SECOND)
#define EMER                                                                                       \
    {                                                                                              \
        STR("ETREAT"), STR("2.16.840.1.113883.5.8")                                                \
    }
#define MAMA  STR("<mama@portal>")
#define MEDIC STR("<medic@lakeside>")

static const struct person_ref ANNA = {70, 7}, BELLA = {80, 8};

/* Anna, asked about by a user of Lakeside; Harbour published a document with a label. */
struct setting {
    struct member member;
    struct principal principal;
    struct person_ref constituents[2];
    struct person person;
    struct consent_domain domain;
    struct consent_category category;
    struct consent_emergency_terms terms;
    struct consent_relation relation;
    struct consent_emergency emergency;
    struct consent_policy policy;
    struct consent_rule rule;
    struct consent_policies policies;
    struct consent_object object;
};

static bool label_value(const void *about, enum consent_attribute what, size_t i, struct coded *out)
{
    *out = (struct coded){.code = str_from(about)};
    return what == CONSENT_LABEL && i == 0;
}

static bool no_interval(const void *about, enum consent_attribute what, int64_t *from, int64_t *to)
{
    (void)about, (void)what, (void)from, (void)to;
    return false;
}

static const struct consent_reader reader = {label_value, no_interval};

static void setting_init(struct setting *s)
{
    *s = (struct setting){
        .member = {.id = LAKESIDE},
        .constituents = {ANNA, BELLA},
        .domain = REGION,
        .category = {CONSENT_LABEL, {STR("SEX"), STR("")}, 14, false},
        .terms = {EMER, HOUR, 72 * HOUR},
        .relation = {.person = ANNA,
                     .version = 1,
                     .user = MAMA,
                     .kind = CONSENT_PROXY,
                     .valid_from_us = INT64_MIN,
                     .valid_until_us = INT64_MAX},
        .rule = {.effect = CONSENT_DENY, .overridable = true},
        .policy = {.person = ANNA,
                   .version = 1,
                   .valid_from_us = INT64_MIN,
                   .valid_until_us = INT64_MAX},
    };
    s->domain.majority = 18;
    s->domain.categories = &s->category;
    s->domain.category_count = 1;
    s->domain.emergencies = &s->terms;
    s->domain.emergency_count = 1;
    s->principal = (struct principal){.member = &s->member, .user = MAMA, .assertion = STR("a1")};
    s->person = (struct person){ANNA, .constituents = s->constituents, .constituent_count = 1};
    s->policy.rules = &s->rule;
    s->policies = (struct consent_policies){.readable = true,
                                            .domain = &s->domain,
                                            .persons = s->constituents,
                                            .person_count = 2,
                                            .items = &s->policy,
                                            .relations = &s->relation,
                                            .emergencies = &s->emergency};
    s->object = (struct consent_object){.person = &s->person,
                                        .source_member = HARBOUR,
                                        .reader = &reader,
                                        .about = "SEX"};
}

static struct consent_decision ask(struct setting *s)
{
    return consent_decide(&s->principal, &s->object, NOW, &s->policies);
}

static const char *ask_rule(struct setting *s)
{
    return ask(s).rule;
}

/* --- ages ------------------------------------------------------------------------------------ */

static void an_age_is_reached_on_the_birthday_and_of_a_leap_day_on_the_first_of_march(void)
{
    static const struct {
        int32_t birth;
        const char *at;
        int age;
    } table[] = {
        {20061122, "2024-11-21T23:59:59.999999Z", 17},
        {20061122, "2024-11-22", 18},
        {20080229, "2026-02-28", 17},
        {20080229, "2026-03-01", 18},
        {20080229, "2024-02-29", 16},
        {19700101, "1969-12-31", -1},
        {19000301, "2000-02-29", 99},
        {19000301, "2000-03-01", 100},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int64_t at = 0;

        CU_ASSERT(clock_parse_iso(str_from(table[i].at), &at));
        CU_ASSERT_EQUAL(consent_age(table[i].birth, at), table[i].age);
    }
}

static void a_birth_date_is_read_whole_or_in_part_and_nothing_else_is(void)
{
    static const struct {
        const char *text;
        int32_t birth; /* 0: refused */
    } table[] = {
        {"2008-02-29", 20080229},
        {"20080229", 20080229},
        {"200802291530", 20080229},
        {"2008", 20080101},
        {"2008-06", 20080601},
        {"20070229", 0},
        {"", 0},
        {"20081", 0},
        {"2008-13-01", 0},
        {"abcd", 0},
        {"19000101", 19000101},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int32_t birth = 0;

        CU_ASSERT_EQUAL(consent_birth_parse(str_from(table[i].text), &birth), table[i].birth != 0);
        CU_ASSERT_EQUAL(birth, table[i].birth);
    }
}

/* --- representatives ------------------------------------------------------------------------- */

static void who_represents_sees_what_a_default_denies_and_nothing_that_the_patient_denies(void)
{
    struct setting s;

    setting_init(&s);
    s.domain.standard.effect = CONSENT_DENY;
    CHECK_STR(str_from(ask_rule(&s)), STR("domain-default"));
    s.policies.relation_count = 1;
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy"));
    s.relation.kind = CONSENT_SELF;
    CHECK_STR(str_from(ask_rule(&s)), STR("self"));
    s.relation.kind = CONSENT_CARETEAM; /* for patients' rules; opens nothing by itself */
    CHECK_STR(str_from(ask_rule(&s)), STR("domain-default"));
    s.relation.kind = CONSENT_PROXY;
    s.policies.count = 1;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    s.policies.count = 0;
    s.object.source_member = 3; /* and the agreement comes before everything */
    s.domain.agreement_count = 0;
    CHECK_STR(str_from(ask_rule(&s)), STR("no-agreement"));
}

static void a_former_representative_is_denied_though_a_stranger_would_not_be(void)
{
    struct setting s;

    setting_init(&s);
    s.policies.relation_count = 1;
    s.relation.valid_until_us = NOW + 1;
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy"));
    s.relation.valid_until_us = NOW;
    CHECK_STR(str_from(ask_rule(&s)), STR("relation-ended"));
    s.relation.valid_until_us = INT64_MAX;
    s.relation.valid_from_us = NOW + 1;
    CHECK_STR(str_from(ask_rule(&s)), STR("relation-ended"));
    s.principal.user = MEDIC;
    CHECK_STR(str_from(ask_rule(&s)), STR("domain-default"));
    s.principal.user = STR(""); /* a machine represents nobody */
    CHECK_STR(str_from(ask_rule(&s)), STR("domain-default"));
}

static void a_scope_bounds_documents_and_not_identifiers(void)
{
    struct coded values[] = {{STR("SEX"), STR("")}};
    struct consent_condition all_but = {.what = CONSENT_LABEL,
                                        .unless = true,
                                        {{.values = values, .count = 1}}};
    struct consent_rule scope = {.effect = CONSENT_PERMIT,
                                 .conditions = &all_but,
                                 .condition_count = 1};
    struct setting s;

    setting_init(&s);
    s.policies.relation_count = 1;
    s.relation.scope = &scope;
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy-scope"));
    s.object.about = "DENTAL";
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy"));
    s.object.kind = CONSENT_IDENTITY;
    s.object.reader = NULL;
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy"));
    s.relation.scope = NULL;
    s.relation.unreadable = true;
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy-scope"));
}

static void a_rule_about_a_relation_holds_for_whom_it_is_recorded(void)
{
    struct coded proxies[] = {{STR("PROXY"), STR("")}};
    struct consent_condition is_proxy = {.what = CONSENT_RELATION, .values = proxies, .count = 1};
    struct setting s;

    setting_init(&s);
    s.policies.count = 1;
    s.rule.conditions = &is_proxy;
    s.rule.condition_count = 1;
    CHECK_STR(str_from(ask_rule(&s)), STR("domain-default"));
    s.policies.relation_count = 1;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    s.relation.person = BELLA; /* another's representative */
    CHECK_STR(str_from(ask_rule(&s)), STR("domain-default"));
    s.principal.user = STR(""); /* for whom a machine asks nobody knows */
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
}

/* --- minors ---------------------------------------------------------------------------------- */

static void parents_represent_until_the_age_of_majority(void)
{
    struct setting s;

    setting_init(&s);
    s.policies.relation_count = 1;
    s.relation.by_minority = true;
    s.relation.birth = 20061005; /* 18 tomorrow */
    s.object.about = "DENTAL";
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy"));
    s.relation.birth = 20061004;
    CHECK_STR(str_from(ask_rule(&s)), STR("relation-ended"));
    s.domain.majority = 21;
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy"));
    s.domain.majority = 16;
    s.relation.by_minority = false; /* whom an adult named stays */
    CHECK_STR(str_from(ask_rule(&s)), STR("proxy"));
}

static void what_adolescents_keep_no_representative_sees_between_two_ages(void)
{
    static const struct {
        int32_t birth;
        const char *label, *rule;
    } table[] = {
        {20101005, "SEX", "proxy"},              /* 13 */
        {20101004, "SEX", "minor-confidential"}, /* 14 */
        {20101004, "DENTAL", "proxy"},
        {20061005, "SEX", "minor-confidential"}, /* 17 */
        {20061004, "SEX", "proxy"},              /* of age, and named by themselves */
        {0, "SEX", "proxy"},
    };
    struct setting s;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        setting_init(&s);
        s.policies.relation_count = 1;
        s.relation.birth = table[i].birth;
        s.object.about = table[i].label;
        CHECK_STR(str_from(ask_rule(&s)), str_from(table[i].rule));
    }
    setting_init(&s);
    s.policies.relation_count = 1;
    s.relation.birth = 20101004;
    s.object.kind = CONSENT_CONTAINER; /* may hold such a document */
    CHECK_STR(str_from(ask_rule(&s)), STR("minor-confidential"));
    s.principal.user = MEDIC; /* care goes on */
    CHECK_STR(str_from(ask_rule(&s)), STR("domain-default"));
}

/* --- emergencies ----------------------------------------------------------------------------- */

static void medic_init(struct setting *s)
{
    setting_init(s);
    s->policies.count = 1;
    s->principal.user = MEDIC;
    s->principal.purpose = (struct coded)EMER;
    s->principal.reason = STR("unconscious");
    s->emergency = (struct consent_emergency){.person = ANNA,
                                              .member_id = LAKESIDE,
                                              .user = MEDIC,
                                              .assertion = STR("a1"),
                                              .opened_us = NOW - HOUR,
                                              .until_us = NOW + 1};
}

static void the_glass_breaks_for_a_purpose_and_a_reason_and_names_what_it_overrode(void)
{
    struct consent_decision d;
    struct setting s;

    medic_init(&s);
    d = ask(&s);
    CU_ASSERT_EQUAL(d.effect, CONSENT_PERMIT);
    CHECK_STR(str_from(d.rule), STR("break-glass"));
    CHECK_STR(str_from(d.overrode), STR("patient-deny"));
    CU_ASSERT_PTR_NULL(d.emergency); /* to be opened */
    CU_ASSERT(uuid_eq(d.policy, s.policy.id));
    s.policies.count = 0; /* nothing is denied: nothing is broken */
    CHECK_STR(str_from(ask_rule(&s)), STR("domain-default"));
}

static void no_glass_breaks_without_all_that_it_takes(void)
{
    struct setting s;

    medic_init(&s);
    s.principal.reason = STR("");
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    medic_init(&s);
    s.principal.purpose.code = STR("TREAT");
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    medic_init(&s);
    s.domain.emergency_count = 0;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    medic_init(&s);
    s.principal.assertion = s.principal.user = STR("");
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    medic_init(&s);
    s.rule.overridable = false;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    medic_init(&s);
    s.member.suspended = true;
    CHECK_STR(str_from(ask_rule(&s)), STR("member-standing"));
    medic_init(&s);
    s.domain.agreement_count = 0;
    CHECK_STR(str_from(ask_rule(&s)), STR("no-agreement"));
}

static void of_a_merged_person_every_denial_has_to_be_overridable(void)
{
    struct consent_policy both[2];
    struct consent_rule firm = {.effect = CONSENT_DENY};
    struct setting s;

    medic_init(&s);
    s.person.constituent_count = 2;
    both[0] = both[1] = s.policy;
    both[1].person = BELLA;
    s.policies.items = both;
    s.policies.count = 2;
    CHECK_STR(str_from(ask_rule(&s)), STR("break-glass"));
    both[1].rules = &firm;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
}

static void an_open_emergency_needs_no_second_reason_and_ends_with_its_time_box(void)
{
    struct consent_decision d;
    struct setting s;

    medic_init(&s);
    s.policies.emergency_count = 1;
    s.principal.reason = STR("");
    s.principal.assertion = STR("a2");
    d = ask(&s);
    CHECK_STR(str_from(d.rule), STR("break-glass"));
    CU_ASSERT_PTR_EQUAL(d.emergency, &s.emergency);
    s.emergency.until_us = NOW;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    s.principal.reason = STR("still unconscious"); /* declared anew */
    CHECK_STR(str_from(ask_rule(&s)), STR("break-glass"));
    s.principal.assertion = STR("a1"); /* but not by the word that opened the first */
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
}

static void an_emergency_is_of_one_user_one_member_and_one_patient(void)
{
    struct setting s;

    medic_init(&s);
    s.policies.emergency_count = 1;
    s.principal.reason = STR("");
    s.emergency.user = MAMA;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    medic_init(&s);
    s.policies.emergency_count = 1;
    s.principal.reason = STR("");
    s.emergency.member_id = HARBOUR;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    s.emergency.member_id = LAKESIDE;
    s.emergency.person = BELLA;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
}

static void no_emergency_opens_what_a_representative_may_not_see(void)
{
    struct setting s;

    medic_init(&s);
    s.policies.relation_count = 1;
    s.relation.user = MEDIC;
    s.relation.birth = 20101004;
    CHECK_STR(str_from(ask_rule(&s)), STR("patient-deny"));
    CU_ASSERT_FALSE(ask(&s).overridable);
    s.policies.count = 0;
    CHECK_STR(str_from(ask_rule(&s)), STR("minor-confidential"));
}

SUITE(test_people, CASE(an_age_is_reached_on_the_birthday_and_of_a_leap_day_on_the_first_of_march),
      CASE(a_birth_date_is_read_whole_or_in_part_and_nothing_else_is),
      CASE(who_represents_sees_what_a_default_denies_and_nothing_that_the_patient_denies),
      CASE(a_former_representative_is_denied_though_a_stranger_would_not_be),
      CASE(a_scope_bounds_documents_and_not_identifiers),
      CASE(a_rule_about_a_relation_holds_for_whom_it_is_recorded),
      CASE(parents_represent_until_the_age_of_majority),
      CASE(what_adolescents_keep_no_representative_sees_between_two_ages),
      CASE(the_glass_breaks_for_a_purpose_and_a_reason_and_names_what_it_overrode),
      CASE(no_glass_breaks_without_all_that_it_takes),
      CASE(of_a_merged_person_every_denial_has_to_be_overridable),
      CASE(an_open_emergency_needs_no_second_reason_and_ends_with_its_time_box),
      CASE(an_emergency_is_of_one_user_one_member_and_one_patient),
      CASE(no_emergency_opens_what_a_representative_may_not_see));
