/* What stewards do, and take back: compared row by row over all tables of the index. */
#include "mpi/steward.h"

#include "mpi/no_link.h"
#include "tests/db/mpi/bench.h"

/* All rows of the index as text. Left out is history, which only grows: versions and the times and
 * requests that made them; who decided a link and why (a version that restores a link says
 * "unmerge"); link_epoch, which caches compare; when a golden record was built; and the log of
 * merges itself. Everything else must be as it was. */
static const char SNAPSHOT[] =
    "SELECT string_agg(line, E'\\n' ORDER BY line COLLATE \"C\") FROM ("
    "SELECT 'record ' || (to_jsonb(r) - ARRAY['version', 'event', 'at', 'request'])::text AS line"
    "  FROM (SELECT DISTINCT ON (pkey, record_id) * FROM mpi_record"
    "         ORDER BY pkey, record_id, version DESC) AS r"
    " UNION ALL SELECT 'person ' || (to_jsonb(p) - ARRAY['link_epoch', 'changed_at'])::text"
    "  FROM mpi_person p"
    " UNION ALL SELECT 'link ' || (to_jsonb(l) - ARRAY['version', 'since', 'reason', 'decided_by',"
    "       'decision_id'])::text FROM mpi_link l WHERE until IS NULL"
    " UNION ALL SELECT 'identifier ' || to_jsonb(i)::text FROM mpi_identifier i"
    " UNION ALL SELECT 'xad ' || to_jsonb(x)::text FROM mpi_xad x"
    " UNION ALL SELECT 'no_link ' || to_jsonb(n)::text FROM mpi_no_link n"
    " UNION ALL SELECT 'block_key ' || to_jsonb(b)::text FROM mpi_block_key b"
    " UNION ALL SELECT 'decision ' || to_jsonb(d)::text FROM mpi_decision d"
    " UNION ALL SELECT 'task ' || to_jsonb(t)::text FROM mpi_task t"
    " UNION ALL SELECT 'golden ' || (to_jsonb(g) - 'built_at')::text FROM mpi_golden g"
    " UNION ALL SELECT 'model ' || to_jsonb(m)::text FROM mpi_model m"
    " UNION ALL SELECT 'lock ' || count(*) FROM mpi_lock) AS lines";

static const struct mpi_word STEWARD = {.by = {"steward:ann", 11}, .why = {"", 0}};

/* Ends in NUL; the caller frees. */
static char *snapshot(struct bench *t)
{
    static const struct statement S = {"test_snapshot", SNAPSHOT};
    struct rows rows;
    struct str text;
    char *copy;

    bench_begin(t);
    db_queue0(t->db, &S, &rows);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    text = row_text(&rows, 0, 0);
    copy = malloc(text.n + 1);
    must(copy != NULL, "memory");
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return copy;
}

/* Prints the first line that differs. */
static void check_same(const char *a, const char *b)
{
    size_t line = 0;

    CU_ASSERT_STRING_EQUAL(a, b);
    for (size_t i = 0; a[i] != '\0' || b[i] != '\0'; i++) {
        if (a[i] != b[i]) {
            fprintf(stderr, "was: %.*s\nis:  %.*s\n", (int)strcspn(a + line, "\n"), a + line,
                    (int)strcspn(b + line, "\n"), b + line);
            return;
        }
        if (a[i] == '\n')
            line = i + 1;
    }
}

struct person_at {
    struct mpi_fed fed;
    struct identifier id;
    char text[24];
};

/* A patient of NORTH's that resembles nobody. */
static struct person_at somebody(struct bench *t, const char *id, const char *family)
{
    struct person_at p = {0};
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, family, "Pat", "19550505", "F");

    snprintf(p.text, sizeof(p.text), "%s", id);
    CU_ASSERT_EQUAL_FATAL(feed(t, NORTH, id_of(NORTH_OID, id), &d, &p.fed, NULL), OK);
    return p;
}

static enum status done(struct bench *t, enum status s)
{
    return s == OK ? db_commit(t->db) : s;
}

static enum status merge(struct bench *t, struct person_ref to, struct person_ref from,
                         struct mpi_stewarded *out)
{
    bench_begin(t);
    return done(t, mpi_steward_merge(&t->rq, &STEWARD, to, from, out));
}

