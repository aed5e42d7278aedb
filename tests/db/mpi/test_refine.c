/* What stewards judged, as pairs to learn from. */
#include "mpi/refine.h"

#include "hub/command/progress.h"
#include "mpi/no_link.h"
#include "mpi/steward.h"
#include "tests/db/mpi/bench.h"

static const struct mpi_word STEWARD = {.by = {"steward:ann", 11}, .why = {"", 0}};

static struct mpi_judged collect(struct bench *t, struct arena *keep)
{
    struct progress progress = progress_begin("decisions");
    struct mpi_judged judged;

    bench_begin(t);
    db_rollback(t->db);
    CU_ASSERT_EQUAL_FATAL(mpi_judged_collect(&t->rq, mpi_model_builtin(), 100000, keep, &progress,
                                             &judged),
                          OK);
    progress_end(&progress);
    return judged;
}

static size_t auto_linked(const struct mpi_judged *j)
{
    return j->count - j->same - j->different;
}

/* Two records of one name, of NORTH's and SOUTH's; alike in birth date as well, or not. */
static void feed_two(struct bench *t, const char *family, bool alike, struct mpi_fed *one,
                     struct mpi_fed *other)
{
    struct mpi_name n;
    struct mpi_demographics d = patient(&n, family, "Una", "19440404", "F");

    CU_ASSERT_EQUAL_FATAL(feed(t, NORTH, id_of(NORTH_OID, family), &d, one, NULL), OK);
    if (!alike)
        d.birth_date = STR("19710919");
    CU_ASSERT_EQUAL_FATAL(feed(t, SOUTH, id_of(SOUTH_OID, family), &d, other, NULL), OK);
    CU_ASSERT_EQUAL(person_ref_eq(one->person, other->person), alike);
}

static void end(struct bench *t, enum status s)
{
    CU_ASSERT_EQUAL_FATAL(s, OK);
    CU_ASSERT_EQUAL_FATAL(db_commit(t->db), OK);
}

static void merge(struct bench *t, struct person_ref to, struct person_ref from,
                  struct mpi_stewarded *out)
{
    bench_begin(t);
    end(t, mpi_steward_merge(&t->rq, &STEWARD, to, from, out));
}

static void a_word_of_a_steward_is_a_label_while_it_holds(void)
{
    struct mpi_judged before, after, undone;
    struct mpi_fed one, other;
    struct mpi_stewarded m;
    struct arena keep;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return;
    arena_init(&keep);
    before = collect(&t, &keep);
    feed_two(&t, "Refinesame", false, &one, &other);
    merge(&t, one.person, other.person, &m);
    after = collect(&t, &keep);
    CU_ASSERT_EQUAL(after.same, before.same + 1);
    CU_ASSERT_EQUAL(after.unseen, before.unseen);
    CU_ASSERT_EQUAL(after.different, before.different);
    bench_begin(&t);
    end(&t, mpi_undo(&t.rq, &STEWARD, m.log, &m));
    undone = collect(&t, &keep);
    CU_ASSERT_EQUAL(undone.same, before.same);

    feed_two(&t, "Refineapart", false, &one, &other);
    bench_begin(&t);
    end(&t, mpi_keep_apart(&t.rq, &STEWARD, one.place, other.place));
    after = collect(&t, &keep);
    CU_ASSERT_EQUAL(after.different, before.different + 1);
    CU_ASSERT_EQUAL(auto_linked(&after), auto_linked(&before));
    arena_dispose(&keep);
    bench_close(&t);
}

static void what_was_auto_linked_counts_until_a_steward_parts_it(void)
{
    struct mpi_judged before, after;
    struct mpi_fed one, other;
    struct mpi_stewarded m;
    struct arena keep;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return;
    arena_init(&keep);
    before = collect(&t, &keep);
    feed_two(&t, "Refinelinked", true, &one, &other);
    after = collect(&t, &keep);
    CU_ASSERT_EQUAL(auto_linked(&after), auto_linked(&before) + 1);
    bench_begin(&t);
    end(&t, mpi_steward_unlink(&t.rq, &STEWARD, other.place, &m));
    after = collect(&t, &keep);
    CU_ASSERT_EQUAL(auto_linked(&after), auto_linked(&before));
    CU_ASSERT_EQUAL(after.different, before.different + 1);
    arena_dispose(&keep);
    bench_close(&t);
}

