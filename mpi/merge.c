#include "mpi/merge.h"

#include "mpi/identity.h"
#include "mpi/keys.h"
#include "mpi/relink.h"

/* One merge on its way. Index 0 is the surviving side, 1 the subsumed one. */
struct work {
    struct request *rq;
    const struct mpi_merge *merge;
    struct identifier ids[2];
    struct mpi_hit hits[2];
    struct mpi_person persons[2];
};

static const char *const SIDES[] = {"surviving", "subsumed"};

static enum status moved(struct work *w)
{
    return fail(w->rq->err, CONFLICT, "moved", "Another feed or merge changed the same patient");
}

/* Refusals 1 to 5 of ITI TF-2 3.8.4.2.4 but the authority, which the gateway knows. */
static enum status check(struct work *w, const struct mpi_hit hits[2])
{
    if (identifier_eq(w->ids[0], w->ids[1]))
        return fail_at(w->rq->err, STR("subsumed"), INVALID, "SameIdentifier",
                       "An identifier cannot be merged into itself");
    for (int side = 0; side < 2; side++) {
        struct str at = str_from(SIDES[side]);

        if (hits[side].known == MPI_UNKNOWN)
            return fail_at(w->rq->err, at, INVALID, "UnknownIdentifier",
                           "The %s patient identifier is not known", SIDES[side]);
        if (hits[side].known == MPI_SUBSUMED)
            return fail_at(w->rq->err, at, INVALID, "RetiredIdentifier",
                           "The %s patient identifier was merged into another before", SIDES[side]);
    }
    return OK;
}

/* First look, without locks: which persons, under which XAD-PIDs. */
static enum status look(struct work *w, struct mpi_people *people)
{
    struct request *rq = w->rq;
    struct mpi_lookup seen;
    struct person_ref *refs = ARENA_ARRAY(rq->arena, 2, struct person_ref);

    mpi_lookup_queue(rq, w->ids, 2, &seen);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &seen));
    TRY(check(w, seen.hits));
    for (int side = 0; side < 2; side++) {
        w->hits[side] = seen.hits[side];
        refs[side] = seen.hits[side].person;
    }
    mpi_people_queue(rq, refs, 2, people);
    TRY(db_flush(rq->db));
    return mpi_people_read(rq, people);
}

static void lock(struct work *w, const struct mpi_people *people, struct mpi_locked *locked)
{
    struct request *rq = w->rq;
    struct person_ref refs[] = {w->hits[0].person, w->hits[1].person};
    int64_t keys[4];
    size_t n = 0;

    for (int side = 0; side < 2; side++) {
        keys[n++] = mpi_identifier_key(w->ids[side]);
        if (people->people[side].xad_pid.n > 0)
            keys[n++] = mpi_identifier_key(mpi_xad_identifier(rq, people->people[side].xad_pid));
    }
    mpi_lock_keys(rq, keys, n);
    mpi_persons_queue(rq, refs, 2, true, locked);
}

static enum status check_again(struct work *w, const struct mpi_people *people,
                               struct mpi_lookup *again, const struct mpi_locked *locked)
{
    TRY(mpi_lookup_read(w->rq, again));
    TRY(check(w, again->hits));
    for (int side = 0; side < 2; side++) {
        size_t i = 0;

        while (i + 1 < locked->count && !person_ref_eq(locked->refs[i], w->hits[side].person))
            i++;
        if (!person_ref_eq(again->hits[side].person, w->hits[side].person) ||
            !mpi_person_read(w->rq, &locked->rows[i], 0, &w->persons[side]) ||
            !str_eq(w->persons[side].xad_pid, people->people[side].xad_pid))
            return moved(w);
    }
    return OK;
}

static enum status look_under_locks(struct work *w, const struct mpi_people *people)
{
    struct mpi_locked locked;
    struct mpi_lookup again;

    lock(w, people, &locked);
    mpi_lookup_queue(w->rq, w->ids, 2, &again);
    TRY(db_flush(w->rq->db));
    return check_again(w, people, &again, &locked);
}

/* The record that takes over; none, when both identifiers are of one record. */
static struct place into_of(const struct work *w)
{
    struct place none = {0, 0};

    return place_eq(w->hits[0].place, w->hits[1].place) ? none : w->hits[0].place;
}

static enum status merge(struct request *rq, const struct mpi_merge *m, bool whole,
                         struct mpi_merged *out)
{
    struct work *w = ARENA_NEW(rq->arena, struct work);
    struct mpi_relink *l = ARENA_NEW(rq->arena, struct mpi_relink);
    struct mpi_people people;

    *w = (struct work){.rq = rq, .merge = m, .ids = {m->surviving, m->subsumed}};
    TRY(look(w, &people));
    TRY(look_under_locks(w, &people));
    *l = (struct mpi_relink){
        .rq = rq,
        .kind = whole ? "xad" : "local",
        .reason = "merge",
        .event = "A40",
        .by = str_printf(rq->arena, "member:%.*s", STR_ARG(m->member->name)),
        .persons = {[MPI_TO] = w->persons[0], [MPI_FROM] = w->persons[1]},
        .same = person_ref_eq(w->persons[0].ref, w->persons[1].ref),
    };
    TRY(mpi_relink_read(l));
    if (whole && !l->same)
        mpi_relink_all(l);
    else if (!l->same)
        mpi_relink_record(l, w->hits[1].place);
    if (!whole)
        mpi_relink_retire(l, m->subsumed, into_of(w));
    l->change = l->emptied ? MPI_CHANGE_MERGE : MPI_CHANGE_LINK;
    TRY(mpi_relink_write(l));
    *out = (struct mpi_merged){
        .surviving = w->persons[0].ref,
        .subsumed = w->persons[1].ref,
        .emptied = l->emptied,
    };
    return OK;
}

enum status mpi_merge_local(struct request *rq, const struct mpi_merge *m, struct mpi_merged *out)
{
    return merge(rq, m, false, out);
}

enum status mpi_merge_xad(struct request *rq, const struct mpi_merge *m, struct mpi_merged *out)
{
    return merge(rq, m, true, out);
}
