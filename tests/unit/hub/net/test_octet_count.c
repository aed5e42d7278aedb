#include "hub/net/octet_count.h"

#include "tests/support/suite.h"

static void frames_are_taken_one_after_the_other(void)
{
    struct str in = STR("5 hello0 3 a b12 cut"), message;

    CU_ASSERT_EQUAL(octet_count_frame(in, 100), 7);
    CU_ASSERT_EQUAL(octet_count_next(&in, 100, &message), OCTET_MESSAGE);
    CHECK_STR(message, STR("hello"));
    CU_ASSERT_EQUAL(octet_count_next(&in, 100, &message), OCTET_FAULT); /* NONZERO-DIGIT */
    in = STR("3 a b12 cut");
    CU_ASSERT_EQUAL(octet_count_next(&in, 100, &message), OCTET_MESSAGE);
    CHECK_STR(message, STR("a b"));
    CU_ASSERT_EQUAL(octet_count_next(&in, 100, &message), OCTET_MORE);
    CHECK_STR(in, STR("12 cut"));
}

static void a_length_is_digits_and_has_a_cap(void)
{
    static const struct str bad[] = {STR("-1 x"), STR("+1 x"), STR(" 1 x"),          STR("1x"),
                                     STR("x"),    STR("101 "), STR("99999999999 x"), STR("01 x")};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct str in = bad[i], message;

        CU_ASSERT_EQUAL(octet_count_next(&in, 100, &message), OCTET_FAULT);
        CU_ASSERT_EQUAL(octet_count_frame(bad[i], 100), 0);
    }
}

static void a_length_that_is_not_whole_is_waited_for(void)
{
    struct str in = STR("10"), message;

    CU_ASSERT_EQUAL(octet_count_next(&in, 100, &message), OCTET_MORE);
    CU_ASSERT_EQUAL(octet_count_frame(in, 100), 0);
    in = STR("");
    CU_ASSERT_EQUAL(octet_count_next(&in, 100, &message), OCTET_MORE);
}

SUITE(test_octet_count, CASE(frames_are_taken_one_after_the_other),
      CASE(a_length_is_digits_and_has_a_cap), CASE(a_length_that_is_not_whole_is_waited_for));
