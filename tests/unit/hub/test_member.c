#include "hub/member.h"

#include "tests/support/suite.h"

static struct member_authority st_mary_authorities[] = {
    {STR("1.2.3.1"), STR("EPIC")},
    {STR("1.2.3.2"), STR("")},
};
static struct member_authority lakeside_authorities[] = {{STR("1.2.4.1"), STR("EPIC")}};
static struct member_application st_mary_applications[] = {
    {STR("ADT"), STR("")},
    {STR("LAB"), STR("NORTH")},
};
static struct member_application lakeside_applications[] = {{STR("ADT"), STR("LAKESIDE")}};
static struct member_cert st_mary_certs[] = {
    {.fingerprint = {1}, .not_after_us = 1000, .direct = false},
    {.fingerprint = {2}, .not_after_us = 2000, .direct = true},
};
static struct member members[] = {
    {.id = 1,
     .name = STR("st-mary"),
     .authorities = st_mary_authorities,
     .authority_count = 2,
     .applications = st_mary_applications,
     .application_count = 2,
     .certs = st_mary_certs,
     .cert_count = 2},
    {.id = 2,
     .name = STR("lakeside"),
     .authorities = lakeside_authorities,
     .authority_count = 1,
     .applications = lakeside_applications,
     .application_count = 1},
    {.id = 3, .name = STR("clinic")},
};
static const struct member_directory directory = {.epoch = 1, .members = members, .count = 3};
static const struct member *const st_mary = &members[0];
static const struct member *const lakeside = &members[1];
static const struct member *const clinic = &members[2];

static const unsigned char chained[32] = {1}, direct[32] = {2}, stranger[32] = {3};

static void a_certificate_without_a_valid_chain_counts_only_when_direct(void)
{
    CU_ASSERT_PTR_EQUAL(member_by_cert(&directory, chained, true, 500), st_mary);
    CU_ASSERT_PTR_NULL(member_by_cert(&directory, chained, false, 500));
    CU_ASSERT_PTR_EQUAL(member_by_cert(&directory, direct, false, 500), st_mary);
    CU_ASSERT_PTR_EQUAL(member_by_cert(&directory, direct, true, 500), st_mary);
}

static void an_expired_certificate_names_nobody(void)
{
    CU_ASSERT_PTR_EQUAL(member_by_cert(&directory, chained, true, 1000), st_mary);
    CU_ASSERT_PTR_NULL(member_by_cert(&directory, chained, true, 1001));
    CU_ASSERT_PTR_NULL(member_by_cert(&directory, direct, false, 2001));
}

static void a_valid_chain_alone_names_nobody(void)
{
    CU_ASSERT_PTR_NULL(member_by_cert(&directory, stranger, true, 500));
}

static void members_are_found_by_id_name_and_authority(void)
{
    CU_ASSERT_PTR_EQUAL(member_by_id(&directory, 2), lakeside);
    CU_ASSERT_PTR_NULL(member_by_id(&directory, 9));
    CU_ASSERT_PTR_EQUAL(member_by_name(&directory, STR("clinic")), clinic);
    CU_ASSERT_PTR_NULL(member_by_name(&directory, STR("Clinic")));
    CU_ASSERT_PTR_EQUAL(member_by_authority(&directory, STR("1.2.3.2")), st_mary);
    CU_ASSERT_PTR_NULL(member_by_authority(&directory, STR("1.2.3")));
}

static void a_namespace_means_each_source_its_own_authority(void)
{
    CHECK_STR(member_authority_oid(&directory, st_mary, STR("EPIC"), STR_NONE), STR("1.2.3.1"));
    CHECK_STR(member_authority_oid(&directory, lakeside, STR("EPIC"), STR_NONE), STR("1.2.4.1"));
    CU_ASSERT_PTR_NULL(member_authority_oid(&directory, clinic, STR("EPIC"), STR_NONE).p);
    CU_ASSERT_PTR_NULL(member_authority_oid(&directory, st_mary, STR(""), STR_NONE).p);
}

static void an_oid_beats_the_namespace_and_may_be_anothers(void)
{
    CHECK_STR(member_authority_oid(&directory, st_mary, STR("EPIC"), STR("1.2.4.1")),
              STR("1.2.4.1"));
    CU_ASSERT_PTR_NULL(member_authority_oid(&directory, st_mary, STR("EPIC"), STR("9.9")).p);
}

static void an_application_belongs_to_whom_names_it_most_closely(void)
{
    static const struct {
        struct str application, facility;
        bool st_mary, lakeside, clinic;
    } cases[] = {
        {STR("ADT"), STR("MAIN"), true, false, false},
        {STR("ADT"), STR("LAKESIDE"), false, true, false},
        {STR("ADT"), STR(""), true, false, false},
        {STR("LAB"), STR("NORTH"), true, false, false},
        {STR("LAB"), STR("SOUTH"), false, false, true},
        {STR("RIS"), STR(""), false, false, true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str application = cases[i].application, facility = cases[i].facility;

        CU_ASSERT_EQUAL(member_owns_application(&directory, st_mary, application, facility),
                        cases[i].st_mary);
        CU_ASSERT_EQUAL(member_owns_application(&directory, lakeside, application, facility),
                        cases[i].lakeside);
        CU_ASSERT_EQUAL(member_owns_application(&directory, clinic, application, facility),
                        cases[i].clinic);
    }
}

SUITE(test_member, CASE(a_certificate_without_a_valid_chain_counts_only_when_direct),
      CASE(an_expired_certificate_names_nobody), CASE(a_valid_chain_alone_names_nobody),
      CASE(members_are_found_by_id_name_and_authority),
      CASE(a_namespace_means_each_source_its_own_authority),
      CASE(an_oid_beats_the_namespace_and_may_be_anothers),
      CASE(an_application_belongs_to_whom_names_it_most_closely));
