#include "hub/audit/rules.h"

#include "hub/base/clock.h"
#include "tests/support/suite.h"

#define BIT(rule) AUDIT_RULE_BIT(AUDIT_RULE_##rule)

static const struct audit_identity kim = {{"KIM", 3},
                                          {"ANNA", 4},
                                          19800203,
                                          {"1/ELM ST//62701", 15}};

static struct audit_staff physician(void)
{
    return (struct audit_staff){.user = STR("kim"),
                                .organization = STR("1.2"),
                                .role = STR("physician"),
                                .identity = kim};
}

static unsigned judged(struct audit_identity patient, bool care)
{
    struct audit_staff staff = physician();
    struct audit_access a = {.purpose = STR("TREAT"),
                             .staff = &staff,
                             .patient = &patient,
                             .class = AUDIT_QUERY,
                             .care = care};

    return audit_rules_access(&a);
}

static void whose_data_it_is_decides_between_self_household_address_and_surname(void)
{
    struct audit_identity other = kim, son = kim, lodger = kim, namesake = kim;

    son.given = STR("TOM");
    lodger.family = STR("LEE");
    namesake.given = STR("EVA");
    namesake.address = STR("9/OAK ST//62701");
    other.family = STR("LEE");
    other.address = STR_NONE;
    CU_ASSERT(judged(kim, true) == BIT(SELF));
    CU_ASSERT(judged(son, true) == BIT(HOUSEHOLD));
    CU_ASSERT(judged(lodger, true) == BIT(ADDRESS));
    CU_ASSERT(judged(namesake, true) == 0);
    CU_ASSERT(judged(namesake, false) == (BIT(SURNAME) | BIT(NO_CARE)));
    CU_ASSERT(judged(other, true) == 0);
}

static void a_colleague_is_told_unless_the_house_treats_them_too(void)
{
    struct audit_staff staff = physician(), colleague = {.user = STR("lee")};
    struct audit_access a = {.purpose = STR("TREAT"),
                             .staff = &staff,
                             .patient_is = &colleague,
                             .class = AUDIT_QUERY};

    CU_ASSERT(audit_rules_access(&a) == (BIT(COWORKER) | BIT(NO_CARE)));
    a.patient_is = &staff;
    CU_ASSERT(audit_rules_access(&a) == BIT(NO_CARE));
    a.patient_is = &colleague;
    a.care = true;
    CU_ASSERT(audit_rules_access(&a) == 0);
}

static void what_is_not_known_equals_nothing(void)
{
    struct audit_staff staff = {.user = STR("x")};
    struct audit_identity nobody = {0};
    struct audit_access a = {.staff = &staff, .patient = &nobody, .care = true};

    CU_ASSERT(audit_rules_access(&a) == 0);
}

static void no_care_concerns_documents_and_neither_emergencies_nor_the_patient(void)
{
    struct audit_access a = {.class = AUDIT_RETRIEVE, .purpose = STR("TREAT")};

    CU_ASSERT(audit_rules_access(&a) == BIT(NO_CARE));
    a.purpose = STR("PATRQT");
    CU_ASSERT(audit_rules_access(&a) == 0);
    a.purpose = STR("BTG");
    a.emergency = true;
    CU_ASSERT(audit_rules_access(&a) == 0);
    a = (struct audit_access){.class = AUDIT_PEOPLE, .purpose = STR("TREAT")};
    CU_ASSERT(audit_rules_access(&a) == 0);
}

static void break_glass_after_three_denials_is_found(void)
{
    struct audit_access a = {.purpose = STR("BTG"), .emergency = true, .denials = 2};

    CU_ASSERT(audit_rules_access(&a) == 0);
    a.denials = 3;
    CU_ASSERT(audit_rules_access(&a) == BIT(DENIALS));
}

