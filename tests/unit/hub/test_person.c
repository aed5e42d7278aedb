#include "hub/person.h"

#include "hub/base/arena.h"
#include "tests/support/suite.h"

static void a_cx_gives_id_and_oid_whatever_else_it_carries(void)
{
    static const struct str forms[] = {
        STR("123^^^&1.2.3&ISO"),
        STR("123^^^EPIC&1.2.3&ISO"),
        STR("123^4^M11^&1.2.3&ISO^MRN^&9.9.9&ISO"),
    };
    struct identifier id;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        CU_ASSERT(identifier_parse_cx(forms[i], &id));
        CHECK_STR(id.id, STR("123"));
        CHECK_STR(id.authority, STR("1.2.3"));
    }
}

static void a_cx_without_a_clean_id_oid_or_iso_is_refused(void)
{
    static const struct str forms[] = {
        STR(""),
        STR("123"),
        STR("^^^&1.2.3&ISO"),
        STR("123^^^EPIC"),
        STR("123^^^&&ISO"),
        STR("123^^^&1.2.3"),
        STR("123^^^&1.2.3&DNS"),
        STR("123^^^&1.2.3&iso"),
        STR("123^^^&example.org&ISO"),
        STR("123^^&1.2.3&ISO"),
        STR("12\0003^^^&1.2.3&ISO"),
        STR("12\n3^^^&1.2.3&ISO"),
    };
    struct identifier id;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        CU_ASSERT_FALSE(identifier_parse_cx(forms[i], &id));
    CU_ASSERT_FALSE(identifier_parse_cx(STR_NONE, &id));
}

static void what_is_written_is_read_back(void)
{
    struct arena a;
    struct identifier id = {.authority = STR("1.3.6.1.4.1.21367"), .id = STR("IHERED-1")}, back;
    struct str cx;

    arena_init(&a);
    cx = identifier_cx(&a, id);
    CHECK_STR(cx, STR("IHERED-1^^^&1.3.6.1.4.1.21367&ISO"));
    CU_ASSERT(identifier_parse_cx(cx, &back));
    CU_ASSERT(identifier_eq(id, back));
    back.authority = STR("1.2.3");
    CU_ASSERT_FALSE(identifier_eq(id, back));
    arena_dispose(&a);
}

SUITE(test_person, CASE(a_cx_gives_id_and_oid_whatever_else_it_carries),
      CASE(a_cx_without_a_clean_id_oid_or_iso_is_refused), CASE(what_is_written_is_read_back));
