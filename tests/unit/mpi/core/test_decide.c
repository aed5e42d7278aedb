/* mpi/core/compare, weigh, guard, decide: pairs of people, and what must come of them. */
#include "mpi/core/decide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

static struct arena a;
static struct mpi_dict dict;

static void open_case(void)
{
    arena_init(&a);
    mpi_dict_init(&dict, mpi_model_builtin(), 64);
}

static void close_case(void)
{
    mpi_dict_dispose(&dict);
    arena_dispose(&a);
}

/* A person as a table of the cases has it; what is NULL is not known. */
struct someone {
    const char *given, *middle, *family, *suffix, *born, *sex, *street, *postcode, *phone, *ssn;
    const char *order, *mother, *email;
};

static const uint32_t *coded(const struct someone *p)
{
    struct mpi_input in = {
        .names = {{.given = str_from(p->given),
                   .middle = str_from(p->middle),
                   .family = str_from(p->family),
                   .suffix = str_from(p->suffix)}},
        .name_count = 1,
        .birth_dates = {str_from(p->born)},
        .birth_date_count = 1,
        .sex = str_from(p->sex),
        .addresses = {{.street = str_from(p->street), .postcode = str_from(p->postcode)}},
        .address_count = 1,
        .phones = {str_from(p->phone)},
        .phone_count = 1,
        .emails = {str_from(p->email)},
        .email_count = 1,
        .ssn = str_from(p->ssn),
        .birth_order = str_from(p->order),
        .mother_given = str_from(p->mother),
    };
    uint32_t *words = ARENA_ARRAY(&a, MPI_CODED_MAX, uint32_t);
    struct mpi_traits t;

    mpi_traits_read(&a, &in, &t);
    mpi_encode(&dict, &t, words);
    return words;
}

static struct mpi_ruling decide(const struct someone *x, const struct someone *y)
{
    struct mpi_rival rival = {.coded = coded(y), .person = 7, .record = 1};
    struct mpi_ruling r;

    mpi_decide(&a, mpi_model_builtin(), &dict, coded(x), &rival, 1, &r);
    return r;
}

static bool says(const struct mpi_ruling *r, enum mpi_reason why)
{
    for (size_t i = 0; i < r->reason_count; i++)
        if (r->reasons[i] == why)
            return true;
    return false;
}

#define MARY                                                                                       \
    .given = "Mary", .family = "Kowalski", .born = "1980-02-13", .sex = "F",                       \
    .street = "12 Oak Street", .postcode = "02134"

static void what_people_write_differently_is_linked(void)
{
    static const struct {
        struct someone x, y;
    } CASES[] = {
        {{MARY}, {MARY}},
        {{MARY}, {MARY, .phone = "617 555 0143"}},
        {{MARY},
         {.given = "MARY",
          .family = "KOWALSKY",
          .born = "19800213",
          .sex = "female",
          .street = "12 OAK ST",
          .postcode = "02134-1000"}},
        {{MARY},
         {.given = "Molly",
          .family = "Kowalski",
          .born = "13 Feb 1980",
          .street = "12 oak st.",
          .postcode = "02134"}},
        {{MARY},
         {.given = "Mary",
          .family = "Kowalski-Jones",
          .born = "1980-02-13",
          .sex = "F",
          .street = "12 Oak St",
          .postcode = "02134"}},
        {{MARY},
         {.given = "Mary",
          .family = "Kowalski",
          .born = "1980-02-18",
          .sex = "F",
          .street = "12 Oak St",
          .postcode = "02134"}},
    };

    open_case();
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct mpi_ruling r = decide(&CASES[i].x, &CASES[i].y);

        CU_ASSERT_EQUAL(r.verdict, MPI_VERDICT_LINK);
        CU_ASSERT(says(&r, MPI_WHY_MATCH));
    }
    close_case();
}

