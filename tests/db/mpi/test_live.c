/* The index under load and over time: crowds of feeds, second thoughts, and decisions made again.
 * CAUSEWAY_REPLAY_FEEDS sets how many feeds the replay is shown (default 600; the full show is
 * 100,000). */
#include <pthread.h>

#include "mpi/active_model.h"
#include "mpi/no_link.h"
#include "mpi/replay.h"
#include "mpi/steward.h"
#include "tests/db/mpi/bench.h"

/* Demographics of one of many people, as one of several hospitals has them. */
static struct mpi_demographics one_of_many(int who, int hospital, struct mpi_name *name,
                                           struct mpi_address *address, char text[4][32])
{
    static const char *const GIVEN[] = {"Amelia", "Boris", "Chiara", "Dmitri", "Elena",
                                        "Farid",  "Greta", "Hassan", "Ingrid", "Jorge"};
    static const char *const FAMILY[] = {"Abernathy", "Bellweather", "Castellano", "Drummond",
                                         "Eisenhart", "Fitzsimmons", "Gallagher",  "Hathaway",
                                         "Ivanovich", "Juarez"};

    snprintf(text[0], 32, "%s%c%c", FAMILY[who / 10 % 10], 'a' + who / 100 % 26,
             'a' + who / 2600 % 26);
    snprintf(text[1], 32, "19%02d%02d%02d", 30 + who % 60, who % 12 + 1, who % 27 + 2);
    snprintf(text[2], 32, "%d Elm St", 100 + who);
    snprintf(text[3], 32, "%.*s", hospital % 3 == 2 ? 5 : 32, GIVEN[who % 10]);
    *name = (struct mpi_name){.family = str_from(text[0]), .given = str_from(text[3])};
    *address = (struct mpi_address){.street = str_from(text[2]),
                                    .city = STR("Springfield"),
                                    .postcode = STR("62701")};
    return (struct mpi_demographics){.names_given = true,
                                     .names = name,
                                     .name_count = 1,
                                     .addresses_given = true,
                                     .addresses = address,
                                     .address_count = 1,
                                     .birth_date = str_from(text[1]),
                                     .sex = who % 2 ? STR("F") : STR("M")};
}

static enum status feed_one(struct bench *t, int who, int hospital, struct mpi_fed *fed)
{
    char text[4][32], authority[32], id[32];
    struct mpi_name name;
    struct mpi_address address;
    struct mpi_demographics d = one_of_many(who, hospital, &name, &address, text);

    snprintf(authority, sizeof(authority), "2.999.8.%d", hospital);
    snprintf(id, sizeof(id), "crowd-%d", who);
    return feed(t, 300 + hospital, id_of(authority, id), &d, fed, NULL);
}

enum { CROWD_PEOPLE = 100, HOSPITALS = 10 };

struct hand {
    int number;
    pthread_barrier_t *start;
    int failed;
};

/* Each hospital feeds all hundred people, all hospitals the same one at the same time. */
static void *feed_crowd(void *p)
{
    struct hand *h = p;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return NULL;
    for (int who = 0; who < CROWD_PEOPLE; who++) {
        struct mpi_fed fed;

        pthread_barrier_wait(h->start);
        h->failed += feed_one(&t, who, h->number, &fed) != OK;
    }
    bench_close(&t);
    return NULL;
}

static void a_thousand_feeds_at_once_of_100_new_people_make_100_persons(void)
{
    static const char PERSONS[] =
        "SELECT count(DISTINCT person_id) FROM mpi_identifier"
        " WHERE authority LIKE '2.999.8.%' AND id LIKE 'crowd-%' AND $1 = 1";
    static const char RECORDS[] = "SELECT count(*) FROM mpi_identifier"
                                  " WHERE authority LIKE '2.999.8.%' AND $1 = 1";
    pthread_t threads[HOSPITALS];
    struct hand hands[HOSPITALS];
    pthread_barrier_t start;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return;
    pthread_barrier_init(&start, NULL, HOSPITALS);
    for (int i = 0; i < HOSPITALS; i++) {
        hands[i] = (struct hand){.number = i, .start = &start};
        pthread_create(&threads[i], NULL, feed_crowd, &hands[i]);
    }
    for (int i = 0; i < HOSPITALS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(hands[i].failed, 0);
    }
    pthread_barrier_destroy(&start);
    CU_ASSERT_EQUAL(number(&t, "test_crowd_records", RECORDS, 1), CROWD_PEOPLE * HOSPITALS);
    CU_ASSERT_EQUAL(number(&t, "test_crowd_persons", PERSONS, 1), CROWD_PEOPLE);
    bench_close(&t);
}

struct counted {
    int64_t done, differing;
};

static enum status count_replayed(struct request *rq, const struct mpi_decided *d, void *p)
{
    struct counted *c = p;
    const struct mpi_model *model;
    struct mpi_replayed again;

    TRY(mpi_model_by_hash(rq, d->model_hash, &model));
    TRY(mpi_replay_one(rq, mpi_coding_new(rq->arena, model), d, &again));
    c->done++;
    c->differing += again.differs != NULL;
    if (again.differs != NULL)
        fprintf(stderr, "differs: %s\n", again.differs);
    return OK;
}

