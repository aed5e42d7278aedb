#include "gateway/index_change.h"

#include "consent/people_store.h"
#include "gateway/denials.h"
#include "gateway/notify.h"
#include "mpi/kin.h"
#include "xds/torn.h"

/* A record went over, and the person it left is still one of their own. */
static bool leaves_someone_behind(const struct mpi_change *c)
{
    bool moved = false, gone = false;

    for (size_t i = 0; i < c->record_count; i++)
        moved |= c->records[i].from.person_id != 0 &&
                 !person_ref_eq(c->records[i].from, c->records[i].to);
    for (size_t i = 0; i < c->person_count; i++)
        gone |= c->persons[i].gone;
    return moved && !gone;
}

/* The first day of what is known of a date. */
enum status index_birth_date(struct request *rq, struct person_ref person, int32_t *out)
{
    struct audit_identity who;

    TRY(mpi_kin_find(rq, &person, 1, &who));
    *out = (int32_t)who.birth_date;
    if (*out != 0 && *out % 10000 / 100 == 0)
        *out += 100;
    if (*out != 0 && *out % 100 == 0)
        *out += 1;
    return OK;
}

/* What several sources say of the person is weighed by the index: its date counts, not the feed's.
 */
static enum status follow_birth(struct request *rq, const struct mpi_change *c)
{
    struct consent_change change = {.persons = c->persons[0].constituents,
                                    .count = c->persons[0].constituent_count,
                                    .at_us = rq->now_us,
                                    .by = c->by};
    int32_t birth;

    TRY(index_birth_date(rq, c->persons[0].ref, &birth));
    if (birth != 0)
        people_birth_correct(rq->db, rq->arena, &change, birth);
    return OK;
}

enum status index_change_follow(struct request *rq, const struct mpi_change *change)
{
    if (change->kind == MPI_CHANGE_BIRTH)
        return follow_birth(rq, change);
    if (leaves_someone_behind(change))
        TRY(denials_carry(rq, change->by, change->persons[1].ref, change->persons[0].ref));
    TRY(xds_torn_follow(rq, change));
    return notify_change(rq, change);
}