static enum status link(struct bench *t, struct place record, struct person_ref to,
                        struct mpi_stewarded *out)
{
    bench_begin(t);
    return done(t, mpi_steward_link(&t->rq, &STEWARD, record, to, out));
}

static enum status unlink_record(struct bench *t, struct place record, struct mpi_stewarded *out)
{
    bench_begin(t);
    return done(t, mpi_steward_unlink(&t->rq, &STEWARD, record, out));
}

static enum status undo(struct bench *t, struct uuid id)
{
    struct mpi_stewarded out;

    bench_begin(t);
    return done(t, mpi_undo(&t->rq, &STEWARD, id, &out));
}

static struct uuid last_log(struct bench *t)
{
    static const struct statement S = {
        "test_last_log", "SELECT merge_id FROM mpi_merge_log ORDER BY merge_id DESC LIMIT 1"};
    struct rows rows;

    bench_begin(t);
    db_queue0(t->db, &S, &rows);
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    return row_uuid(&rows, 0, 0);
}

static void an_unmerge_leaves_every_row_as_it_was(void)
{
    struct bench t;
    struct mpi_stewarded m;
    struct person_at a, b;
    char *before, *between, *after;

    if (!bench_open(&t, "hub"))
        return;
    a = somebody(&t, "um-1", "Unmergea");
    b = somebody(&t, "um-2", "Unmergeb");
    before = snapshot(&t);
    CU_ASSERT_EQUAL_FATAL(merge(&t, a.fed.person, b.fed.person, &m), OK);
    CU_ASSERT_TRUE(m.emptied);
    CU_ASSERT_EQUAL(m.moved, 2);
    between = snapshot(&t);
    CU_ASSERT_STRING_NOT_EQUAL(before, between);
    CU_ASSERT_EQUAL(undo(&t, m.log), OK);
    after = snapshot(&t);
    check_same(before, after);
    CU_ASSERT_EQUAL(undo(&t, m.log), INVALID);
    CU_ASSERT_STRING_EQUAL(t.err.first->code, "AlreadyUndone");
    free(before);
    free(between);
    free(after);
    bench_close(&t);
}

static void a_merge_by_message_is_taken_back_as_exactly(void)
{
    struct bench t;
    struct mpi_merged m;
    char *before, *after;
    struct mpi_merge local = {.member = &MEMBERS[NORTH]};

    if (!bench_open(&t, "hub"))
        return;
    somebody(&t, "ua-1", "Messagea");
    somebody(&t, "ua-2", "Messageb");
    before = snapshot(&t);
    local.surviving = id_of(NORTH_OID, "ua-1");
    local.subsumed = id_of(NORTH_OID, "ua-2");
    bench_begin(&t);
    CU_ASSERT_EQUAL_FATAL(done(&t, mpi_merge_local(&t.rq, &local, &m)), OK);
    CU_ASSERT_EQUAL(lookup(&t, local.subsumed).known, MPI_SUBSUMED);
    CU_ASSERT_EQUAL(undo(&t, last_log(&t)), OK);
    after = snapshot(&t);
    check_same(before, after);
    CU_ASSERT_EQUAL(lookup(&t, local.subsumed).known, MPI_ACTIVE);
    free(before);
    free(after);
    bench_close(&t);
}

static void a_chain_of_merges_comes_apart_in_any_order_that_it_can(void)
{
    struct bench t;
    struct mpi_stewarded ab, bc, cd;
    struct person_at p[4];
    char *before, *after;

    if (!bench_open(&t, "hub"))
        return;
    for (int i = 0; i < 4; i++) {
        char id[16], family[16];

        snprintf(id, sizeof(id), "ch-%d", i);
        snprintf(family, sizeof(family), "Chainlink%c", 'a' + i);
        p[i] = somebody(&t, id, family);
    }
    before = snapshot(&t);
    CU_ASSERT_EQUAL_FATAL(merge(&t, p[1].fed.person, p[0].fed.person, &ab), OK);
    CU_ASSERT_EQUAL_FATAL(merge(&t, p[2].fed.person, p[1].fed.person, &bc), OK);
    CU_ASSERT_EQUAL_FATAL(merge(&t, p[2].fed.person, p[3].fed.person, &cd), OK);
    CU_ASSERT_EQUAL(person_of(&t, p[2].fed.person).place_count, 8);
    CU_ASSERT_EQUAL(undo(&t, ab.log), INVALID); /* its records went on: bc comes first */
    CU_ASSERT_STRING_EQUAL(t.err.first->code, "MovedOn");
    CU_ASSERT_EQUAL(undo(&t, bc.log), OK); /* before cd, which came later */
    CU_ASSERT_EQUAL(person_of(&t, p[2].fed.person).place_count, 4);
    CU_ASSERT_EQUAL(person_of(&t, p[2].fed.person).constituent_count, 2);
    CU_ASSERT_EQUAL(undo(&t, ab.log), OK);
    CU_ASSERT_EQUAL(undo(&t, cd.log), OK);
    after = snapshot(&t);
    check_same(before, after);
    free(before);
    free(after);
    bench_close(&t);
}

