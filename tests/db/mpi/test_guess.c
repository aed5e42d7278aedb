/* Who an identifier stood for last, kept for one caller (mpi/guess.h). */
#include "mpi/guess.h"

#include "tests/db/mpi/bench.h"

static const struct principal NURSE = {
    .member = &MEMBERS[NORTH],
    .user = STR("nurse"),
    .organization = STR("1.2.3"),
    .role = {STR("R"), STR("1.1")},
    .purpose = {STR("TREAT"), STR("1.2")},
    .patient = STR("1^^^&1.2.3&ISO"),
};

static bool is_guessed(struct bench *t, struct principal caller, int64_t key)
{
    const struct mpi_lookup lookup = {.count = 1, .keys = &key};
    struct mpi_guess guess;

    t->rq.principal = caller;
    return mpi_guess_queue(&t->rq, &lookup, &guess);
}

static void keep(struct bench *t, struct principal caller, int64_t key)
{
    const struct mpi_lookup lookup = {.count = 1, .keys = &key};
    struct person_ref self = {.pkey = 1000, .person_id = 7};
    const struct person person = {.ref = self, .constituents = &self, .constituent_count = 1};

    t->rq.principal = caller;
    mpi_guess_keep(&t->rq, &lookup, &person);
}

static void who_asks_is_answered_no_sooner_for_what_another_asked(void)
{
    struct principal others[9];
    struct bench t;

    if (!bench_open(&t, ""))
        return;
    bench_begin(&t);
    for (size_t i = 0; i < 9; i++)
        others[i] = NURSE;
    others[0].member = &MEMBERS[SOUTH];
    others[1].user = STR("doctor");
    others[2].organization = STR("1.2.4");
    others[3].role.code = STR("S");
    others[4].role.system = STR("1.3");
    others[5].purpose.code = STR("ETREAT");
    others[6].purpose.system = STR("1.3");
    others[7].patient = STR("");
    others[8].user = STR("nurse1"); /* the same words, cut elsewhere */
    others[8].organization = STR(".2.3");
    keep(&t, NURSE, 42);
    for (size_t i = 0; i < 9; i++)
        CU_ASSERT_FALSE(is_guessed(&t, others[i], 42));
    CU_ASSERT_FALSE(is_guessed(&t, NURSE, 43));
    CU_ASSERT(is_guessed(&t, NURSE, 42));
    bench_close(&t);
}

SUITE(test_guess, CASE(who_asks_is_answered_no_sooner_for_what_another_asked));
