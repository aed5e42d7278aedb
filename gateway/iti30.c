#include "gateway/iti30.h"

#include "gateway/adt.h"
#include "gateway/adt_road.h"
#include "gateway/iti8.h"
#include "gateway/sender.h"
#include "mpi/identity.h"
#include "mpi/merge.h"
#include "mpi/steward.h"

static const struct hl7_message *message_of(const struct request *rq)
{
    return rq->message.hl7;
}

static struct mpi_word word_of(struct request *rq)
{
    return (struct mpi_word){
        .by = str_printf(rq->arena, "member:%.*s", STR_ARG(rq->principal.member->name)),
        .why = str_printf(rq->arena, "ADT^%.*s", STR_ARG(message_of(rq)->event)),
    };
}

/* --- A47 ------------------------------------------------------------------------------------- */

static enum status check_names(struct request *rq, const struct adt_merge *names)
{
    const struct identifier ids[] = {names->surviving, names->subsumed};
    struct mpi_lookup seen;

    if (names->xad)
        return fail_at(rq->err, STR("MRG^1^1"), INVALID, "207",
                       "An affinity domain identifier cannot be renamed; merge it (ADT^A40)");
    mpi_lookup_queue(rq, ids, 2, &seen);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &seen));
    if (seen.hits[1].known != MPI_ACTIVE)
        return fail_at(rq->err, STR("MRG^1^1"), INVALID, "204",
                       "The former identifier is not known, or was merged into another");
    if (seen.hits[0].known == MPI_UNKNOWN ||
        (seen.hits[0].known == MPI_ACTIVE && place_eq(seen.hits[0].place, seen.hits[1].place)))
        return OK;
    return fail_at(rq->err, STR("PID^1^3"), INVALID, "205",
                   "The new identifier is another patient's already; merge the two (ADT^A40)");
}

/* The record gets the new name, then loses the old one. */
static enum status rename_one(struct request *rq, const struct adt_merge *names)
{
    struct identifier *ids = ARENA_ARRAY(rq->arena, 2, struct identifier);
    struct mpi_feed *feed = arena_copy(rq->arena, &names->patient, sizeof(names->patient));
    struct mpi_merge m = {rq->principal.member, names->surviving, names->subsumed};
    struct mpi_merged merged;
    struct mpi_feeding *feeding;
    struct mpi_fed fed;
    enum status s;

    TRY(check_names(rq, names));
    ids[0] = names->subsumed;
    ids[1] = names->surviving;
    feed->ids = ids;
    feed->id_count = 2;
    feeding = mpi_feed_queue(rq, feed);
    TRY(db_flush(rq->db));
    TRY(mpi_feed(rq, feeding, &fed));
    s = mpi_merge_local(rq, &m, &merged);
    if (s != OK) {
        iti8_place_failures(rq);
        return s;
    }
    adt_audit(rq, 'D', names->subsumed, merged.subsumed);
    adt_audit(rq, 'U', names->surviving, merged.surviving);
    return OK;
}

enum status iti30_rename(struct request *rq, struct reply *rp)
{
    struct hl7_seen seen;
    struct adt_merge *names;
    size_t count;

    TRY(sender_check(rq));
    TRY(adt_read_merges(rq, message_of(rq), &names, &count));
    TRY(adt_look_back(rq, &seen, rp));
    if (seen.answered)
        return OK;
    for (size_t i = 0; i < count; i++)
        TRY(rename_one(rq, &names[i]));
    return adt_accept(rq, &seen, rp);
}

/* --- A24 and A37 ----------------------------------------------------------------------------- */

enum { FIRST, SECOND };

/* Both patients, as the index knows them now. */
static enum status find_pair(struct request *rq, const struct identifier ids[2],
                             struct mpi_hit hits[2])
{
    struct mpi_lookup seen;

    mpi_lookup_queue(rq, ids, 2, &seen);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &seen));
    for (int i = FIRST; i <= SECOND; i++) {
        hits[i] = seen.hits[i];
        if (hits[i].known != MPI_ACTIVE)
            return fail_at(rq->err, str_printf(rq->arena, "PID^%d^3", i + 1), INVALID, "204",
                           "The patient identifier of PID segment %d is not known, or was merged"
                           " into another",
                           i + 1);
    }
    if (!place_eq(hits[FIRST].place, hits[SECOND].place))
        return OK;
    return fail_at(rq->err, STR("PID^2^3"), INVALID, "205",
                   "Both identifiers are of one record of this source");
}

static enum status link(struct request *rq, const struct mpi_hit hits[2])
{
    struct mpi_word word = word_of(rq);
    struct mpi_stewarded done;

