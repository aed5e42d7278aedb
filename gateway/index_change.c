#include "gateway/index_change.h"

#include "gateway/denials.h"
#include "gateway/notify.h"
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

enum status index_change_follow(struct request *rq, const struct mpi_change *change)
{
    if (leaves_someone_behind(change))
        TRY(denials_carry(rq, change->by, change->persons[1].ref, change->persons[0].ref));
    TRY(xds_torn_follow(rq, change));
    return notify_change(rq, change);
}
