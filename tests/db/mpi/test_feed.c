/* mpi/feed against a real server: who becomes one person, and who does not. */
#include <pthread.h>

#include "tests/db/mpi/bench.h"

static void a_new_patient_gets_a_person_an_anchor_and_an_xad_pid(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Washington", "Mary", "19771208", "F");
    struct mpi_fed fed;
    struct mpi_hit by_id, by_xad;
    struct person p;
    char xad[64];

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL_FATAL(feed(&t, NORTH, id_of(NORTH_OID, "new-1"), &d, &fed, xad), OK);
    CU_ASSERT_TRUE(fed.created);
    CU_ASSERT_EQUAL(strlen(xad), UUID_TEXT);
    by_id = lookup(&t, id_of(NORTH_OID, "new-1"));
    by_xad = lookup(&t, id_of(XAD_OID, xad));
    CU_ASSERT_EQUAL(by_id.known, MPI_ACTIVE);
    CU_ASSERT_EQUAL(by_xad.known, MPI_ACTIVE);
    CU_ASSERT_TRUE(person_ref_eq(by_id.person, by_xad.person));
    CU_ASSERT_NOT_EQUAL(by_id.place.record_id, by_xad.place.record_id);
    p = person_of(&t, fed.person);
    CU_ASSERT_EQUAL(p.place_count, 2);
    CU_ASSERT_EQUAL(p.constituent_count, 1);
    CHECK_STR(p.xad_pid, str_from(xad));
    bench_close(&t);
}

static void equal_demographics_of_another_member_link(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d =
        patient(&n, "M\xc3\xbcller-L\xc3\xb6we", "J\xc3\xbcrgen", "19501231", "M");
    struct mpi_fed first, second;

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "eq-1"), &d, &first, NULL), OK);
    d = patient(&n, "MULLER LOWE", "jurgen", "195012310730", "m");
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "eq-1"), &d, &second, NULL), OK);
    CU_ASSERT_TRUE(person_ref_eq(first.person, second.person));
    CU_ASSERT_EQUAL(first.place.pkey, second.place.pkey);
    CU_ASSERT_EQUAL(person_of(&t, first.person).place_count, 3);
    bench_close(&t);
}

static void twins_and_conflicting_numbers_go_to_a_steward(void)
{
    static const char TASKS[] =
        "SELECT count(*) FROM mpi_task WHERE kind = 'possible_duplicate' AND person_id = $1";
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Gemini", "Alex", "20200202", "M");
    struct mpi_fed first, second, third;

    if (!bench_open(&t, "hub"))
        return;
    d.birth_order = STR("1");
    d.ssn = STR("219-09-1234");
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "tw-1"), &d, &first, NULL), OK);
    d.birth_order = STR("2");
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "tw-2"), &d, &second, NULL), OK);
    CU_ASSERT_FALSE(person_ref_eq(first.person, second.person));
    CU_ASSERT_EQUAL(number(&t, "test_tasks", TASKS, second.person.person_id), 1);
    d.birth_order = STR("1");
    d.ssn = STR("219-09-4321");
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "tw-3"), &d, &third, NULL), OK);
    CU_ASSERT_FALSE(person_ref_eq(first.person, third.person));
    CU_ASSERT_FALSE(person_ref_eq(second.person, third.person));
    bench_close(&t);
}

static void an_update_keeps_what_it_does_not_name(void)
{
    static const char VERSIONS[] = "SELECT count(*) FROM mpi_record WHERE record_id = $1";
    static const char PHONE[] =
        "SELECT count(*) FROM mpi_record WHERE record_id = $1 AND version = 2"
        "   AND demographics->>'birth_date' = '19600101' AND demographics->>'ssn' = '219091111'";
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Keeper", "Ida", "19600101", "F");
    struct mpi_demographics update = {.ssn = STR("219091111")};
    struct mpi_fed first, again;

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "up-1"), &d, &first, NULL), OK);
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "up-1"), &update, &again, NULL), OK);
    CU_ASSERT_FALSE(again.created);
    CU_ASSERT_EQUAL(again.place.record_id, first.place.record_id);
    CU_ASSERT_EQUAL(number(&t, "test_phone", PHONE, first.place.record_id), 1);
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "up-1"), &update, &again, NULL), OK);
    CU_ASSERT_EQUAL(number(&t, "test_versions", VERSIONS, first.place.record_id), 2);
    bench_close(&t);
}

