#include "hub/net/media_type.h"

#include "tests/support/suite.h"

static struct arena arena;

static void check(struct str value, bool good, struct str boundary)
{
    struct str found;

    arena_init(&arena);
    CU_ASSERT_EQUAL(media_type_parameter(&arena, value, STR("boundary"), &found), good);
    if (good)
        CHECK_STR(found, boundary);
    arena_dispose(&arena);
}

static void parameters_may_be_quoted_escaped_spaced_and_in_any_case(void)
{
    check(STR("multipart/related; Boundary=b"), true, STR("b"));
    check(STR("multipart/related;type=\"a;boundary=no\" ; boundary = \"b\" ;"), true, STR("b"));
    check(STR("multipart/related; boundary=\"a\\\"b\\\\\""), true, STR("a\"b\\"));
    check(STR("multipart/related; boundary=--=_x"), true, STR("--=_x"));
    check(STR("multipart/related"), true, STR_NONE);
    check(STR(""), true, STR_NONE);
}

static void malformed_and_repeated_parameters_are_refused(void)
{
    check(STR("a/b; boundary=\"x"), false, STR_NONE);
    check(STR("a/b; boundary=\"x\\"), false, STR_NONE);
    check(STR("a/b; boundary=\"x\"y"), false, STR_NONE);
    check(STR("a/b; boundary="), false, STR_NONE);
    check(STR("a/b; boundary"), false, STR_NONE);
    check(STR("a/b; boundary=x; BOUNDARY=y"), false, STR_NONE);
}

static void the_essence_stands_before_the_parameters(void)
{
    CHECK_STR(media_type_essence(STR(" multipart/related ; a=b")), STR("multipart/related"));
    CHECK_STR(media_type_essence(STR("text/xml")), STR("text/xml"));
}

SUITE(test_media_type, CASE(parameters_may_be_quoted_escaped_spaced_and_in_any_case),
      CASE(malformed_and_repeated_parameters_are_refused),
      CASE(the_essence_stands_before_the_parameters));
