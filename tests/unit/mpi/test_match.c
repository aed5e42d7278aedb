/* mpi/match: who is linked, who goes to a steward, who is new. */
#include "mpi/match.h"

#include <sodium.h>
#include <string.h>

#include "tests/support/suite.h"

static const struct mpi_normal MARY = {.family = {"SMITH", 5},
                                       .given = {"MARY", 4},
                                       .birth_date = {"19800202", 8},
                                       .sex = {"F", 1}};

static struct mpi_candidate candidate(int64_t person, int64_t member, struct mpi_normal normal)
{
    return (struct mpi_candidate){.place = {1, 10 * person + member},
                                  .version = 1,
                                  .member_id = member,
                                  .normal = normal,
                                  .person = {1, person}};
}

static struct mpi_decision match(struct arena *a, struct mpi_normal subject,
                                 const struct mpi_candidate *c, size_t n)
{
    struct mpi_subject s = {.normal = subject, .member_id = 1};
    struct mpi_decision d;

    mpi_match(a, &s, c, n, &d);
    return d;
}

static void equal_demographics_link(void)
{
    struct arena a;
    struct mpi_candidate c[] = {candidate(7, 2, MARY), candidate(7, 3, MARY)};
    struct mpi_decision d;

    arena_init(&a);
    d = match(&a, MARY, c, 2);
    CU_ASSERT_EQUAL(d.outcome, MPI_LINK);
    CU_ASSERT_EQUAL(d.person.person_id, 7);
    CU_ASSERT_EQUAL(d.reasons[0], MPI_REASON_EXACT);
    arena_dispose(&a);
}

/* A change to one side, and what must come of it. */
static void guards_send_doubt_to_a_steward(void)
{
    static const struct {
        struct mpi_normal subject, other;
        enum mpi_reason reason;
    } CASES[] = {
        {{.ssn = {"219091234", 9}}, {.ssn = {"219091235", 9}}, MPI_REASON_SSN_CONFLICT},
        {{.suffix = {"JR", 2}}, {.suffix = {"SR", 2}}, MPI_REASON_SUFFIX_CONFLICT},
        {{.middle = {"ANN", 3}}, {.middle = {"BETH", 4}}, MPI_REASON_MIDDLE_CONFLICT},
        {{.birth_order = {"1", 1}}, {.birth_order = {"2", 1}}, MPI_REASON_BIRTH_ORDER},
    };
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct mpi_normal x = CASES[i].subject, y = CASES[i].other;
        struct mpi_candidate c;
        struct mpi_decision d;

        x.family = y.family = MARY.family;
        x.given = y.given = MARY.given;
        x.birth_date = y.birth_date = MARY.birth_date;
        x.sex = y.sex = MARY.sex;
        c = candidate(7, 2, y);
        d = match(&a, x, &c, 1);
        CU_ASSERT_EQUAL(d.outcome, MPI_REVIEW);
        CU_ASSERT_EQUAL(d.reasons[0], CASES[i].reason);
    }
    arena_dispose(&a);
}

static void two_persons_that_match_are_ambiguous(void)
{
    struct arena a;
    struct mpi_candidate c[] = {candidate(7, 2, MARY), candidate(8, 3, MARY)};
    struct mpi_decision d;

    arena_init(&a);
    d = match(&a, MARY, c, 2);
    CU_ASSERT_EQUAL(d.outcome, MPI_REVIEW);
    CU_ASSERT_EQUAL(d.reasons[0], MPI_REASON_AMBIGUOUS);
    arena_dispose(&a);
}

static void one_members_second_number_needs_more_than_a_name(void)
{
    struct arena a;
    struct mpi_normal x = MARY;
    struct mpi_candidate c;

    arena_init(&a);
    c = candidate(7, 1, x);
    CU_ASSERT_EQUAL(match(&a, x, &c, 1).outcome, MPI_REVIEW);
    x.phone = STR("3125550100");
    c = candidate(7, 1, x);
    CU_ASSERT_EQUAL(match(&a, x, &c, 1).outcome, MPI_LINK);
    arena_dispose(&a);
}

static void missing_fields_match_nobody(void)
{
    struct arena a;
    struct mpi_normal x = MARY, nothing = {0};
    struct mpi_candidate c = candidate(7, 2, nothing);
    struct mpi_block_key keys[MPI_BLOCK_KEYS_MAX];

    arena_init(&a);
    CU_ASSERT_EQUAL(match(&a, nothing, &c, 1).outcome, MPI_NEW);
    CU_ASSERT_EQUAL(match(&a, MARY, &c, 1).outcome, MPI_NEW);
    CU_ASSERT_EQUAL(match(&a, MARY, NULL, 0).reasons[0], MPI_REASON_NO_CANDIDATE);
    CU_ASSERT_EQUAL(mpi_block_keys(&MARY, keys), 1);
    x.sex = STR_NONE;
    CU_ASSERT_EQUAL(mpi_block_keys(&x, keys), 0);
    arena_dispose(&a);
}

static void another_record_of_the_person_can_forbid(void)
{
    struct arena a;
    struct mpi_normal x = MARY, other = {.ssn = {"219091235", 9}};
    struct mpi_candidate c[2];

    arena_init(&a);
    x.ssn = STR("219091234");
    c[0] = candidate(7, 2, MARY);
    c[1] = candidate(7, 3, other);
    CU_ASSERT_EQUAL(match(&a, x, c, 2).outcome, MPI_REVIEW);
    arena_dispose(&a);
}

static void a_maiden_name_is_no_overlay_and_another_person_is(void)
{
    struct mpi_normal after = MARY;

    after.family = STR("JONES");
    CU_ASSERT_FALSE(mpi_overlay(&MARY, &after));
    after.given = STR("ALBERT");
    after.sex = STR("M");
    CU_ASSERT_TRUE(mpi_overlay(&MARY, &after));
    CU_ASSERT_FALSE(mpi_overlay(&(struct mpi_normal){0}, &after));
}

SUITE(test_match, CASE(equal_demographics_link), CASE(guards_send_doubt_to_a_steward),
      CASE(two_persons_that_match_are_ambiguous),
      CASE(one_members_second_number_needs_more_than_a_name), CASE(missing_fields_match_nobody),
      CASE(another_record_of_the_person_can_forbid),
      CASE(a_maiden_name_is_no_overlay_and_another_person_is));