static void a_purpose_that_the_role_has_not_is_found(void)
{
    static const struct {
        const char *role, *purpose;
        bool found;
    } cases[] = {
        {"physician", "TREAT", false},   {"physician", "HOPERAT", true},
        {"nurse", "HRESCH", true},       {"billing", "HPAYMT", false},
        {"billing", "TREAT", true},      {"researcher", "TREAT", true},
        {"Physician", "etreat", false},  {"porter", "HRESCH", false},
        {"physician", "LOCAL-7", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit_access a = {.role = str_from(cases[i].role),
                                 .purpose = str_from(cases[i].purpose),
                                 .care = true};

        CU_ASSERT((audit_rules_access(&a) == BIT(PURPOSE)) == cases[i].found);
    }
}

static void working_hours_hold_in_local_time_and_past_midnight(void)
{
    static const struct {
        const char *hours;
        int day, hour;
        bool outside;
    } cases[] = {
        {"mon-fri 07:00-19:00", 0, 7, false}, {"mon-fri 07:00-19:00", 0, 6, true},
        {"mon-fri 07:00-19:00", 4, 19, true}, {"mon-fri 07:00-19:00", 5, 12, true},
        {"07:00-19:00", 6, 12, false},        {"fri-sat 22:00-06:00", 4, 23, false},
        {"fri-sat 22:00-06:00", 6, 5, false}, {"fri-sat 22:00-06:00", 6, 23, true},
        {"sun-mon 08:00-10:00", 0, 9, false}, {"", 3, 3, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit_staff staff = physician();
        struct audit_access a = {.staff = &staff,
                                 .care = true,
                                 .minute_of_week =
                                     cases[i].day * MINUTES_OF_DAY + cases[i].hour * 60};

        CU_ASSERT(audit_hours_read(str_from(cases[i].hours), &staff.hours));
        CU_ASSERT((audit_rules_access(&a) == BIT(AFTER_HOURS)) == cases[i].outside);
    }
}

static void hours_that_are_none_are_not_read(void)
{
    static const char *const bad[] = {"mon-fri", "7-19", "moon 07:00-19:00", "07:00-24:30",
                                      "07:00"};
    struct audit_hours hours;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT(!audit_hours_read(str_from(bad[i]), &hours));
}

static void a_day_is_compared_with_peers_and_with_its_own_past(void)
{
    struct audit_day d = {.patients = 40,
                          .queries = 40,
                          .retrievals = 4,
                          .day = 1000,
                          .last_day = 999,
                          .peers = 30,
                          .peers_mean = 20,
                          .peers_deviation = 5};

    CU_ASSERT(audit_rules_day(&d) == 0);
    d.patients = 41;
    CU_ASSERT(audit_rules_day(&d) == BIT(VOLUME));
    d.peers = 29;
    CU_ASSERT(audit_rules_day(&d) == 0);
    d.retrievals = 3;
    CU_ASSERT(audit_rules_day(&d) == BIT(FISHING));
    d.retrievals = 4;
    d.last_day = 909;
    CU_ASSERT(audit_rules_day(&d) == BIT(DORMANT));
    d.last_day = 910;
    CU_ASSERT(audit_rules_day(&d) == 0);
    d.last_day = INT64_MIN;
    CU_ASSERT(audit_rules_day(&d) == 0);
}

static void numbers_that_climb_by_small_steps_are_a_walk(void)
{
    static const char *const climb[] = {"M-0098^^^&1.2&ISO", "M-0099^^^&1.2&ISO",
                                        "M-0099^^^&1.2&ISO", "M-0102^^^&1.2&ISO",
                                        "M-0103^^^&1.2&ISO"};
    struct audit_step steps[5];
    size_t first;

    for (size_t i = 0; i < 5; i++)
        steps[i] = (struct audit_step){(int64_t)i * 60 * US_PER_SECOND, str_from(climb[i])};
    CU_ASSERT(audit_walk_longest(steps, 5, &first) == 4 && first == 0);
    steps[3].patient = STR("M-0103^^^&1.3&ISO"); /* another domain's series */
    CU_ASSERT(audit_walk_longest(steps, 5, &first) == 2);
    steps[3].patient = STR("M-0106^^^&1.2&ISO"); /* too far */
    steps[4].patient = STR("M-0107^^^&1.2&ISO");
    CU_ASSERT(audit_walk_longest(steps, 5, &first) == 2);
    for (size_t i = 1; i < 5; i++)
        steps[i].at_us = (int64_t)i * 3601 * US_PER_SECOND;
    CU_ASSERT(audit_walk_longest(steps, 5, &first) == 1);
    CU_ASSERT(audit_walk_longest(steps, 0, &first) == 0);
}

SUITE(test_rules, CASE(whose_data_it_is_decides_between_self_household_address_and_surname),
      CASE(what_is_not_known_equals_nothing),
      CASE(a_colleague_is_told_unless_the_house_treats_them_too),
      CASE(no_care_concerns_documents_and_neither_emergencies_nor_the_patient),
      CASE(break_glass_after_three_denials_is_found),
      CASE(a_purpose_that_the_role_has_not_is_found),
      CASE(working_hours_hold_in_local_time_and_past_midnight),
      CASE(hours_that_are_none_are_not_read),
      CASE(a_day_is_compared_with_peers_and_with_its_own_past),
      CASE(numbers_that_climb_by_small_steps_are_a_walk));