    if (person_ref_eq(hits[FIRST].person, hits[SECOND].person))
        return OK;
    return mpi_steward_link(rq, &word, hits[SECOND].place, hits[FIRST].person, &done);
}

static enum status unlink(struct request *rq, const struct mpi_hit hits[2])
{
    struct mpi_word word = word_of(rq);
    struct mpi_stewarded done;

    if (!person_ref_eq(hits[FIRST].person, hits[SECOND].person))
        return mpi_keep_apart(rq, &word, hits[FIRST].place, hits[SECOND].place);
    return mpi_steward_unlink(rq, &word, hits[SECOND].place, &done);
}

/* A failure of the index about the pair is one about the second patient. */
static enum status place_at(struct request *rq, enum status s, const char *location)
{
    for (struct failure *f = rq->err->first; s != OK && f != NULL; f = f->next)
        if (f->location.n == 0)
            f->location = str_from(location);
    return s;
}

static enum status change_pair(struct request *rq, struct reply *rp,
                               enum status (*change)(struct request *, const struct mpi_hit *))
{
    struct hl7_seen seen;
    struct identifier ids[2];
    struct mpi_hit hits[2];

    TRY(sender_check(rq));
    TRY(adt_read_pair(rq, message_of(rq), ids));
    TRY(adt_look_back(rq, &seen, rp));
    if (seen.answered)
        return OK;
    TRY(find_pair(rq, ids, hits));
    TRY(place_at(rq, change(rq, hits), "PID^2^3"));
    adt_audit(rq, 'U', ids[FIRST], hits[FIRST].person);
    adt_audit(rq, 'U', ids[SECOND], hits[SECOND].person);
    return adt_accept(rq, &seen, rp);
}

enum status iti30_link(struct request *rq, struct reply *rp)
{
    return change_pair(rq, rp, link);
}

enum status iti30_unlink(struct request *rq, struct reply *rp)
{
    return change_pair(rq, rp, unlink);
}

/* --- A43 ------------------------------------------------------------------------------------- */

static enum status unknown(struct request *rq, const char *location, const char *what)
{
    return fail_at(rq->err, str_from(location), INVALID, "204", "%s is not known", what);
}

/* The record leaves the person of the previous XAD-PID for that of the new one. */
static enum status move_link(struct request *rq, const struct adt_link_change *c,
                             struct person_ref *person)
{
    const struct identifier ids[] = {c->new_xad, c->local, c->old_xad};
    struct mpi_word word = word_of(rq);
    struct mpi_stewarded done;
    struct mpi_lookup seen;

    mpi_lookup_queue(rq, ids, 3, &seen);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &seen));
    if (seen.hits[0].known != MPI_ACTIVE)
        return unknown(rq, "PID^1^3", "The new affinity domain identifier");
    if (seen.hits[1].known != MPI_ACTIVE)
        return unknown(rq, "PID^1^3", "The local patient identifier");
    if (seen.hits[2].known == MPI_UNKNOWN)
        return unknown(rq, "MRG^1^1", "The previous affinity domain identifier");
    *person = seen.hits[0].person;
    if (person_ref_eq(seen.hits[1].person, *person))
        return OK;
    if (seen.hits[2].known == MPI_ACTIVE &&
        !person_ref_eq(seen.hits[1].person, seen.hits[2].person))
        return fail_at(rq->err, STR("MRG^1^1"), INVALID, "204",
                       "The local patient identifier is not linked to the previous affinity domain"
                       " identifier");
    return place_at(rq, mpi_steward_link(rq, &word, seen.hits[1].place, *person, &done), "PID^1^3");
}

static enum status merge_locals(struct request *rq, const struct adt_link_change *c)
{
    struct mpi_merge m = {rq->principal.member, c->local, c->subsumed};
    struct mpi_merged merged;
    enum status s;

    if (c->subsumed.id.n == 0)
        return OK;
    s = mpi_merge_local(rq, &m, &merged);
    if (s != OK)
        iti8_place_failures(rq);
    else
        adt_audit(rq, 'D', c->subsumed, merged.subsumed);
    return s;
}

enum status iti64_take(struct request *rq, struct reply *rp)
{
    struct hl7_seen seen;
    struct adt_link_change change;
    struct person_ref person;

    TRY(sender_check(rq));
    TRY(adt_read_link_change(rq, message_of(rq), &change));
    TRY(adt_look_back(rq, &seen, rp));
    if (seen.answered)
        return OK;
    TRY(move_link(rq, &change, &person));
    TRY(merge_locals(rq, &change));
    adt_audit(rq, 'U', change.local, person);
    return adt_accept(rq, &seen, rp);
}