static void what_joined_since_stays(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Joinedb", "Pat", "19550505", "F");
    struct mpi_stewarded m;
    struct mpi_fed late;
    struct person_at a, b;

    if (!bench_open(&t, "hub"))
        return;
    a = somebody(&t, "js-1", "Joineda");
    b = somebody(&t, "js-2", "Joinedb");
    CU_ASSERT_EQUAL_FATAL(merge(&t, a.fed.person, b.fed.person, &m), OK);
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "js-3"), &d, &late, NULL), OK);
    CU_ASSERT_TRUE(person_ref_eq(late.person, a.fed.person));
    CU_ASSERT_EQUAL(undo(&t, m.log), OK);
    CU_ASSERT_TRUE(person_ref_eq(lookup(&t, id_of(SOUTH_OID, "js-3")).person, a.fed.person));
    CU_ASSERT_TRUE(person_ref_eq(lookup(&t, id_of(NORTH_OID, "js-2")).person, b.fed.person));
    bench_close(&t);
}

static void an_unlink_revives_the_person_and_its_xad_pid(void)
{
    struct bench t;
    struct mpi_stewarded m, u;
    struct person_at a, b;
    char xad[64];

    if (!bench_open(&t, "hub"))
        return;
    a = somebody(&t, "ur-1", "Revivea");
    b = somebody(&t, "ur-2", "Reviveb");
    snprintf(xad, sizeof(xad), "%.*s", STR_ARG(person_of(&t, b.fed.person).xad_pid));
    CU_ASSERT_EQUAL_FATAL(merge(&t, a.fed.person, b.fed.person, &m), OK);
    CU_ASSERT_EQUAL(lookup(&t, id_of(XAD_OID, xad)).known, MPI_SUBSUMED);
    CU_ASSERT_EQUAL_FATAL(unlink_record(&t, b.fed.place, &u), OK);
    CU_ASSERT_TRUE(person_ref_eq(u.to, b.fed.person));
    CU_ASSERT_EQUAL(lookup(&t, id_of(XAD_OID, xad)).known, MPI_ACTIVE);
    CHECK_STR(person_of(&t, b.fed.person).xad_pid, str_from(xad));
    CU_ASSERT_EQUAL(person_of(&t, a.fed.person).constituent_count, 1);
    CU_ASSERT_EQUAL(unlink_record(&t, b.fed.place, &u), INVALID);
    CU_ASSERT_STRING_EQUAL(t.err.first->code, "OnlyRecord");
    bench_close(&t);
}

static void an_unlinked_record_gets_a_person_and_is_kept_apart(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Aparts", "Pat", "19550505", "F");
    struct mpi_stewarded u;
    struct mpi_fed south;
    struct person_at a;
    char xad[64];

    if (!bench_open(&t, "hub"))
        return;
    a = somebody(&t, "ka-1", "Aparts");
    snprintf(xad, sizeof(xad), "%.*s", STR_ARG(person_of(&t, a.fed.person).xad_pid));
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "ka-2"), &d, &south, NULL), OK);
    CU_ASSERT_TRUE_FATAL(person_ref_eq(south.person, a.fed.person));
    CU_ASSERT_EQUAL_FATAL(unlink_record(&t, south.place, &u), OK);
    CU_ASSERT_FALSE(person_ref_eq(u.to, a.fed.person));
    CU_ASSERT_EQUAL(person_of(&t, u.to).place_count, 2);
    CU_ASSERT_EQUAL(link(&t, south.place, a.fed.person, &u), INVALID);
    CU_ASSERT_STRING_EQUAL(t.err.first->code, "KeptApart");
    bench_begin(&t);
    CU_ASSERT_EQUAL(done(&t, mpi_keep_apart_end(&t.rq, south.place, a.fed.place)), OK);
    CU_ASSERT_EQUAL(link(&t, south.place, a.fed.person, &u), OK);
    CU_ASSERT_EQUAL(person_of(&t, a.fed.person).place_count, 4);
    bench_close(&t);
}

