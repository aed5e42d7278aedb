#include "mpi/feeding.h"
#include "mpi/golden_store.h"
#include "mpi/relink.h"
#include "mpi/search.h"

/* --- identifiers and XAD-PIDs ---------------------------------------------------------------- */

/* The XAD-PID that this feed brings for a person that has none yet, or the same one. */
static enum status check_xad(struct mpi_feeding *w, struct str known)
{
    if (w->xad_pid.n == 0 || known.n == 0 || str_eq(known, w->xad_pid))
        return OK;
    return fail(w->rq->err, INVALID, "OtherXadPid",
                "This patient already has another affinity domain identifier; merge the two with"
                " ADT^A40");
}

static void take_xad(struct mpi_feeding *w)
{
    if (w->xad_pid.n == 0 || w->person.xad_pid.n > 0)
        return;
    mpi_xad_store(w->rq, w->xad_pid, w->hit.person);
    mpi_person_set_xad(w->rq, w->hit.person, w->xad_pid);
    w->person.xad_pid = w->xad_pid;
}

static void store_new_identifiers(struct mpi_feeding *w)
{
    for (size_t i = 0; i < w->feed->id_count; i++)
        if (w->under_locks.hits[i].known == MPI_UNKNOWN)
            mpi_identifier_store(w->rq, w->feed->ids[i], w->after.place, w->hit.person,
                                 w->feed->member_id);
}

/* Identifiers that belong to another record stay there. */
static void drop_foreign_identifiers(struct mpi_feeding *w)
{
    struct mpi_record *r = &w->after;
    size_t kept = w->before.id_count;

    for (size_t i = kept; i < r->id_count; i++) {
        bool elsewhere = false;

        for (size_t j = 0; j < w->under_locks.count; j++)
            elsewhere |= w->under_locks.hits[j].known != MPI_UNKNOWN &&
                         identifier_eq(w->under_locks.ids[j], r->ids[i]);
        if (!elsewhere)
            r->ids[kept++] = r->ids[i];
    }
    r->id_count = kept;
}

/* --- a record that is known ------------------------------------------------------------------ */

/* Locks the person that a record is about to join, and makes sure that it is as it was read. */
static enum status lock_joined(struct mpi_feeding *w, struct mpi_person *out)
{
    const struct mpi_lookalike *l = mpi_search_person(&w->found, w->decision.person);
    struct mpi_locked locked;

    must(l != NULL, "a decision for a person that was not read");
    mpi_persons_queue(w->rq, &l->person.ref, 1, true, &locked);
    TRY(db_flush(w->rq->db));
    if (!mpi_person_read(w->rq, &locked.rows[0], 0, out) || out->link_epoch != l->person.link_epoch)
        return mpi_feeding_moved(w);
    return OK;
}

enum status mpi_feeding_relink(struct mpi_feeding *w)
{
    struct mpi_relink *l = ARENA_NEW(w->rq->arena, struct mpi_relink);

    l->rq = w->rq;
    l->kind = "algorithm";
    l->reason = "demographics";
    l->event = "merge";
    l->change = MPI_CHANGE_MERGE;
    l->by = STR("algorithm");
    l->decision = &w->decision_id;
    l->persons[MPI_FROM] = w->person;
    TRY(lock_joined(w, &l->persons[MPI_TO]));
    TRY(mpi_relink_read(l));
    mpi_relink_all(l);
    TRY(mpi_relink_write(l));
    w->hit.person = l->persons[MPI_TO].ref;
    w->person = l->after[MPI_TO];
    return OK;
}

static enum status store_update(struct mpi_feeding *w)
{
    struct request *rq = w->rq;

    drop_foreign_identifiers(w);
    mpi_record_store(rq, &w->after, w->feed->event);
    mpi_search_store(rq, w->after.place, &w->former, &w->demographics);
    store_new_identifiers(w);
    take_xad(w);
    if (!w->search)
        return OK;
    mpi_block_keys_remove(rq, &w->before, w->keys_before.items, w->keys_before.count);
    mpi_block_keys_store(rq, &w->after, w->keys.items, w->keys.count, w->hit.person);
    TRY(mpi_feeding_decide(w));
    mpi_feeding_keep_decision(w);
    mpi_feeding_check_overlay(w);
    return OK;
}