static void a_record_that_contradicts_its_past_opens_an_overlay_task(void)
{
    static const char TASKS[] =
        "SELECT count(*) FROM mpi_task WHERE kind = 'overlay' AND record_id = $1";
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Before", "Bea", "19600101", "F");
    struct mpi_fed first, again;

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "ov-1"), &d, &first, NULL), OK);
    d = patient(&n, "After", "Albert", "19880808", "M");
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "ov-1"), &d, &again, NULL), OK);
    CU_ASSERT_TRUE(person_ref_eq(first.person, again.person));
    CU_ASSERT_EQUAL(number(&t, "test_overlay", TASKS, first.place.record_id), 1);
    bench_close(&t);
}

static void a_member_cannot_feed_anothers_record(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Owned", "Otto", "19600303", "M");
    struct mpi_fed fed;

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "own-1"), &d, &fed, NULL), OK);
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(NORTH_OID, "own-1"), &d, &fed, NULL), INVALID);
    CU_ASSERT_STRING_EQUAL(t.err.first->code, "ForeignIdentifier");
    bench_close(&t);
}

static void a_fed_xad_pid_names_the_person_and_a_second_one_is_refused(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Region", "Rhea", "19640404", "F");
    struct mpi_fed local, fed;
    struct identifier other[] = {id_of(XAD_OID, "X-1"), id_of(XAD_OID, "X-2")};
    struct mpi_feed f = {.member_id = REGION, .ids = other, .id_count = 2, .event = "A08"};

    if (!bench_open(&t, "region"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "reg-1"), &d, &local, NULL), OK);
    CU_ASSERT_EQUAL(person_of(&t, local.person).xad_pid.n, 0);
    CU_ASSERT_EQUAL(feed(&t, REGION, id_of(XAD_OID, "X-1"), &d, &fed, NULL), OK);
    CU_ASSERT_TRUE(person_ref_eq(local.person, fed.person));
    CHECK_STR(person_of(&t, local.person).xad_pid, STR("X-1"));
    CU_ASSERT_EQUAL(feed(&t, REGION, id_of(XAD_OID, "X-9"), &d, &fed, NULL), OK);
    CU_ASSERT_FALSE(person_ref_eq(local.person, fed.person));
    CU_ASSERT_EQUAL(feed_once(&t, &f, &fed), OK);
    bench_begin(&t);
    bench_close(&t);
}

struct racer {
    int number;
    pthread_barrier_t *start;
    int64_t persons[10];
    bool ok;
};

/* Each racer is a member of its own, with the same ten new patients. */
static void *race(void *p)
{
    struct racer *r = p;
    struct bench t;

    r->ok = bench_open(&t, "hub");
    for (int i = 0; i < 10; i++) {
        char family[32], id[32], authority[64];
        struct mpi_name n;
        struct mpi_demographics d;
        struct mpi_fed fed;

        snprintf(family, sizeof(family), "Racer%c", 'A' + i);
        snprintf(id, sizeof(id), "race-%d", i);
        snprintf(authority, sizeof(authority), "2.999.%d", 100 + r->number);
        d = patient(&n, family, "Rita", "19900909", "F");
        pthread_barrier_wait(r->start);
        r->ok = r->ok && feed(&t, 100 + r->number, id_of(authority, id), &d, &fed, NULL) == OK;
        r->persons[i] = fed.person.person_id;
    }
    bench_close(&t);
    return NULL;
}

static void feeds_at_once_of_one_new_patient_make_one_person(void)
{
    enum { RACERS = 8 };
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    pthread_barrier_t start;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return;
    pthread_barrier_init(&start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.number = i, .start = &start};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < RACERS; i++) {
        CU_ASSERT_TRUE(racers[i].ok);
        for (int j = 0; j < 10; j++)
            CU_ASSERT_EQUAL(racers[i].persons[j], racers[0].persons[j]);
    }
    bench_close(&t);
    pthread_barrier_destroy(&start);
}

SUITE(test_feed, CASE(a_new_patient_gets_a_person_an_anchor_and_an_xad_pid),
      CASE(equal_demographics_of_another_member_link),
      CASE(twins_and_conflicting_numbers_go_to_a_steward),
      CASE(an_update_keeps_what_it_does_not_name),
      CASE(a_record_that_contradicts_its_past_opens_an_overlay_task),
      CASE(a_member_cannot_feed_anothers_record),
      CASE(a_fed_xad_pid_names_the_person_and_a_second_one_is_refused),
      CASE(feeds_at_once_of_one_new_patient_make_one_person));
