/* Look-up keys made again from the records. */
#include "mpi/reindex.h"

#include "hub/command/progress.h"
#include "tests/db/mpi/bench.h"

/* On an arena of its own, as the command has it. */
static struct mpi_reindexing reindex(struct bench *t)
{
    struct progress progress = progress_begin("records");
    struct mpi_reindexing r = {.progress = &progress};
    struct arena pages;
    struct errors err;

    bench_begin(t);
    db_rollback(t->db);
    arena_init(&pages);
    errors_init(&err, &pages);
    t->rq.arena = &pages;
    t->rq.err = &err;
    CU_ASSERT_EQUAL_FATAL(mpi_reindex(&t->rq, &r), OK);
    progress_end(&progress);
    db_rollback(t->db);
    db_attach(t->db, &t->arena, &t->err, 0);
    arena_dispose(&pages);
    return r;
}

static void feed_named(struct bench *t, int64_t member, const char *id, const char *family,
                       struct mpi_fed *out)
{
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, family, "Ignatia", "19380803", "F");

    CU_ASSERT_EQUAL_FATAL(feed(t, member, id_of(member == NORTH ? NORTH_OID : SOUTH_OID, id), &d,
                               out, NULL),
                          OK);
}

static void change(struct bench *t, const char *name, const char *sql, int64_t value)
{
    const struct statement *s = bench_statement(name, sql);

    bench_begin(t);
    db_queue(t->db, s, NULL, DB_INT8(value));
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    CU_ASSERT_EQUAL_FATAL(db_commit(t->db), OK);
}

static const char KEYS[] = "SELECT count(*) FROM mpi_block_key WHERE record_id = $1";

static void what_is_right_already_stays_as_it_is(void)
{
    struct mpi_reindexing again;
    struct mpi_fed one;
    struct bench t;
    int64_t keys;

    if (!bench_open(&t, "hub"))
        return;
    feed_named(&t, NORTH, "rx-0", "Reindexstill", &one);
    keys = number(&t, "test_keys", KEYS, one.place.record_id);
    (void)reindex(&t);
    again = reindex(&t);
    CU_ASSERT(again.records > 0 && again.keys > 0);
    CU_ASSERT_EQUAL(again.normalised, 0);
    CU_ASSERT_EQUAL(again.stale, 0);
    CU_ASSERT_EQUAL(number(&t, "test_keys", KEYS, one.place.record_id), keys);
    bench_close(&t);
}

static void lost_keys_are_made_again_and_find_the_record(void)
{
    struct mpi_fed one, other;
    struct bench t;
    int64_t keys;

    if (!bench_open(&t, "hub"))
        return;
    feed_named(&t, NORTH, "rx-1", "Reindexlost", &one);
    keys = number(&t, "test_keys", KEYS, one.place.record_id);
    change(&t, "test_lose", "DELETE FROM mpi_block_key WHERE record_id = $1", one.place.record_id);
    (void)reindex(&t);
    CU_ASSERT_EQUAL(number(&t, "test_keys", KEYS, one.place.record_id), keys);
    feed_named(&t, SOUTH, "rx-1", "Reindexlost", &other);
    CU_ASSERT_TRUE(person_ref_eq(one.person, other.person));
    bench_close(&t);
}

static void keys_of_another_program_are_taken_away(void)
{
    static const char OLD[] =
        "INSERT INTO mpi_block_key (bkey, fine, rule, pkey, record_id, version, member_id, packed,"
        "       person_pkey, person_id)"
        "SELECT bkey + 1, fine, rule, pkey, record_id, version, member_id, packed, person_pkey,"
        "       person_id FROM mpi_block_key WHERE record_id = $1";
    struct mpi_reindexing r;
    struct mpi_fed one;
    struct bench t;
    int64_t keys;

    if (!bench_open(&t, "hub"))
        return;
    feed_named(&t, NORTH, "rx-2", "Reindexold", &one);
    keys = number(&t, "test_keys", KEYS, one.place.record_id);
    change(&t, "test_old", OLD, one.place.record_id);
    r = reindex(&t);
    CU_ASSERT_EQUAL((int64_t)r.stale, keys);
    CU_ASSERT_EQUAL(number(&t, "test_keys", KEYS, one.place.record_id), keys);
    bench_close(&t);
}

/* The packed fields of another person stand for those of another normalisation. */
static void what_was_normalised_otherwise_becomes_a_new_version_and_no_decision_changes(void)
{
    static const char OTHERWISE[] =
        "UPDATE mpi_record SET packed = (SELECT packed FROM mpi_record WHERE record_id <> $1"
        "   AND packed IS NOT NULL ORDER BY record_id LIMIT 1) WHERE record_id = $1";
    static const char VERSIONS[] = "SELECT max(version) FROM mpi_record WHERE record_id = $1";
    static const char CURRENT[] =
        "SELECT count(*) FROM mpi_block_key WHERE record_id = $1 AND version = 2";
    static const char DECISIONS[] = "SELECT count(*) FROM mpi_decision WHERE record_id = $1";
    struct mpi_fed one, other;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return;
    feed_named(&t, NORTH, "rx-3", "Reindexother", &one);
    change(&t, "test_otherwise", OTHERWISE, one.place.record_id);
    CU_ASSERT_EQUAL(reindex(&t).normalised, 1);
    CU_ASSERT_EQUAL(number(&t, "test_versions", VERSIONS, one.place.record_id), 2);
    CU_ASSERT_EQUAL(number(&t, "test_current", CURRENT, one.place.record_id),
                    number(&t, "test_keys", KEYS, one.place.record_id));
    CU_ASSERT_EQUAL(number(&t, "test_decisions", DECISIONS, one.place.record_id), 1);
    feed_named(&t, SOUTH, "rx-3", "Reindexother", &other);
    CU_ASSERT_TRUE(person_ref_eq(one.person, other.person));
    bench_close(&t);
}

SUITE(test_reindex, CASE(what_is_right_already_stays_as_it_is),
      CASE(lost_keys_are_made_again_and_find_the_record),
      CASE(keys_of_another_program_are_taken_away),
      CASE(what_was_normalised_otherwise_becomes_a_new_version_and_no_decision_changes));