static enum status store_golden(struct mpi_feeding *w)
{
    struct mpi_record *all = ARENA_ARRAY(w->rq->arena, w->other_count + 1, struct mpi_record);

    for (size_t i = 0; i < w->other_count; i++)
        all[i] = w->others[i];
    all[w->other_count] = w->after;
    return mpi_golden_store(w->rq, w->hit.person, all, w->other_count + 1);
}

enum status mpi_feeding_update(struct mpi_feeding *w)
{
    w->xad_before = w->person.xad_pid;
    TRY(check_xad(w, w->person.xad_pid));
    mpi_feeding_check_identifiers(w);
    if (!w->changed)
        return OK;
    TRY(mpi_feeding_read_others(w));
    TRY(store_update(w));
    return store_golden(w);
}

/* --- a new record ---------------------------------------------------------------------------- */

static void link_new(struct mpi_feeding *w, const char *reason)
{
    struct mpi_link link = {
        .place = w->after.place,
        .version = 1,
        .person = w->hit.person,
        .reason = reason,
        .decided_by = STR("algorithm"),
        .decision = &w->decision_id,
    };

    mpi_link_store(w->rq, &link);
}

static void person_of_its_own(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct place *places = ARENA_ARRAY(rq->arena, 2, struct place);
    size_t count = 0;

    places[count++] = w->after.place;
    w->person.xad_pid = w->xad_pid;
    if (mpi_is_hub_issuing(rq)) {
        w->person.xad_pid = uuid_text(rq->arena, uuid_v4());
        w->anchor =
            mpi_anchor_store(rq, w->hit.person, row_int(&w->numbers, 0, 2), w->person.xad_pid);
        places[count++] = w->anchor.place;
    } else if (w->xad_pid.n > 0)
        mpi_xad_store(rq, w->xad_pid, w->hit.person);
    mpi_person_store(rq, w->hit.person, places, count, w->person.xad_pid);
    w->person.places = places;
    w->person.place_count = count;
    w->born = true;
}

static void join_person(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    size_t n = w->person.place_count;
    struct place *places = ARENA_ARRAY(rq->arena, n + 1, struct place);

    for (size_t i = 0; i < n; i++)
        places[i] = w->person.places[i];
    places[n] = w->after.place;
    w->person.places = places;
    w->person.place_count = n + 1;
    w->xad_before = w->person.xad_pid;
    mpi_person_add_place(rq, w->hit.person, w->after.place);
    take_xad(w);
}

/* Whom it joins, or the person that is made for it; and where it lies. */
static enum status find_person(struct mpi_feeding *w)
{
    struct place *place = &w->after.place;

    *place = (struct place){row_int(&w->numbers, 0, 0), row_int(&w->numbers, 0, 1)};
    w->hit.person = (struct person_ref){place->pkey, row_int(&w->numbers, 0, 3)};
    if (w->decision.outcome != MPI_VERDICT_LINK)
        return OK;
    TRY(lock_joined(w, &w->person));
    w->others = mpi_search_person(&w->found, w->decision.person)->records;
    w->other_count = mpi_search_person(&w->found, w->decision.person)->record_count;
    w->hit.person = w->decision.person;
    place->pkey = w->hit.person.pkey;
    return OK;
}

enum status mpi_feeding_add(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    bool joins;

    TRY(mpi_feeding_decide(w));
    TRY(find_person(w));
    joins = w->decision.outcome == MPI_VERDICT_LINK;
    mpi_feeding_keep_decision(w);
    mpi_record_store(rq, &w->after, w->feed->event);
    link_new(w, joins ? "demographics" : "new");
    store_new_identifiers(w);
    mpi_block_keys_store(rq, &w->after, w->keys.items, w->keys.count, w->hit.person);
    mpi_search_store(rq, w->after.place, NULL, &w->demographics);
    if (joins)
        join_person(w);
    else
        person_of_its_own(w);
    return store_golden(w);
}
