/* mpi/merge against a real server: the PIX Manager's rule, and the Document Registry's. */
#include <pthread.h>

#include "tests/db/mpi/bench.h"

static enum status merge(struct bench *t, bool xad, struct identifier surviving,
                         struct identifier subsumed, struct mpi_merged *out)
{
    struct mpi_merge m = {.member = &MEMBERS[NORTH], .surviving = surviving, .subsumed = subsumed};
    enum status s;

    bench_begin(t);
    s = xad ? mpi_merge_xad(&t->rq, &m, out) : mpi_merge_local(&t->rq, &m, out);
    return s == OK ? db_commit(t->db) : s;
}

static void a_local_merge_moves_the_record_and_empties_the_person(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Keep", "Kay", "19700101", "F");
    struct mpi_fed a, b;
    struct mpi_merged m;
    struct mpi_hit hit;
    struct person p;
    char xad_a[64], xad_b[64];

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "m-1"), &d, &a, xad_a), OK);
    d = patient(&n, "Gone", "Gus", "19710101", "M");
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "m-2"), &d, &b, xad_b), OK);
    CU_ASSERT_EQUAL_FATAL(merge(&t, false, id_of(NORTH_OID, "m-1"), id_of(NORTH_OID, "m-2"), &m),
                          OK);
    CU_ASSERT_TRUE(m.emptied);
    hit = lookup(&t, id_of(NORTH_OID, "m-2"));
    CU_ASSERT_EQUAL(hit.known, MPI_SUBSUMED);
    CU_ASSERT_TRUE(person_ref_eq(hit.person, a.person));
    CU_ASSERT_EQUAL(lookup(&t, id_of(XAD_OID, xad_b)).known, MPI_SUBSUMED);
    p = person_of(&t, a.person);
    CU_ASSERT_EQUAL(p.place_count, 4);
    CU_ASSERT_EQUAL(p.constituent_count, 2);
    CHECK_STR(p.xad_pid, str_from(xad_a));
    CU_ASSERT_EQUAL(person_of(&t, b.person).ref.person_id, 0);
    CU_ASSERT_EQUAL(merge(&t, false, id_of(NORTH_OID, "m-1"), id_of(NORTH_OID, "m-2"), &m),
                    INVALID);
    CU_ASSERT_STRING_EQUAL(t.err.first->code, "RetiredIdentifier");
    bench_close(&t);
}

static void a_person_with_other_records_keeps_them_and_its_xad_pid(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Stay", "Sue", "19720303", "F");
    struct mpi_fed a, north, south;
    struct mpi_merged m;
    char xad[64];

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "k-2"), &d, &north, xad), OK);
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "k-2"), &d, &south, NULL), OK);
    d = patient(&n, "Other", "Oda", "19730101", "F");
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "k-1"), &d, &a, NULL), OK);
    CU_ASSERT_EQUAL(merge(&t, false, id_of(NORTH_OID, "k-1"), id_of(NORTH_OID, "k-2"), &m), OK);
    CU_ASSERT_FALSE(m.emptied);
    CU_ASSERT_EQUAL(lookup(&t, id_of(XAD_OID, xad)).known, MPI_ACTIVE);
    CU_ASSERT_TRUE(person_ref_eq(lookup(&t, id_of(SOUTH_OID, "k-2")).person, south.person));
    CU_ASSERT_EQUAL(person_of(&t, south.person).place_count, 2);
    CU_ASSERT_EQUAL(person_of(&t, a.person).place_count, 3);
    bench_close(&t);
}

static void what_was_merged_before_follows(void)
{
    static const char *const NAMES[] = {"Followa", "Followb", "Followc"};
    struct bench t;
    struct mpi_name n;
    struct mpi_fed fed[3], elsewhere;
    struct mpi_merged m;
    char xad[3][64], id[16];

    if (!bench_open(&t, "hub"))
        return;
    for (int i = 0; i < 3; i++) {
        struct mpi_demographics d = patient(&n, NAMES[i], "Fay", "19770707", "F");

        snprintf(id, sizeof(id), "f-%d", i);
        CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, id), &d, &fed[i], xad[i]), OK);
        if (i == 1)
            CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "f-1"), &d, &elsewhere, NULL), OK);
    }
    CU_ASSERT_EQUAL(merge(&t, false, id_of(NORTH_OID, "f-1"), id_of(NORTH_OID, "f-0"), &m), OK);
    CU_ASSERT_TRUE(m.emptied);
    CU_ASSERT_EQUAL(merge(&t, false, id_of(NORTH_OID, "f-2"), id_of(NORTH_OID, "f-1"), &m), OK);
    CU_ASSERT_FALSE(m.emptied); /* the other hospital's record stays, with the anchors */
    for (int i = 0; i < 2; i++) {
        snprintf(id, sizeof(id), "f-%d", i);
        CU_ASSERT_TRUE(person_ref_eq(lookup(&t, id_of(NORTH_OID, id)).person, fed[2].person));
    }
    CU_ASSERT_TRUE(person_ref_eq(lookup(&t, id_of(SOUTH_OID, "f-1")).person, fed[1].person));
    CU_ASSERT_EQUAL(lookup(&t, id_of(XAD_OID, xad[1])).known, MPI_ACTIVE);
    bench_close(&t);
}

