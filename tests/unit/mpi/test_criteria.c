/* mpi/criteria: what may be asked, and how well a record answers. */
#include "mpi/criteria.h"

#include "mpi/search_keys.h"
#include "tests/support/suite.h"

static struct mpi_pattern pattern(struct arena *a, const char *text)
{
    struct mpi_pattern p;

    CU_ASSERT_TRUE_FATAL(mpi_pattern_read(a, str_from(text), &p));
    return p;
}

static void a_star_may_only_end_a_pattern(void)
{
    struct mpi_pattern p;
    struct arena a;

    arena_init(&a);
    CU_ASSERT_TRUE(mpi_pattern_read(&a, STR(" Mül* "), &p));
    CU_ASSERT_TRUE(p.open && str_eq(p.text, STR("MUL")));
    CU_ASSERT_TRUE(mpi_pattern_read(&a, STR("*"), &p));
    CU_ASSERT_TRUE(p.open && p.text.n == 0);
    CU_ASSERT_FALSE(mpi_pattern_read(&a, STR("M*r"), &p));
    CU_ASSERT_FALSE(mpi_pattern_read(&a, STR("**"), &p));
    arena_dispose(&a);
}

static void too_little_is_not_enough(void)
{
    static const struct {
        const char *family, *given, *birth_date, *phone, *city;
        bool enough;
    } CASES[] = {
        {"Li", NULL, NULL, NULL, NULL, true},       {"L", NULL, NULL, NULL, NULL, false},
        {"Li*", NULL, NULL, NULL, NULL, false},     {"Lin*", NULL, NULL, NULL, NULL, true},
        {"*", "Anna", NULL, NULL, NULL, false},     {NULL, "Anna", NULL, NULL, "Salem", false},
        {NULL, NULL, "19800101", NULL, NULL, true}, {NULL, "Anna", "198001", NULL, NULL, false},
        {NULL, NULL, NULL, "5550102", NULL, true},  {NULL, NULL, NULL, "555010", NULL, false},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct mpi_criteria c = {
            .family = pattern(&a, CASES[i].family),
            .given = pattern(&a, CASES[i].given),
            .city = pattern(&a, CASES[i].city),
            .birth_date = str_from(CASES[i].birth_date),
            .phone = str_from(CASES[i].phone),
        };

        CU_ASSERT_EQUAL(mpi_criteria_enough(&c), CASES[i].enough);
    }
    arena_dispose(&a);
}

/* Anna Maria Meyer-Lindqvist, 1980-03-07, of Salem; née Berg. */
static struct mpi_demographics anna(void)
{
    static struct mpi_name names[] = {
        {.family = {"Meyer-Lindqvist", 15}, .given = {"Anna", 4}, .middle = {"Maria", 5}},
        {.family = {"Berg", 4}, .given = {"Anna", 4}, .type = {"B", 1}},
    };
    static struct mpi_address address = {.street = {"12 Main St", 10}, .city = {"Salem", 5}};
    static struct mpi_telecom telecom = {.value = {"+1 (503) 555-0102", 17}};

    return (struct mpi_demographics){
        .birth_date = STR("19800307"),
        .sex = STR("F"),
        .names = names,
        .name_count = 2,
        .addresses = &address,
        .address_count = 1,
        .telecoms = &telecom,
        .telecom_count = 1,
    };
}

static double fit(struct arena *a, struct mpi_criteria c)
{
    struct mpi_demographics d = anna();

    return mpi_criteria_fit(a, &c, &d);
}