static void a_label_carries_the_evidence_of_its_pair(void)
{
    struct mpi_judged judged;
    struct mpi_fed one, other;
    struct mpi_stewarded m;
    struct arena keep;
    struct bench t;
    bool found = false;

    if (!bench_open(&t, "hub"))
        return;
    arena_init(&keep);
    feed_two(&t, "Refineseen", false, &one, &other);
    merge(&t, one.person, other.person, &m);
    judged = collect(&t, &keep);
    for (size_t i = 0; i < judged.count; i++)
        found |= judged.pairs[i].judged && judged.pairs[i].same &&
                 judged.pairs[i].vector.level[MPI_COMPARE_GIVEN] == MPI_GIVEN_EXACT &&
                 judged.pairs[i].vector.level[MPI_COMPARE_DOB] == MPI_DOB_DIFFER;
    CU_ASSERT_TRUE(found);
    arena_dispose(&keep);
    bench_close(&t);
}

static struct str random_name(char *to, unsigned seed)
{
    size_t x = seed * 2654435761u;

    for (int i = 0; i < 8; i++, x = x * 1103515245u + 12345u)
        to[i] = (char)((i == 0 ? 'A' : 'a') + (x >> 16) % 26);
    return (struct str){to, 8};
}

/* One given name and birth date, that nobody else has together, and two family names. */
static void feed_married(struct bench *t, unsigned n, struct mpi_fed *one, struct mpi_fed *other)
{
    char family[8], married[8], id[16], born[16];
    struct mpi_name name;
    struct mpi_demographics d;

    snprintf(id, sizeof(id), "rm-%u", n);
    snprintf(born, sizeof(born), "%04u%02u%02u", 1930 + n % 71, 1 + n % 12, 1 + n % 28);
    d = patient(&name, "", "Ottilie", born, "F");
    name.family = random_name(family, 2 * n);
    CU_ASSERT_EQUAL_FATAL(feed(t, NORTH, id_of(NORTH_OID, id), &d, one, NULL), OK);
    name.family = random_name(married, 2 * n + 1);
    CU_ASSERT_EQUAL_FATAL(feed(t, SOUTH, id_of(SOUTH_OID, id), &d, other, NULL), OK);
    CU_ASSERT_FALSE(person_ref_eq(one->person, other->person));
}

static enum status refine(struct bench *t, struct arena *keep, struct mpi_model *out)
{
    struct mpi_judged judged = collect(t, keep);

    return mpi_train_labelled(keep, mpi_model_builtin(), judged.pairs, judged.count, STR("judged"),
                              out, &t->err);
}

/* Who has another family name is one person to these stewards, five hundred times. */
static void enough_words_make_a_model_that_has_learnt_from_them(void)
{
    const struct mpi_model *base = mpi_model_builtin();
    struct mpi_stewarded m;
    struct mpi_fed one, other;
    struct mpi_model refined;
    struct arena keep;
    struct bench t;

    if (!bench_open(&t, "hub"))
        return;
    arena_init(&keep);
    CU_ASSERT_EQUAL(refine(&t, &keep, &refined), INVALID);
    for (unsigned n = 0; n < MPI_LABELS_NEEDED; n++) {
        feed_married(&t, n, &one, &other);
        merge(&t, one.person, other.person, &m);
    }
    CU_ASSERT_EQUAL_FATAL(refine(&t, &keep, &refined), OK);
    CU_ASSERT(refined.levels[MPI_COMPARE_FAMILY][MPI_FAMILY_DIFFER].m >
              2 * base->levels[MPI_COMPARE_FAMILY][MPI_FAMILY_DIFFER].m);
    CU_ASSERT(memcmp(refined.hash, base->hash, sizeof(base->hash)) != 0);
    arena_dispose(&keep);
    bench_close(&t);
}

SUITE(test_refine, CASE(a_word_of_a_steward_is_a_label_while_it_holds),
      CASE(what_was_auto_linked_counts_until_a_steward_parts_it),
      CASE(a_label_carries_the_evidence_of_its_pair),
      CASE(enough_words_make_a_model_that_has_learnt_from_them));