/* Pairs that weigh enough, and the guard that sends them to a steward. */
static void guards_send_doubt_to_a_steward(void)
{
    static const struct {
        enum mpi_reason why;
        struct someone x, y;
    } CASES[] = {
        {MPI_WHY_SSN_CONFLICT, {MARY, .ssn = "446-25-5155"}, {MARY, .ssn = "371-33-0433"}},
        {MPI_WHY_SUFFIX_CONFLICT, {MARY, .suffix = "Jr"}, {MARY, .suffix = "Sr"}},
        {MPI_WHY_SUFFIX_MISSING, {MARY, .suffix = "Sr"}, {MARY}},
        {MPI_WHY_MIDDLE_CONFLICT, {MARY, .middle = "Ann"}, {MARY, .middle = "Beth"}},
        {MPI_WHY_BIRTH_ORDER, {MARY, .order = "1"}, {MARY, .order = "2"}},
        {MPI_WHY_TWINS,
         {.given = "Jayden",
          .family = "Kowalski",
          .born = "2018-02-13",
          .street = "12 Oak St",
          .postcode = "02134"},
         {.given = "Kayden",
          .family = "Kowalski",
          .born = "2018-02-13",
          .street = "12 Oak St",
          .postcode = "02134"}},
        {MPI_WHY_TWINS,
         {.given = "Anna",
          .family = "Kowalski",
          .born = "2018-02-13",
          .street = "12 Oak St",
          .postcode = "02134",
          .phone = "617 555 0143"},
         {.given = "Peter",
          .family = "Kowalski",
          .born = "2018-02-13",
          .street = "12 Oak St",
          .postcode = "02134",
          .phone = "617 555 0143"}},
        {MPI_WHY_TWINS,
         {.given = "Henry",
          .family = "Kowalski",
          .born = "2000-12-02",
          .street = "12 Oak St",
          .postcode = "02134",
          .email = "henry9@example.com"},
         {.given = "Harry",
          .family = "Kowalski",
          .born = "2000-12-02",
          .street = "12 Oak St",
          .postcode = "02134",
          .email = "chesney7@example.org"}},
        {MPI_WHY_GENERATIONS,
         {.given = "Casimir",
          .family = "Kowalski",
          .born = "1950-02-13",
          .sex = "M",
          .street = "12 Oak St",
          .postcode = "02134",
          .phone = "617 555 0143"},
         {.given = "Casimir",
          .family = "Kowalski",
          .born = "1980-09-21",
          .sex = "M",
          .street = "12 Oak St",
          .postcode = "02134",
          .phone = "617 555 0143"}},
        {MPI_WHY_GENERATIONS,
         {.given = "Casimir",
          .family = "Kowalski",
          .born = "1985-02-13",
          .sex = "M",
          .street = "12 Oak St",
          .postcode = "02134",
          .phone = "617 555 0143"},
         {.given = "Casimir",
          .family = "Kowalski",
          .born = "2012-02-13",
          .sex = "M",
          .street = "12 Oak St",
          .postcode = "02134",
          .phone = "617 555 0143"}},
        {MPI_WHY_NEWBORN,
         {.given = "Baby Girl",
          .family = "Kowalski",
          .born = "2018-02-13",
          .sex = "F",
          .street = "12 Oak St",
          .postcode = "02134"},
         {.given = "Baby Girl",
          .family = "Kowalski",
          .born = "2018-02-13",
          .sex = "F",
          .street = "12 Oak St",
          .postcode = "02134"}},
        {MPI_WHY_DATE_MISSING,
         {.given = "Mary",
          .family = "Kowalski",
          .sex = "F",
          .street = "12 Oak St",
          .postcode = "02134",
          .phone = "617 555 0143"},
         {MARY, .phone = "617 555 0143"}},
        {MPI_WHY_INEXACT,
         {MARY, .ssn = "446-25-5155"},
         {.given = "Mary",
          .family = "Kowalsky",
          .born = "1980-02-13",
          .sex = "F",
          .street = "12 Oak Street",
          .postcode = "02134",
          .ssn = "446-25-5156"}},
    };

    open_case();
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct mpi_ruling r = decide(&CASES[i].x, &CASES[i].y);

        CU_ASSERT_EQUAL(r.verdict, MPI_VERDICT_REVIEW);
        CU_ASSERT(says(&r, CASES[i].why));
        if (!says(&r, CASES[i].why))
            printf("case %zu misses %s\n", i, mpi_why_code(CASES[i].why));
    }
    close_case();
}

static void strangers_are_new(void)
{
    struct mpi_ruling r;

    open_case();
    r = decide(&(struct someone){MARY}, &(struct someone){.given = "John",
                                                          .family = "Smith",
                                                          .born = "1951-07-04",
                                                          .sex = "M",
                                                          .street = "9 Elm Road",
                                                          .postcode = "60601"});
    CU_ASSERT_EQUAL(r.verdict, MPI_VERDICT_NEW);
    CU_ASSERT(says(&r, MPI_WHY_UNLIKE));
    mpi_decide(&a, mpi_model_builtin(), &dict, coded(&(struct someone){MARY}), NULL, 0, &r);
    CU_ASSERT(says(&r, MPI_WHY_NO_CANDIDATE));
    close_case();
}

