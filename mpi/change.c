#include "mpi/change.h"

#include "mpi/identity.h"
#include "mpi/store.h"

struct mpi_id_list mpi_active_ids(struct request *rq, const struct mpi_record *r)
{
    struct identifier *out = ARENA_ARRAY(rq->arena, r->id_count, struct identifier);
    size_t n = 0;

    for (size_t i = 0; i < r->id_count; i++)
        if (r->states[i] == MPI_STATE_ACTIVE)
            out[n++] = r->ids[i];
    return (struct mpi_id_list){out, n};
}

static mpi_change_observer observe;

void mpi_change_set_observer(mpi_change_observer observer)
{
    observe = observer;
}

enum status mpi_change_tell(struct request *rq, const struct mpi_change *change)
{
    return observe != NULL ? observe(rq, change) : OK;
}

static const struct mpi_changed_record *changed(const struct mpi_change *c, struct place place)
{
    for (size_t i = 0; i < c->record_count; i++)
        if (place_eq(c->records[i].place, place))
            return &c->records[i];
    return NULL;
}

static size_t add_list(struct identifier *to, size_t n, struct mpi_id_list list)
{
    for (size_t i = 0; i < list.count; i++)
        to[n++] = list.items[i];
    return n;
}

/* What the person's records carry now; those that did not change carried it before as well. */
static void sort_out(struct request *rq, const struct mpi_change *c, struct person_ref person,
                     const struct mpi_identifiers *now, struct mpi_id_list *before,
                     struct mpi_id_list *after)
{
    size_t most = now->count, had = 0, has = 0;
    struct identifier *earlier, *later = ARENA_ARRAY(rq->arena, now->count, struct identifier);

    for (size_t i = 0; i < c->record_count; i++)
        most += c->records[i].before.count;
    earlier = ARENA_ARRAY(rq->arena, most, struct identifier);
    for (size_t i = 0; i < now->count; i++) {
        if (!now->items[i].active)
            continue;
        later[has++] = now->items[i].id;
        if (changed(c, now->items[i].place) == NULL)
            earlier[had++] = now->items[i].id;
    }
    for (size_t i = 0; i < c->record_count; i++)
        if (person_ref_eq(c->records[i].from, person))
            had = add_list(earlier, had, c->records[i].before);
    *before = (struct mpi_id_list){earlier, had};
    *after = (struct mpi_id_list){later, has};
}

enum status mpi_change_identifiers(struct request *rq, const struct mpi_change *change,
                                   const struct mpi_changed_person *person,
                                   struct mpi_id_list *before, struct mpi_id_list *after)
{
    struct person now = {
        .ref = person->ref,
        .places = arena_copy(rq->arena, person->places, person->place_count * sizeof(struct place)),
        .place_count = person->place_count,
    };
    struct mpi_identifiers ids;

    mpi_identifiers_queue(rq, &now, &ids);
    TRY(db_flush(rq->db));
    TRY(mpi_identifiers_read(rq, &ids));
    sort_out(rq, change, person->ref, &ids, before, after);
    return OK;
}
