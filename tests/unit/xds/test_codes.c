/* codes.xml: what is read, and what is wrong with the rest. */
#include "hub/base/arena.h"
#include "tests/support/suite.h"
#include "xds/codes.h"

static enum status read(struct arena *a, const char *xml, struct xds_code_list *list,
                        struct errors *err)
{
    errors_init(err, a);
    return xds_codes_read(a, str_from(xml), list, err);
}

static void codes_come_by_kind_each_once(void)
{
    struct arena a;
    struct errors err;
    struct xds_code_list list;

    arena_init(&a);
    CU_ASSERT_EQUAL(read(&a,
                         "<Codes><CodeType name='typeCode'><Code code='b' codingScheme='1.2'/>"
                         "<Code code='a' codingScheme='1.2' display='A'/>"
                         "<Code code='b' codingScheme='1.2'/></CodeType>"
                         "<CodeType name='mimeType'><Code code='text/xml'/></CodeType></Codes>",
                         &list, &err),
                    OK);
    CU_ASSERT_EQUAL_FATAL(list.n, 3);
    CU_ASSERT_EQUAL(list.repeated, 1);
    CHECK_STR(list.v[0].kind, STR("mimeType"));
    CHECK_STR(list.v[0].scheme, STR(""));
    CHECK_STR(list.v[1].code, STR("a"));
    CHECK_STR(list.v[1].display, STR("A"));
    CHECK_STR(list.v[2].scheme, STR("1.2"));
    arena_dispose(&a);
}

static void what_is_wrong_says_where(void)
{
    static const struct {
        const char *xml, *where;
    } cases[] = {
        {"<Other/>", "Other"},
        {"<Codes><CodeType name='x'/></Codes>", "Codes"},
        {"<Codes><CodeType><Code code='a' codingScheme='1'/></CodeType></Codes>", "Codes/CodeType"},
        {"<Codes><CodeType name='x'><Code codingScheme='1'/></CodeType></Codes>",
         "Codes/CodeType/Code"},
        {"<Codes><CodeType name='x'><Code code='a'/></CodeType></Codes>", "Codes/CodeType/Code"},
    };
    struct arena a;
    struct errors err;
    struct xds_code_list list;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CU_ASSERT_EQUAL(read(&a, cases[i].xml, &list, &err), INVALID);
        CU_ASSERT_PTR_NOT_NULL_FATAL(err.first);
        CHECK_STR(err.first->location, str_from(cases[i].where));
    }
    arena_dispose(&a);
}

SUITE(test_codes, CASE(codes_come_by_kind_each_once), CASE(what_is_wrong_says_where));
