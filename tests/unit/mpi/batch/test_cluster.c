#include "mpi/batch/cluster.h"

#include <string.h>

#include "tests/support/suite.h"

enum { RECORDS = 8 };

struct joined {
    uint32_t person[RECORDS];
    double last; /* height of the last join */
    bool falling;
};

static void join(void *context, const uint32_t *a, size_t a_count, const uint32_t *b,
                 size_t b_count, double height)
{
    struct joined *j = context;

    for (size_t i = 0; i < b_count; i++)
        j->person[b[i]] = j->person[a[0]];
    j->falling &= height <= j->last;
    j->last = height;
    (void)a_count;
}

static struct joined cluster(const struct link_pair *pairs, size_t count, bool guarded)
{
    struct cluster_options o = {.least = 10, .guarded = guarded, .margin = 3};
    struct joined j = {.last = 1e9, .falling = true};

    for (uint32_t i = 0; i < RECORDS; i++)
        j.person[i] = i;
    cluster_pairs(pairs, count, RECORDS, &o, join, &j);
    return j;
}

static bool same(const struct joined *j, uint32_t a, uint32_t b)
{
    return j->person[a] == j->person[b];
}

static void likely_pairs_are_joined(void)
{
    static const struct link_pair pairs[] = {{0, 1, 30, 0},
                                             {0, 2, 28, 0},
                                             {1, 2, 29, 0},
                                             {3, 4, 5, 0}};
    struct joined j = cluster(pairs, 4, true);

    CU_ASSERT(same(&j, 0, 1) && same(&j, 0, 2));
    CU_ASSERT(!same(&j, 3, 4) && !same(&j, 0, 3));
    CU_ASSERT(j.falling);
}

/* Two groups of three, each sure of itself, and one pair between them. */
static void a_bridge_does_not_join_two_crowds(void)
{
    static const struct link_pair pairs[] = {
        {0, 1, 40, 0}, {0, 2, 40, 0}, {1, 2, 40, 0}, {3, 4, 40, 0},
        {3, 5, 40, 0}, {4, 5, 40, 0}, {2, 3, 20, 0},
    };
    struct joined j = cluster(pairs, 7, false);

    CU_ASSERT(same(&j, 0, 2) && same(&j, 3, 5) && !same(&j, 2, 3));
}

static void a_conflict_keeps_groups_apart(void)
{
    static const struct link_pair pairs[] = {{0, 1, 40, 0},
                                             {1, 2, 36, 0},
                                             {0, 2, 30, MPI_WHY(TWINS)}};
    struct joined j = cluster(pairs, 3, true), free_of_guards = cluster(pairs, 3, false);

    CU_ASSERT(same(&j, 0, 1) && !same(&j, 1, 2));
    CU_ASSERT(same(&free_of_guards, 1, 2));
}

/* 2 resembles two people, who are not one, nearly alike. */
static void nobody_is_joined_to_one_of_two_by_a_hair(void)
{
    static const struct link_pair pairs[] = {{0, 2, 30, 0},
                                             {1, 2, 29, 0},
                                             {0, 1, 20, MPI_WHY(TWINS)}};
    static const struct link_pair clear[] = {{0, 2, 30, 0},
                                             {1, 2, 15, 0},
                                             {0, 1, 20, MPI_WHY(TWINS)}};
    struct joined j = cluster(pairs, 3, true), k = cluster(clear, 3, true);

    CU_ASSERT(!same(&j, 0, 2) && !same(&j, 1, 2));
    CU_ASSERT(same(&k, 0, 2) && !same(&k, 1, 2));
}

static void the_order_of_pairs_does_not_matter(void)
{
    struct link_pair pairs[] = {{0, 1, 30, 0}, {1, 2, 25, 0}, {2, 3, 25, 0}, {0, 2, 12, 0},
                                {4, 5, 11, 0}, {5, 6, 11, 0}, {0, 3, 12, 0}};
    struct joined first = cluster(pairs, 7, true);

    for (size_t turn = 0; turn < 7; turn++) {
        struct link_pair kept = pairs[0];
        struct joined j;

        memmove(pairs, pairs + 1, 6 * sizeof(*pairs));
        pairs[6] = kept;
        j = cluster(pairs, 7, true);
        for (uint32_t a = 0; a < RECORDS; a++)
            for (uint32_t b = 0; b < RECORDS; b++)
                CU_ASSERT_EQUAL(same(&j, a, b), same(&first, a, b));
    }
}

SUITE(test_cluster, CASE(likely_pairs_are_joined), CASE(a_bridge_does_not_join_two_crowds),
      CASE(a_conflict_keeps_groups_apart), CASE(nobody_is_joined_to_one_of_two_by_a_hair),
      CASE(the_order_of_pairs_does_not_matter));
