/* Quirks, home communities and durations: what another community says, judged without asking it. */
#include "gateway/partner.h"
#include "gateway/xca_answer.h"
#include "gateway/xcpd.h"
#include "tests/support/suite.h"

static struct partner aurora(void)
{
    return (struct partner){.member_id = 7, .name = STR("aurora"), .home = STR("1.2.3")};
}

static void a_home_is_told_as_the_profile_writes_it_unless_a_quirk_says_otherwise(void)
{
    struct partner p = aurora();

    CU_ASSERT_TRUE(partner_is_home(&p, STR("urn:oid:1.2.3")));
    CU_ASSERT_FALSE(partner_is_home(&p, STR("1.2.3")));
    CU_ASSERT_FALSE(partner_is_home(&p, STR("urn:oid:1.2.4")));
    CU_ASSERT_FALSE(partner_is_home(&p, STR_NONE));
    partner_set_quirk(&p, QUIRK_BARE_OIDS, STR(""));
    CU_ASSERT_TRUE(partner_is_home(&p, STR("1.2.3")));
    CU_ASSERT_FALSE(partner_is_home(&p, STR("1.2.4")));
    partner_set_quirk(&p, QUIRK_OTHER_HOME, STR("1.2.4"));
    CU_ASSERT_TRUE(partner_is_home(&p, STR("urn:oid:1.2.4")));
    CU_ASSERT_FALSE(partner_is_home(&p, STR("urn:oid:1.2.5")));
    partner_set_quirk(&p, QUIRK_NO_HOME, STR(""));
    CU_ASSERT_TRUE(partner_is_home(&p, STR_NONE));
}

static void an_error_of_a_retrieve_names_its_document_by_a_whole_word_of_its_location(void)
{
    static const struct {
        const char *location;
        bool names;
    } cases[] = {
        {"1.2.9", true},
        {"1.2.9 urn:oid:1.2.3", true},
        {"urn:oid:1.2.3 1.2.9", true},
        {"urn:oid:1.2.3;1.2.9", true},
        {" 1.2.9,urn:oid:1.2.3", true},
        {"1.2.90 urn:oid:1.2.3", false},
        {"1.1.2.9", false},
        {"urn:oid:1.2.9", false},
        {"urn:oid:1.2.3", false},
        {"", false},
    };
    struct pair_index ids;
    struct arena a;

    arena_init(&a);
    ids = pair_index_on(&a, 2);
    (void)pair_index_put_text(&ids, STR("1.2.9"), 4);
    (void)pair_index_put_text(&ids, STR("1.2^A B"), 5);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CU_ASSERT_EQUAL(xca_location_find(&ids, str_from(cases[i].location)),
                        cases[i].names ? 4 : PAIR_NONE);
    CU_ASSERT_EQUAL(xca_location_find(&ids, STR("1.2^A B")), 5);
    arena_dispose(&a);
}

static void a_quirk_takes_the_value_that_its_kind_has_and_no_other(void)
{
    static const struct {
        const char *key, *value;
        bool good;
    } cases[] = {
        {"one-document", "", true},  {"one-document", "1", false},   {"documents", "3", true},
        {"documents", "0", false},   {"documents", "", false},       {"documents", "-1", false},
        {"other-home", "1.2", true}, {"other-home", "urn:x", false}, {"soft-ms", "250", true},
        {"soft-ms", "x", false},     {"no-such-quirk", "", false},   {"hard-ms", "99999999", false},
    };
    enum partner_quirk quirk;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CU_ASSERT_EQUAL(partner_quirk_read(str_from(cases[i].key), str_from(cases[i].value),
                                           &quirk),
                        cases[i].good);
}

static void a_quirk_changes_how_the_community_is_asked(void)
{
    struct partner p = aurora();

    p.documents = 50;
    partner_set_quirk(&p, QUIRK_DOCUMENTS, STR("3"));
    CU_ASSERT_EQUAL(p.documents, 3);
    partner_set_quirk(&p, QUIRK_ONE_DOCUMENT, STR(""));
    CU_ASSERT_EQUAL(p.documents, 1);
    partner_set_quirk(&p, QUIRK_SOFT_MS, STR("250"));
    CU_ASSERT_EQUAL(p.soft_us, 250000);
}

static void a_time_to_live_is_a_duration_or_nothing(void)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"P7D", 7 * 86400},
        {"PT1H30M", 5400},
        {"P0Y0M7D", 7 * 86400},
        {"PT5S", 5},
        {" P1DT1S ", 86401},
        {"P1W", 7 * 86400},
        {"P9999Y", 366 * 86400},
        {"P", 0},
        {"7D", 0},
        {"P7", 0},
        {"P-7D", 0},
        {"PT", 0},
        {"P1.5D", 0},
        {"PD", 0},
        {"", 0},
        {"PT1D", 0},
        {"P99999999999D", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CU_ASSERT_EQUAL(xcpd_duration(str_from(cases[i].text)), cases[i].seconds * 1000000);
}

SUITE(test_partner, CASE(a_home_is_told_as_the_profile_writes_it_unless_a_quirk_says_otherwise),
      CASE(an_error_of_a_retrieve_names_its_document_by_a_whole_word_of_its_location),
      CASE(a_quirk_takes_the_value_that_its_kind_has_and_no_other),
      CASE(a_quirk_changes_how_the_community_is_asked),
      CASE(a_time_to_live_is_a_duration_or_nothing));