static void xad_pids_merge_in_chains_and_the_refusals_hold(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_fed fed[3];
    struct mpi_merged m;
    struct person p;
    static const char *const XADS[] = {"C-1", "C-2", "C-3"};
    static const struct {
        const char *surviving, *subsumed, *code;
    } REFUSED[] = {
        {"C-3", "C-3", "SameIdentifier"},    {"C-3", "C-1", "RetiredIdentifier"},
        {"C-1", "C-3", "RetiredIdentifier"}, {"C-9", "C-3", "UnknownIdentifier"},
        {"C-3", "C-9", "UnknownIdentifier"},
    };

    if (!bench_open(&t, "region"))
        return;
    for (int i = 0; i < 3; i++) {
        static const char *const NAMES[] = {"Chain", "Chaina", "Chainb"};
        struct mpi_demographics d = patient(&n, NAMES[i], "Cy", "19740101", "M");

        CU_ASSERT_EQUAL(feed(&t, REGION, id_of(XAD_OID, XADS[i]), &d, &fed[i], NULL), OK);
    }
    CU_ASSERT_EQUAL(merge(&t, true, id_of(XAD_OID, "C-2"), id_of(XAD_OID, "C-1"), &m), OK);
    CU_ASSERT_EQUAL(merge(&t, true, id_of(XAD_OID, "C-3"), id_of(XAD_OID, "C-2"), &m), OK);
    CU_ASSERT_EQUAL(lookup(&t, id_of(XAD_OID, "C-1")).known, MPI_SUBSUMED);
    CU_ASSERT_EQUAL(lookup(&t, id_of(XAD_OID, "C-2")).known, MPI_SUBSUMED);
    p = person_of(&t, fed[2].person);
    CU_ASSERT_EQUAL(p.place_count, 3);
    CU_ASSERT_EQUAL(p.constituent_count, 3);
    CHECK_STR(p.xad_pid, STR("C-3"));
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        CU_ASSERT_EQUAL(merge(&t, true, id_of(XAD_OID, REFUSED[i].surviving),
                              id_of(XAD_OID, REFUSED[i].subsumed), &m),
                        INVALID);
        CU_ASSERT_STRING_EQUAL(t.err.first->code, REFUSED[i].code);
    }
    CU_ASSERT_EQUAL(person_of(&t, fed[2].person).place_count, 3);
    bench_close(&t);
}

static void the_log_holds_every_row_as_it_was(void)
{
    static const char LOG[] = "SELECT count(*) FROM mpi_merge_log WHERE person_id = $1"
                              "   AND jsonb_array_length(before->'persons') = 2"
                              "   AND jsonb_array_length(before->'links') = 2"
                              "   AND jsonb_array_length(before->'identifiers') = 2"
                              "   AND before->'xads'->0->>'status' = 'active'"
                              "   AND before->'links'->0->>'until' IS NULL";
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Log", "Lea", "19750101", "F");
    struct mpi_fed a, b;
    struct mpi_merged m;

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "l-1"), &d, &a, NULL), OK);
    d = patient(&n, "Logg", "Leo", "19760101", "M");
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "l-2"), &d, &b, NULL), OK);
    CU_ASSERT_EQUAL(merge(&t, false, id_of(NORTH_OID, "l-1"), id_of(NORTH_OID, "l-2"), &m), OK);
    CU_ASSERT_EQUAL(number(&t, "test_log", LOG, a.person.person_id), 1);
    bench_close(&t);
}

struct turmoil {
    unsigned seed;
    int number;
    int done, refused, failed;
};

enum { PEOPLE = 40 };

static struct identifier local(int n, char *text)
{
    snprintf(text, 16, "t-%d", n);
    return id_of(NORTH_OID, text);
}

static struct mpi_demographics stirred(struct mpi_name *n, int who, char *family)
{
    snprintf(family, 16, "Stir%c%c", 'A' + who % 8, 'A' + who / 8);
    return patient(n, family, "Sam", "19801010", "M");
}

/* A hand is a member of its own that feeds new records of NORTH's patients, while NORTH merges
 * these at random; what is refused is part of the game. */
