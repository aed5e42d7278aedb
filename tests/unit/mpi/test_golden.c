/* mpi/golden: which of several records' values survive, and why. */
#include "mpi/golden.h"

#include "tests/support/suite.h"

static struct mpi_name names[4];
static struct mpi_address addresses[4];

/* A record with a name, an address and a birth date; number is its place. */
static struct mpi_golden_source source(int number, int trust, int64_t said_at, const char *given,
                                       const char *street, const char *birth_date)
{
    names[number] = (struct mpi_name){.family = STR("Doe"), .given = str_from(given)};
    addresses[number] = (struct mpi_address){.street = str_from(street)};
    return (struct mpi_golden_source){
        .place = {1, number},
        .trust = trust,
        .said_at_us = said_at,
        .demographics = {.names = &names[number],
                         .name_count = 1,
                         .addresses = &addresses[number],
                         .address_count = street != NULL,
                         .birth_date = str_from(birth_date)},
    };
}

static struct mpi_golden build(struct arena *a, const struct mpi_golden_source *s, size_t n)
{
    struct mpi_golden g;

    arena_init(a);
    mpi_golden_build(a, s, n, &g);
    return g;
}

static void a_trusted_source_beats_a_newer_one(void)
{
    struct mpi_golden_source s[] = {source(1, 1, 200, "Janet", NULL, "1980"),
                                    source(2, 0, 100, "Jane", NULL, "1981")};
    struct arena a;
    struct mpi_golden g = build(&a, s, 2);

    CHECK_STR(g.demographics.names[0].given, STR("Jane"));
    CHECK_STR(g.demographics.birth_date, STR("1981"));
    CU_ASSERT_TRUE(str_find_str(g.sources, STR("\"birth_date\":{\"pkey\":1,\"record\":2,"
                                               "\"rule\":\"trust\"}")) >= 0);
    arena_dispose(&a);
}

static void a_whole_birth_date_beats_a_newer_year(void)
{
    struct mpi_golden_source s[] = {source(1, 0, 200, "Jane", NULL, "1980"),
                                    source(2, 0, 100, "Jane", NULL, "19800203")};
    struct arena a;
    struct mpi_golden g = build(&a, s, 2);

    CHECK_STR(g.demographics.birth_date, STR("19800203"));
    CU_ASSERT_TRUE(str_find_str(g.sources, STR("\"rule\":\"completeness\"")) >= 0);
    CU_ASSERT_TRUE(str_find_str(g.sources, STR("\"rule\":\"agreed\"")) >= 0); /* the name */
    arena_dispose(&a);
}

static void the_newest_address_stands_in_front_and_the_old_one_stays(void)
{
    struct mpi_golden_source s[] = {source(1, 0, 100, "Jane", "1 Old Rd", NULL),
                                    source(2, 0, 200, "Jane", "2 New Rd", NULL)};
    struct arena a;
    struct mpi_golden g = build(&a, s, 2);

    CU_ASSERT_EQUAL_FATAL(g.demographics.address_count, 2);
    CHECK_STR(g.demographics.addresses[0].street, STR("2 New Rd"));
    CHECK_STR(g.demographics.addresses[1].street, STR("1 Old Rd"));
    arena_dispose(&a);
}

static void the_order_of_the_records_does_not_matter(void)
{
    struct mpi_golden_source one[] = {source(1, 0, 100, "Jane", "1 Old Rd", "1980"),
                                      source(2, 0, 100, "Jan", "2 New Rd", "1981"),
                                      source(3, 1, 300, "J", NULL, "19820101")};
    struct mpi_golden_source other[] = {one[2], one[1], one[0]};
    struct arena a, b;
    struct mpi_golden g = build(&a, one, 3), h = build(&b, other, 3);

    CHECK_STR(h.sources, g.sources);
    CHECK_STR(mpi_demographics_json(&b, &h.demographics),
              mpi_demographics_json(&a, &g.demographics));
    arena_dispose(&a);
    arena_dispose(&b);
}

static void members_that_no_list_names_are_trusted_least(void)
{
    CU_ASSERT_EQUAL(mpi_golden_trust(STR("north, south"), STR("north")), 0);
    CU_ASSERT_EQUAL(mpi_golden_trust(STR("north, south"), STR("south")), 1);
    CU_ASSERT_EQUAL(mpi_golden_trust(STR("north, south"), STR("west")), 2);
    CU_ASSERT_EQUAL(mpi_golden_trust(STR(""), STR("west")),
                    mpi_golden_trust(STR(""), STR("north")));
}

SUITE(test_golden, CASE(a_trusted_source_beats_a_newer_one),
      CASE(a_whole_birth_date_beats_a_newer_year),
      CASE(the_newest_address_stands_in_front_and_the_old_one_stays),
      CASE(the_order_of_the_records_does_not_matter),
      CASE(members_that_no_list_names_are_trusted_least));