static void two_persons_that_resemble_are_ambiguous(void)
{
    struct mpi_rival rivals[2];
    struct mpi_ruling r;

    open_case();
    rivals[0] =
        (struct mpi_rival){.coded = coded(&(struct someone){MARY}), .person = 7, .record = 1};
    rivals[1] = (struct mpi_rival){.coded = rivals[0].coded, .person = 8, .record = 2};
    mpi_decide(&a, mpi_model_builtin(), &dict, rivals[0].coded, rivals, 2, &r);
    CU_ASSERT_EQUAL(r.verdict, MPI_VERDICT_REVIEW);
    CU_ASSERT(says(&r, MPI_WHY_AMBIGUOUS));
    rivals[1].facts = MPI_WHY(KEPT_APART);
    mpi_decide(&a, mpi_model_builtin(), &dict, rivals[0].coded, rivals, 2, &r);
    CU_ASSERT_EQUAL(rivals[r.best].person, 7);
    rivals[0].facts = MPI_WHY(KEPT_APART);
    mpi_decide(&a, mpi_model_builtin(), &dict, rivals[0].coded, rivals, 2, &r);
    CU_ASSERT_EQUAL(r.verdict, MPI_VERDICT_NEW);
    CU_ASSERT(says(&r, MPI_WHY_KEPT_APART));
    close_case();
}

static void a_record_that_says_little_is_not_linked(void)
{
    struct someone little = {.given = "John", .family = "Smith", .born = "1980"};
    struct mpi_ruling r;

    open_case();
    r = decide(&little, &little);
    CU_ASSERT_NOT_EQUAL(r.verdict, MPI_VERDICT_LINK);
    close_case();
}

static void missing_values_weigh_nothing(void)
{
    struct mpi_evidence e;
    struct mpi_vector v;
    struct mpi_view x, y;

    open_case();
    x = mpi_view_of(coded(&(struct someone){MARY, .phone = "617 555 0143", .ssn = "446-25-5155"}));
    y = mpi_view_of(coded(&(struct someone){.given = "Mary"}));
    mpi_compare(&dict, NULL, &x, &y, &v);
    mpi_weigh_parts(mpi_model_builtin(), &v, &e);
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        if (c != MPI_COMPARE_GIVEN) {
            CU_ASSERT_EQUAL(v.level[c], MPI_LEVEL_MISSING);
            CU_ASSERT_EQUAL(e.level[c] + e.tf[c], 0);
        }
    CU_ASSERT(e.level[MPI_COMPARE_GIVEN] > 0);
    close_case();
}

static void rare_names_weigh_more(void)
{
    struct mpi_view x, y;
    struct mpi_vector v;
    double common, rare;

    open_case();
    x = mpi_view_of(coded(&(struct someone){.family = "Smith"}));
    mpi_compare(&dict, NULL, &x, &x, &v);
    common = mpi_weigh(mpi_model_builtin(), &v);
    y = mpi_view_of(coded(&(struct someone){.family = "Zwetschgenbaum"}));
    mpi_compare(&dict, NULL, &y, &y, &v);
    rare = mpi_weigh(mpi_model_builtin(), &v);
    CU_ASSERT(rare > common + 5);
    close_case();
}

/* Values of few kinds, so that every level comes up. */
static struct someone random_person(unsigned *seed)
{
    static const char *const GIVEN[] = {"Mary", "Molly", "M", "Marie Ann", "Jon", "John", NULL};
    static const char *const FAMILY[] = {"Smith", "Smyth", "Jones-Smith", "Mary", "Baker", NULL};
    static const char *const BORN[] = {"1980-02-13", "1980-02-18", "1980-12-13", "1980",
                                       "1952-01-01", "1991-07-30", NULL};
    static const char *const STREET[] = {"12 Oak St", "12 Oack St", "14 Oak St", "9 Elm Rd", NULL};
    static const char *const PHONE[] = {"617 555 0143", "617 555 0144", "212 555 0143", NULL};
    static const char *const SSN[] = {"446-25-5155", "446-25-5156", "5155", "371-33-0433", NULL};
    static const char *const SEX[] = {"M", "F", NULL};

#define ANY(list) list[(size_t)rand_r(seed) % (sizeof(list) / sizeof(list[0]))]
    return (struct someone){.given = ANY(GIVEN),
                            .middle = ANY(GIVEN),
                            .family = ANY(FAMILY),
                            .born = ANY(BORN),
                            .sex = ANY(SEX),
                            .street = ANY(STREET),
                            .phone = ANY(PHONE),
                            .ssn = ANY(SSN)};
#undef ANY
}