static void *stir(void *p)
{
    struct turmoil *me = p;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return NULL;
    for (int i = 0; i < 80; i++) {
        char a[16], b[16], family[16], authority[32];
        struct mpi_name n;
        struct mpi_fed fed;
        struct mpi_merged m;
        int who = rand_r(&me->seed) % PEOPLE, other = rand_r(&me->seed) % PEOPLE;
        struct mpi_demographics d = stirred(&n, who, family);
        enum status s = CONFLICT;

        snprintf(authority, sizeof(authority), "2.999.7.%d", me->number);
        snprintf(b, sizeof(b), "t-%d", i);
        if (i % 3 != 0)
            s = feed(&t, 200 + me->number, id_of(authority, b), &d, &fed, NULL);
        else
            for (int attempt = 0; attempt < 50 && s == CONFLICT; attempt++)
                s = merge(&t, false, local(who, a), local(other, b), &m);
        me->done += s == OK;
        me->refused += s == INVALID;
        me->failed += s != OK && s != INVALID;
    }
    bench_close(&t);
    return NULL;
}

static void feed_people(struct bench *t)
{
    for (int i = 0; i < PEOPLE; i++) {
        char id[16], family[16];
        struct mpi_name n;
        struct mpi_demographics d = stirred(&n, i, family);
        struct mpi_fed fed;

        CU_ASSERT_EQUAL_FATAL(feed(t, NORTH, local(i, id), &d, &fed, NULL), OK);
    }
}

static void links_lists_and_identifiers_agree_after_any_turmoil(void)
{
    static const char LISTS[] =
        "SELECT count(*) FROM (SELECT p.pkey AS person_pkey, p.person_id, u.pkey, u.record_id"
        "         FROM mpi_person p,"
        "              unnest(p.place_pkeys, p.place_records) AS u (pkey, record_id)) AS a"
        "  FULL JOIN (SELECT person_pkey, person_id, pkey, record_id FROM mpi_link"
        "              WHERE until IS NULL) AS b USING (person_pkey, person_id, pkey, record_id)"
        " WHERE a IS NULL OR b IS NULL OR $1 = 0";
    static const char IDENTIFIERS[] =
        "SELECT count(*) FROM mpi_identifier i JOIN mpi_link l"
        "    ON l.pkey = i.pkey AND l.record_id = i.record_id AND l.until IS NULL"
        " WHERE (l.person_pkey, l.person_id) <> (i.person_pkey, i.person_id) OR $1 = 0";
    static const char XADS[] =
        "SELECT count(*) FROM mpi_person p LEFT JOIN mpi_xad x ON x.xad_pid = p.xad_pid"
        " WHERE (p.merged_id IS NULL) <> (x.status = 'active') OR $1 = 0";
    static const char MERGES[] = "SELECT count(*) FROM mpi_merge_log WHERE $1 = 1";
    enum { HANDS = 6 };
    pthread_t threads[HANDS];
    struct turmoil hands[HANDS];
    struct bench t;
    int failed = 0;

    if (!bench_open(&t, "hub"))
        return;
    feed_people(&t);
    for (int i = 0; i < HANDS; i++) {
        hands[i] = (struct turmoil){.seed = 4711u + (unsigned)i, .number = i};
        pthread_create(&threads[i], NULL, stir, &hands[i]);
    }
    for (int i = 0; i < HANDS; i++) {
        pthread_join(threads[i], NULL);
        failed += hands[i].failed;
    }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT_TRUE(number(&t, "test_merges", MERGES, 1) > 10);
    CU_ASSERT_EQUAL(number(&t, "test_lists", LISTS, 1), 0);
    CU_ASSERT_EQUAL(number(&t, "test_identifiers", IDENTIFIERS, 1), 0);
    CU_ASSERT_EQUAL(number(&t, "test_xads", XADS, 1), 0);
    bench_close(&t);
}

static void decisions_name_a_model_that_the_database_has(void)
{
    static const char STRAY[] = "SELECT count(*) FROM mpi_decision d LEFT JOIN mpi_model m"
                                "    USING (model_hash) WHERE m.model_hash IS NULL OR $1 = 0";
    static const char SOME[] = "SELECT count(*) FROM mpi_decision WHERE $1 = 1";
    struct bench t;

    if (!bench_open(&t, "hub"))
        return;
    CU_ASSERT_TRUE(number(&t, "test_decisions", SOME, 1) > 0);
    CU_ASSERT_EQUAL(number(&t, "test_stray", STRAY, 1), 0);
    bench_close(&t);
}

SUITE(test_merge, CASE(links_lists_and_identifiers_agree_after_any_turmoil),
      CASE(decisions_name_a_model_that_the_database_has),
      CASE(a_local_merge_moves_the_record_and_empties_the_person),
      CASE(a_person_with_other_records_keeps_them_and_its_xad_pid),
      CASE(what_was_merged_before_follows), CASE(xad_pids_merge_in_chains_and_the_refusals_hold),
      CASE(the_log_holds_every_row_as_it_was));
