#include "hub/command/member_check.h"

#include "tests/support/suite.h"

static void a_members_name_is_safe_in_logs_and_commands(void)
{
    CU_ASSERT(member_name_valid(STR("st-mary")));
    CU_ASSERT(member_name_valid(STR("3rd.Clinic_x")));
    CU_ASSERT_FALSE(member_name_valid(STR("")));
    CU_ASSERT_FALSE(member_name_valid(STR("-rf")));
    CU_ASSERT_FALSE(member_name_valid(STR("a b")));
    CU_ASSERT_FALSE(member_name_valid(STR("a\nb")));
    CU_ASSERT_FALSE(member_name_valid(STR("gr\xc3\xbcn")));
    CU_ASSERT_FALSE(member_name_valid(
        STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))); /* 65 */
}

static void a_character_set_is_one_that_hl7_messages_are_read_in(void)
{
    CU_ASSERT(member_charset_known(STR("UNICODE UTF-8")));
    CU_ASSERT(member_charset_known(STR("GB 18030-2000")));
    CU_ASSERT_FALSE(member_charset_known(STR("utf8")));
}

SUITE(test_member_check, CASE(a_members_name_is_safe_in_logs_and_commands),
      CASE(a_character_set_is_one_that_hl7_messages_are_read_in));