static void an_unlink_taken_back_merges_again(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Again", "Pat", "19550505", "F");
    struct mpi_stewarded u;
    struct mpi_fed south;
    struct mpi_apart apart;
    struct person_at a;

    if (!bench_open(&t, "hub"))
        return;
    a = somebody(&t, "ag-1", "Again");
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "ag-2"), &d, &south, NULL), OK);
    CU_ASSERT_EQUAL_FATAL(unlink_record(&t, south.place, &u), OK);
    CU_ASSERT_EQUAL(undo(&t, u.log), OK);
    CU_ASSERT_TRUE(person_ref_eq(lookup(&t, id_of(SOUTH_OID, "ag-2")).person, a.fed.person));
    bench_begin(&t);
    mpi_apart_queue(&t.rq, &south.place, 1, &apart);
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    mpi_apart_read(&t.rq, &apart);
    CU_ASSERT_EQUAL(apart.count, 0);
    bench_close(&t);
}

static void a_link_moves_one_record_and_is_taken_back_exactly(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Linkone", "Pat", "19550505", "F");
    struct mpi_stewarded l;
    struct mpi_fed south;
    struct person_at a, b;
    char *before, *after;

    if (!bench_open(&t, "hub"))
        return;
    a = somebody(&t, "lo-1", "Linkone");
    CU_ASSERT_EQUAL(feed(&t, SOUTH, id_of(SOUTH_OID, "lo-2"), &d, &south, NULL), OK);
    b = somebody(&t, "lo-3", "Linktwo");
    before = snapshot(&t);
    CU_ASSERT_EQUAL_FATAL(link(&t, south.place, b.fed.person, &l), OK);
    CU_ASSERT_FALSE(l.emptied);
    CU_ASSERT_EQUAL(person_of(&t, a.fed.person).place_count, 2);
    CU_ASSERT_EQUAL(person_of(&t, b.fed.person).place_count, 3);
    CU_ASSERT_EQUAL(undo(&t, l.log), OK);
    after = snapshot(&t);
    check_same(before, after);
    free(before);
    free(after);
    bench_close(&t);
}

static void where_a_member_feeds_xad_pids_they_follow_their_record(void)
{
    struct bench t;
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, "Regional", "Pat", "19560606", "M");
    struct mpi_stewarded u;
    struct mpi_fed north, region;

    if (!bench_open(&t, "region"))
        return;
    CU_ASSERT_EQUAL(feed(&t, NORTH, id_of(NORTH_OID, "rg-1"), &d, &north, NULL), OK);
    CU_ASSERT_EQUAL(feed(&t, REGION, id_of(XAD_OID, "RG-1"), &d, &region, NULL), OK);
    CU_ASSERT_TRUE_FATAL(person_ref_eq(north.person, region.person));
    CU_ASSERT_EQUAL_FATAL(unlink_record(&t, region.place, &u), OK);
    CHECK_STR(person_of(&t, u.to).xad_pid, STR("RG-1"));
    CU_ASSERT_EQUAL(person_of(&t, north.person).xad_pid.n, 0);
    CU_ASSERT_TRUE(person_ref_eq(lookup(&t, id_of(XAD_OID, "RG-1")).person, u.to));
    bench_close(&t);
}

SUITE(test_steward, CASE(an_unmerge_leaves_every_row_as_it_was),
      CASE(a_merge_by_message_is_taken_back_as_exactly),
      CASE(a_chain_of_merges_comes_apart_in_any_order_that_it_can), CASE(what_joined_since_stays),
      CASE(an_unlink_revives_the_person_and_its_xad_pid),
      CASE(an_unlinked_record_gets_a_person_and_is_kept_apart),
      CASE(an_unlink_taken_back_merges_again),
      CASE(a_link_moves_one_record_and_is_taken_back_exactly),
      CASE(where_a_member_feeds_xad_pids_they_follow_their_record));