static void comparing_is_symmetric_and_the_memo_changes_nothing(void)
{
    struct mpi_memo *memo = mpi_memo_new();
    unsigned seed = 3;

    open_case();
    for (int i = 0; i < 3000; i++) {
        struct someone p = random_person(&seed), q = random_person(&seed);
        struct mpi_view x = mpi_view_of(coded(&p)), y = mpi_view_of(coded(&q));
        struct mpi_vector one, other, remembered;

        mpi_compare(&dict, NULL, &x, &y, &one);
        mpi_compare(&dict, NULL, &y, &x, &other);
        mpi_compare(&dict, memo, &x, &y, &remembered);
        CU_ASSERT_EQUAL(memcmp(one.level, other.level, sizeof(one.level)), 0);
        CU_ASSERT_EQUAL(memcmp(one.rarity, other.rarity, sizeof(one.rarity)), 0);
        CU_ASSERT_EQUAL(memcmp(one.level, remembered.level, sizeof(one.level)), 0);
    }
    mpi_memo_free(memo);
    close_case();
}

static void the_order_of_candidates_does_not_tell(void)
{
    enum { COUNT = 12 };
    struct mpi_rival rivals[COUNT], turned[COUNT];
    unsigned seed = 11;

    open_case();
    for (int round = 0; round < 200; round++) {
        struct someone p = random_person(&seed);
        const uint32_t *subject = coded(&p);
        struct mpi_ruling one, other;

        for (size_t i = 0; i < COUNT; i++) {
            p = random_person(&seed);
            rivals[i] = (struct mpi_rival){.coded = coded(&p), .person = i / 2, .record = i};
        }
        for (size_t i = 0; i < COUNT; i++)
            turned[i] = rivals[COUNT - 1 - i];
        mpi_decide(&a, mpi_model_builtin(), &dict, subject, rivals, COUNT, &one);
        mpi_decide(&a, mpi_model_builtin(), &dict, subject, turned, COUNT, &other);
        CU_ASSERT_EQUAL(one.verdict, other.verdict);
        CU_ASSERT_EQUAL(one.weight, other.weight);
        CU_ASSERT_EQUAL(one.reason_count, other.reason_count);
        if (one.verdict != MPI_VERDICT_NEW)
            CU_ASSERT_EQUAL(rivals[one.best].record, turned[other.best].record);
    }
    close_case();
}

static void a_dictionary_of_two_decides_as_one_of_all(void)
{
    unsigned seed = 5;
    struct mpi_dict small;

    open_case();
    for (int i = 0; i < 300; i++) {
        struct someone p = random_person(&seed), q = random_person(&seed);
        struct mpi_ruling of_all = decide(&p, &q), of_two;

        small = dict;
        mpi_dict_init(&dict, mpi_model_builtin(), 4);
        of_two = decide(&p, &q);
        mpi_dict_dispose(&dict);
        dict = small;
        CU_ASSERT_EQUAL(of_all.verdict, of_two.verdict);
        CU_ASSERT_EQUAL(of_all.weight, of_two.weight);
    }
    close_case();
}

static void a_chart_written_over_another_is_seen(void)
{
    struct someone corrected = {MARY, .phone = "617 555 0143"};
    struct someone other = {.given = "John",
                            .family = "Smith",
                            .born = "1951-07-04",
                            .sex = "M",
                            .street = "9 Elm Road",
                            .postcode = "60601"};
    struct someone moved = {.given = "Mary",
                            .family = "Kowalski",
                            .born = "1980-02-13",
                            .sex = "F",
                            .street = "9 Elm Road",
                            .postcode = "60601"};
    const uint32_t *mary;

    open_case();
    mary = coded(&(struct someone){MARY});
    CU_ASSERT(!mpi_contradicts(mpi_model_builtin(), &dict, mary, coded(&corrected)));
    CU_ASSERT(!mpi_contradicts(mpi_model_builtin(), &dict, mary, coded(&moved)));
    CU_ASSERT(mpi_contradicts(mpi_model_builtin(), &dict, mary, coded(&other)));
    close_case();
}

static void posteriors_and_bits_are_inverse(void)
{
    CU_ASSERT_EQUAL(mpi_posterior(0), .5);
    CU_ASSERT_DOUBLE_EQUAL(mpi_posterior(mpi_posterior_bits(.999)), .999, 1e-12);
    CU_ASSERT(mpi_posterior(200) == 1 && mpi_posterior(-200) < 1e-50);
}

SUITE(test_decide, CASE(what_people_write_differently_is_linked),
      CASE(guards_send_doubt_to_a_steward), CASE(strangers_are_new),
      CASE(two_persons_that_resemble_are_ambiguous), CASE(a_record_that_says_little_is_not_linked),
      CASE(missing_values_weigh_nothing), CASE(rare_names_weigh_more),
      CASE(comparing_is_symmetric_and_the_memo_changes_nothing),
      CASE(the_order_of_candidates_does_not_tell), CASE(a_dictionary_of_two_decides_as_one_of_all),
      CASE(a_chart_written_over_another_is_seen), CASE(posteriors_and_bits_are_inverse));
