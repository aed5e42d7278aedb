/* mpi/normalise and mpi/record: one person's spellings become one, placeholders become nothing. */
#include "mpi/normalise.h"

#include "tests/support/suite.h"

static struct mpi_normal normalise(struct arena *a, const char *family, const char *given,
                                   const char *birth_date)
{
    struct mpi_name name = {.family = str_from(family), .given = str_from(given)};
    struct mpi_demographics d = {
        .names = arena_copy(a, &name, sizeof(name)),
        .name_count = 1,
        .birth_date = str_from(birth_date),
        .sex = STR("f"),
    };

    return mpi_normalise(a, &d);
}

static void spellings_of_one_name_become_one(void)
{
    static const char *const CASES[][2] = {
        {"M\xc3\xbcller-L\xc3\xbc"
         "denscheidt",
         "MULLER LUDENSCHEIDT"},
        {"O'Brien", "OBRIEN"},
        {"O\xe2\x80\x99"
         "Brien",
         "OBRIEN"},
        {"  de   la Cruz ", "DE LA CRUZ"},
        {"Stra\xc3\x9f"
         "er",
         "STRASSER"},
        {"\xc3\x98"
         "degaard",
         "ODEGAARD"},
        {"\xc5\x81ukasz", "LUKASZ"},
        {"St. John", "ST JOHN"},
        {"\xe6\x9d\x8e", "\xe6\x9d\x8e"},
        {"...", ""},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        CHECK_STR(mpi_normalise_text(&a, str_from(CASES[i][0])), str_from(CASES[i][1]));
    arena_dispose(&a);
}

static void placeholders_are_missing(void)
{
    static const char *const NAMES[][3] = {
        {"Smith", "Baby Boy", "20200202"}, {"Smith", "BB", "20200202"},
        {"Unknown", "John", "20200202"},   {"Smith", "Newborn Twin A", "20200202"},
        {"Doe", "Jane", "19800101"},       {"ZZZTEST", "Anna", "19800202"},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        struct mpi_normal n = normalise(&a, NAMES[i][0], NAMES[i][1], NAMES[i][2]);

        CU_ASSERT_TRUE(n.placeholder_name);
        CU_ASSERT_EQUAL(n.family.n, 0);
        CU_ASSERT_EQUAL(n.given.n, 0);
    }
    CU_ASSERT_FALSE(normalise(&a, "Doe", "John", "19800402").placeholder_name);
    CU_ASSERT_EQUAL(normalise(&a, "Smith", "Ann", "19000101").birth_date.n, 0);
    CU_ASSERT_EQUAL(normalise(&a, "Smith", "Ann", "1980").birth_date.n, 0);
    CU_ASSERT_EQUAL(normalise(&a, "Smith", "Ann", "19800231").birth_date.n, 0);
    arena_dispose(&a);
}

static void numbers_that_nobody_has_are_missing(void)
{
    static const char *const NEVER[] = {"123-45-6789", "999999999", "000121234",  "666121234",
                                        "900121234",   "12345678",  "219-00-1234"};
    struct arena a;
    struct mpi_demographics d = {.ssn = STR("219-09-1234")};

    arena_init(&a);
    CHECK_STR(mpi_normalise(&a, &d).ssn, STR("219091234"));
    for (size_t i = 0; i < sizeof(NEVER) / sizeof(NEVER[0]); i++) {
        d.ssn = str_from(NEVER[i]);
        CU_ASSERT_EQUAL(mpi_normalise(&a, &d).ssn.n, 0);
    }
    arena_dispose(&a);
}

static void a_suffix_leaves_the_family_name(void)
{
    struct arena a;
    struct mpi_normal n;

    arena_init(&a);
    n = normalise(&a, "King Jr.", "Martin", "19290115");
    CHECK_STR(n.family, STR("KING"));
    CHECK_STR(n.suffix, STR("JR"));
    arena_dispose(&a);
}

static void the_packed_form_comes_back(void)
{
    struct arena a;
    struct mpi_normal n, back;
    struct str packed;

    arena_init(&a);
    n = normalise(&a, "Washington", "Mary", "19771208");
    packed = mpi_pack(&a, &n);
    CU_ASSERT_TRUE_FATAL(mpi_unpack(packed, &back));
    CHECK_STR(back.family, n.family);
    CHECK_STR(back.birth_date, STR("19771208"));
    CHECK_STR(back.sex, STR("F"));
    for (size_t i = 0; i < packed.n; i++)
        CU_ASSERT_FALSE(mpi_unpack(str_slice(packed, 0, i), &back));
    arena_dispose(&a);
}

static void demographics_come_back_from_json(void)
{
    struct arena a;
    struct errors err;
    struct mpi_name names[] = {{.family = STR("A\"b\\c"), .given = STR("\xc3\xa9")},
                               {.family = STR("Maiden"), .type = STR("M")}};
    struct mpi_telecom telecoms[] = {{.value = STR("012-0001"), .use = STR("PRN")}};
    struct mpi_demographics d = {.names = names,
                                 .name_count = 2,
                                 .telecoms = telecoms,
                                 .telecom_count = 1,
                                 .sex = STR("F"),
                                 .ssn = STR("1")};
    struct mpi_demographics back;
    struct str json;

    arena_init(&a);
    errors_init(&err, &a);
    json = mpi_demographics_json(&a, &d);
    CU_ASSERT_EQUAL_FATAL(mpi_demographics_parse(&a, json, &back, &err), OK);
    CHECK_STR(back.names[0].family, names[0].family);
    CHECK_STR(back.names[0].given, names[0].given);
    CHECK_STR(mpi_demographics_name(&back)->family, names[0].family);
    CHECK_STR(mpi_demographics_json(&a, &back), json);
    CU_ASSERT_EQUAL(mpi_demographics_parse(&a, STR("[]"), &back, &err), INTERNAL);
    arena_dispose(&a);
}

static void an_update_deletes_only_what_it_says(void)
{
    struct mpi_demographics known = {.sex = STR("F"), .ssn = STR("1"), .birth_date = STR("1980")};
    struct mpi_demographics update = {.ssn = {"", 0}, .birth_date = STR("1981")};
    struct mpi_demographics after = mpi_demographics_update(&known, &update);

    CHECK_STR(after.sex, STR("F"));
    CU_ASSERT_EQUAL(after.ssn.n, 0);
    CHECK_STR(after.birth_date, STR("1981"));
}

SUITE(test_normalise, CASE(spellings_of_one_name_become_one), CASE(placeholders_are_missing),
      CASE(numbers_that_nobody_has_are_missing), CASE(a_suffix_leaves_the_family_name),
      CASE(the_packed_form_comes_back), CASE(demographics_come_back_from_json),
      CASE(an_update_deletes_only_what_it_says));
