#include "mpi/batch/columns.h"

#include "tests/support/suite.h"

static struct arena arena;
static struct errors err;

static void fresh(void)
{
    arena_dispose(&arena);
    arena_init(&arena);
    errors_init(&err, &arena);
}

static const struct str header[] = {{"First Name", 10}, {"Last, Name", 10}, {"dob", 3},
                                    {"street_1", 8},    {"Street 2", 8},    {"city", 4}};
enum { HEADERS = 6 };

static struct mpi_input read(const char *columns, const struct str *fields, size_t count, bool ids)
{
    struct columns c;
    struct column_map map;
    struct mpi_input in;
    bool seen[COLUMNS_MAX] = {false};

    fresh();
    CU_ASSERT_EQUAL(columns_parse(columns, false, &c, &err), OK);
    column_map_make(&c, 0, header, HEADERS, &map, seen);
    column_input(&map, fields, count, ids, &in);
    return in;
}

static void headers_are_found_by_their_letters(void)
{
    CU_ASSERT_EQUAL(column_find(header, HEADERS, STR("first_name")), 0);
    CU_ASSERT_EQUAL(column_find(header, HEADERS, STR("STREET1")), 3);
    CU_ASSERT_EQUAL(column_find(header, HEADERS, STR("Dob")), 2);
    CU_ASSERT_EQUAL(column_find(header, HEADERS, STR("name")), -1);
}

static void a_comma_may_be_part_of_a_header(void)
{
    struct columns c;

    fresh();
    CU_ASSERT_EQUAL(columns_parse("given=First Name,family=Last, Name,dob=dob", false, &c, &err),
                    OK);
    CU_ASSERT_EQUAL(c.count, 3);
    CHECK_STR(c.list[1].header, STR("Last, Name"));
}

static void an_unknown_role_is_refused(void)
{
    struct columns c;

    fresh();
    CU_ASSERT_EQUAL(columns_parse("givn=First Name", false, &c, &err), INVALID);
    CU_ASSERT_EQUAL(columns_parse("given", false, &c, &err), INVALID);
    CU_ASSERT_EQUAL(columns_parse("given=x", true, &c, &err), INVALID);
    CU_ASSERT_EQUAL(columns_parse("a.given=x,b.given=y", true, &c, &err), OK);
    CU_ASSERT_EQUAL(c.list[1].side, 'b');
}

static void what_stands_for_missing_says_nothing(void)
{
    static const char *const missing[] = {"NA", "NaT", "nan", "NULL", "None", "N/A"};

    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        CHECK_STR(column_value(str_from(missing[i])), STR_NONE);
    CHECK_STR(column_value(STR("Na")), STR("Na")); /* a name */
}

static void floating_point_numbers_are_whole_again(void)
{
    const struct str fields[] = {STR("1.0"), STR("2.0"), STR("19710524.0")};
    struct mpi_input in = read("given=First Name,postcode=Last, Name,dob=dob", fields, 3, false);

    CHECK_STR(in.names[0].given, STR("1.0"));
    CHECK_STR(in.addresses[0].postcode, STR("2"));
    CHECK_STR(in.birth_dates[0], STR("19710524"));
}

static void two_lines_of_street_share_the_city(void)
{
    const struct str fields[] = {STR(""), STR(""), STR(""), STR("Elm 1"), STR("Oak 2"), STR("Rye")};
    struct mpi_input in = read("street=street_1,street=Street 2,city=city", fields, 6, false);

    CU_ASSERT_EQUAL(in.address_count, 2);
    CHECK_STR(in.addresses[1].street, STR("Oak 2"));
    CHECK_STR(in.addresses[1].city, STR("Rye"));
}

static void a_short_row_lacks_its_last_fields(void)
{
    const struct str fields[] = {STR("Ann")};
    struct mpi_input in = read("given=First Name,dob=dob", fields, 1, false);

    CHECK_STR(in.names[0].given, STR("Ann"));
    CU_ASSERT_EQUAL(in.birth_date_count, 0);
}

static void identifiers_count_only_when_they_are_of_people(void)
{
    const struct str fields[] = {STR("17")};

    CU_ASSERT_EQUAL(read("id=First Name", fields, 1, false).id_count, 0);
    CU_ASSERT_EQUAL(read("id=First Name", fields, 1, true).id_count, 1);
}

SUITE(test_columns, CASE(headers_are_found_by_their_letters), CASE(a_comma_may_be_part_of_a_header),
      CASE(an_unknown_role_is_refused), CASE(what_stands_for_missing_says_nothing),
      CASE(floating_point_numbers_are_whole_again), CASE(two_lines_of_street_share_the_city),
      CASE(a_short_row_lacks_its_last_fields),
      CASE(identifiers_count_only_when_they_are_of_people));
