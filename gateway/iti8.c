#include "gateway/iti8.h"

#include "gateway/adt.h"
#include "gateway/adt_road.h"
#include "gateway/hl7_answer.h"
#include "gateway/hl7_store.h"
#include "gateway/sender.h"
#include "mpi/identity.h"
#include "mpi/merge.h"

static const struct hl7_message *message_of(const struct request *rq)
{
    return rq->message.hl7;
}

/* Looks at the store and at the index in one flush. */
enum status iti8_feed(struct request *rq, struct reply *rp)
{
    struct hl7_seen seen;
    struct mpi_feed feed;
    struct mpi_feeding *feeding;
    struct mpi_fed fed;

    TRY(sender_check(rq));
    TRY(adt_read_patient(rq, message_of(rq), &feed));
    hl7_seen_queue(rq, message_of(rq), &seen);
    feeding = mpi_feed_queue(rq, &feed);
    TRY(db_flush(rq->db));
    TRY(adt_answer_again(rq, &seen, rp));
    if (seen.answered)
        return OK;
    TRY(mpi_feed(rq, feeding, &fed));
    adt_audit(rq, fed.created ? 'C' : 'U', feed.ids[0], fed.person);
    return adt_accept(rq, &seen, rp);
}

/* The failures of a merge name a side; the message has segments. */
void iti8_place_failures(struct request *rq)
{
    for (struct failure *f = rq->err->first; f != NULL; f = f->next) {
        if (str_eq(f->location, STR("surviving")))
            f->location = STR("PID^1^3");
        else if (str_eq(f->location, STR("subsumed")))
            f->location = STR("MRG^1^1");
    }
}

/* A surviving patient that the hub has not heard of yet is made known by its PID: hospitals send
 * A40 before, or instead of, the A01. XAD-PIDs must both be known (3.8.4.2.4). */
static enum status make_known(struct request *rq, const struct adt_merge *merge)
{
    struct mpi_lookup lookup;
    struct mpi_feeding *feeding;
    struct mpi_fed fed;

    if (merge->xad)
        return OK;
    mpi_lookup_queue(rq, &merge->surviving, 1, &lookup);
    feeding = mpi_feed_queue(rq, &merge->patient);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &lookup));
    if (lookup.hits[0].known != MPI_UNKNOWN)
        return OK;
    return mpi_feed(rq, feeding, &fed);
}

enum status iti8_merge_one(struct request *rq, const struct adt_merge *merge)
{
    struct mpi_merge m = {
        .member = rq->principal.member,
        .surviving = merge->surviving,
        .subsumed = merge->subsumed,
    };
    struct mpi_merged merged;
    enum status s;

    TRY(make_known(rq, merge));
    s = merge->xad ? mpi_merge_xad(rq, &m, &merged) : mpi_merge_local(rq, &m, &merged);
    if (s != OK)
        return s;
    adt_audit(rq, 'D', merge->subsumed, merged.subsumed);
    adt_audit(rq, 'U', merge->surviving, merged.surviving);
    return OK;
}

enum status iti8_merge(struct request *rq, struct reply *rp)
{
    struct hl7_seen seen;
    struct adt_merge *merges;
    size_t count;

    TRY(sender_check(rq));
    TRY(adt_read_merges(rq, message_of(rq), &merges, &count));
    TRY(adt_look_back(rq, &seen, rp));
    if (seen.answered)
        return OK;
    for (size_t i = 0; i < count; i++) {
        enum status s = iti8_merge_one(rq, &merges[i]);

        if (s != OK) {
            iti8_place_failures(rq);
            return s;
        }
    }
    return adt_accept(rq, &seen, rp);
}