static void every_decision_of_a_feed_is_made_again_from_its_inputs(void)
{
    static const char DECISIONS[] = "SELECT count(*) FROM mpi_decision WHERE $1 = 1";
    const char *wanted = getenv("CAUSEWAY_REPLAY_FEEDS");
    int feeds = wanted != NULL ? atoi(wanted) : 600;
    struct counted c = {0};
    struct arena pages;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return;
    for (int i = 0; i < feeds; i++) {
        struct mpi_fed fed;

        CU_ASSERT_EQUAL_FATAL(feed_one(&t, 1000 + i / 3, 20 + i % 3, &fed), OK);
    }
    arena_init(&pages);
    db_rollback(t.db);
    t.rq.arena = &pages;
    CU_ASSERT_EQUAL(mpi_decisions_visit(&t.rq, 0, count_replayed, &c), OK);
    CU_ASSERT_TRUE(c.done >= feeds);
    CU_ASSERT_EQUAL(c.differing, 0);
    CU_ASSERT_EQUAL(number(&t, "test_decision_count", DECISIONS, 1), c.done);
    db_rollback(t.db);
    db_attach(t.db, &t.arena, &t.err, 0);
    arena_dispose(&pages);
    bench_close(&t);
}

static void a_record_that_was_alone_joins_whom_it_comes_to_match(void)
{
    static const char LOG[] =
        "SELECT count(*) FROM mpi_merge_log WHERE kind = 'algorithm' AND person_id = $1";
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Latecomer", "Lucinda", "19420423", "F");
    struct mpi_demographics wrong = patient(&n, "Latecomer", "Lucinda", "19420423", "F");
    struct mpi_name other = {.family = STR("Misfiled"), .given = STR("Zed")};
    struct mpi_fed first, second, again;

    if (!bench_open(&t, "hub"))
        return;
    wrong.names = &other;
    wrong.birth_date = STR("19991111");
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "lt-1"), &d, &first, NULL), OK);
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "lt-2"), &wrong, &second, NULL), OK);
    CU_ASSERT_FALSE(person_ref_eq(first.person, second.person));
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "lt-2"), &d, &again, NULL), OK);
    CU_ASSERT_TRUE(person_ref_eq(again.person, first.person));
    CU_ASSERT_TRUE(person_ref_eq(lookup(&t, id_of(SOUTH_OID, "lt-2")).person, first.person));
    CU_ASSERT_EQUAL(number(&t, "test_second_thought", LOG, first.person.person_id), 1);
    bench_close(&t);
}

static void what_a_human_parted_no_feed_joins_again(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Parted", "Paulina", "19420424", "F");
    struct mpi_demographics moved = {.ssn = STR("219091112")};
    struct mpi_word word = {STR("steward:ann"), STR("")};
    struct mpi_stewarded u;
    struct mpi_fed first, second, again;

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "pa-1"), &d, &first, NULL), OK);
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "pa-2"), &d, &second, NULL), OK);
    CU_ASSERT_TRUE_FATAL(person_ref_eq(first.person, second.person));
    bench_begin(&t);
    CU_ASSERT_EQUAL_FATAL(mpi_steward_unlink(&t.rq, &word, second.place, &u), OK);
    CU_ASSERT_EQUAL_FATAL(db_commit(t.db), OK);
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "pa-2"), &moved, &again, NULL), OK);
    CU_ASSERT_TRUE(person_ref_eq(again.person, u.to));
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "pa-1"), &moved, &again, NULL), OK);
    CU_ASSERT_TRUE(person_ref_eq(again.person, first.person));
    CU_ASSERT_FALSE(person_ref_eq(again.person, u.to));
    bench_close(&t);
}

static void what_an_unmerge_parted_no_feed_joins_again(void)
{
    static const char TASKS[] = "SELECT count(*) FROM mpi_task WHERE record_id = $1";
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Undone", "Ursula", "19420425", "F");
    struct mpi_name other = {.family = STR("Otherwise"), .given = STR("Olga")};
    struct mpi_demographics unlike = {.names_given = true,
                                      .names = &other,
                                      .name_count = 1,
                                      .birth_date = STR("19710717"),
                                      .sex = STR("F")};
    struct mpi_word word = {STR("steward:ann"), STR("")};
    struct mpi_stewarded m;
    struct mpi_fed first, second, again;

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "un-1"), &d, &first, NULL), OK);
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "un-2"), &unlike, &second, NULL), OK);
    bench_begin(&t);
    CU_ASSERT_EQUAL_FATAL(mpi_steward_merge(&t.rq, &word, first.person, second.person, &m), OK);
    CU_ASSERT_EQUAL_FATAL(db_commit(t.db), OK);
    bench_begin(&t);
    CU_ASSERT_EQUAL_FATAL(mpi_undo(&t.rq, &word, m.log, &m), OK);
    CU_ASSERT_EQUAL_FATAL(db_commit(t.db), OK);
    /* The record says now what would link it, and it is the survivor's that was never pinned. */
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "un-1"), &unlike, &again, NULL), OK);
    CU_ASSERT_TRUE(person_ref_eq(again.person, first.person));
    CU_ASSERT_EQUAL(number(&t, "test_no_task", TASKS, first.place.record_id), 1); /* overlay */
    bench_close(&t);
}

SUITE(test_live, CASE(a_thousand_feeds_at_once_of_100_new_people_make_100_persons),
      CASE(every_decision_of_a_feed_is_made_again_from_its_inputs),
      CASE(a_record_that_was_alone_joins_whom_it_comes_to_match),
      CASE(what_a_human_parted_no_feed_joins_again),
      CASE(what_an_unmerge_parted_no_feed_joins_again));