static void near_names_fit_less_than_equal_ones_and_others_not_at_all(void)
{
    struct arena a;
    double exact, near;

    arena_init(&a);
    exact = fit(&a, (struct mpi_criteria){.family = pattern(&a, "MEYER LINDQVIST"),
                                          .given = pattern(&a, "anna")});
    near = fit(&a, (struct mpi_criteria){.family = pattern(&a, "Meyer Lindquist"),
                                         .given = pattern(&a, "Ana")});
    CU_ASSERT_DOUBLE_EQUAL(exact, 1, 1e-9);
    CU_ASSERT_TRUE(near > 0.5 && near < exact);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Meyer")}) > 0.8);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Mey*")}) > 0.9);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Smith")}) <= 0);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Meyer Lindqvist"),
                                                 .given = pattern(&a, "Boris")}) <= 0);
    arena_dispose(&a);
}

static void a_name_of_the_same_kind_fits_as_a_whole(void)
{
    struct arena a;

    arena_init(&a);
    CU_ASSERT_DOUBLE_EQUAL(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Berg"),
                                                         .given = pattern(&a, "Anna")}),
                           1, 1e-9);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Anna"),
                                                 .given = pattern(&a, "Berg")}) > 0);
    arena_dispose(&a);
}

static void dates_may_be_parts_swapped_or_one_digit_off(void)
{
    static const struct {
        const char *date;
        double least, most;
    } CASES[] = {
        {"19800307", 1, 1},      {"198003", 0.9, 0.99},   {"1980", 0.9, 0.99},
        {"19800703", 0.7, 0.89}, {"19800308", 0.7, 0.89}, {"19810307", 0.7, 0.89},
        {"19811307", 0, 0},      {"1981", 0, 0},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        double f = fit(&a, (struct mpi_criteria){.birth_date = str_from(CASES[i].date)});

        CU_ASSERT_TRUE(f >= CASES[i].least && f <= CASES[i].most);
    }
    arena_dispose(&a);
}

static void what_a_record_does_not_say_speaks_neither_way(void)
{
    struct arena a;

    arena_init(&a);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Berg"),
                                                 .postcode = pattern(&a, "97301"),
                                                 .city = pattern(&a, "Salem")}) > 0);
    CU_ASSERT_TRUE(
        fit(&a, (struct mpi_criteria){.family = pattern(&a, "Berg"), .ssn = STR("123456789")}) > 0);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Berg"),
                                                 .city = pattern(&a, "Portland")}) <= 0);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.family = pattern(&a, "Berg"), .sex = 'M'}) <= 0);
    arena_dispose(&a);
}

static void telephones_agree_by_their_last_seven_digits(void)
{
    struct arena a;

    arena_init(&a);
    CU_ASSERT_DOUBLE_EQUAL(fit(&a, (struct mpi_criteria){.phone = STR("5550102")}), 1, 1e-9);
    CU_ASSERT_TRUE(fit(&a, (struct mpi_criteria){.phone = STR("5550103")}) <= 0);
    arena_dispose(&a);
}

static void a_beginning_is_three_letters_whatever_their_bytes(void)
{
    static const struct {
        const char *folded, *beginning;
    } CASES[] = {{"SMITH", "SMI"},         {"LI", "LI"},
                 {"VAN DER BERG", "VAN"},  {"O BRIEN", "OBR"},
                 {"李小龙女士", "李小龙"}, {"", ""}};
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        CU_ASSERT_TRUE(str_eq(mpi_search_beginning(&a, str_from(CASES[i].folded)),
                              str_from(CASES[i].beginning)));
    CU_ASSERT_NOT_EQUAL(mpi_search_key('F', STR("SMI")), mpi_search_key('D', STR("SMI")));
    arena_dispose(&a);
}

SUITE(test_criteria, CASE(a_star_may_only_end_a_pattern), CASE(too_little_is_not_enough),
      CASE(near_names_fit_less_than_equal_ones_and_others_not_at_all),
      CASE(a_name_of_the_same_kind_fits_as_a_whole),
      CASE(dates_may_be_parts_swapped_or_one_digit_off),
      CASE(what_a_record_does_not_say_speaks_neither_way),
      CASE(telephones_agree_by_their_last_seven_digits),
      CASE(a_beginning_is_three_letters_whatever_their_bytes));
