#include "mpi/guess.h"

#include "hub/base/hints.h"
#include "hub/principal.h"

enum { PLACES_MOST = 5 };

struct kept {
    struct person_ref person;
    uint64_t place_count;
    struct place places[PLACES_MOST];
};

_Static_assert(sizeof(struct kept) <= HINT_BYTES, "a person is no hint");

static struct hints persons;

static uint64_t key_of(const struct request *rq, const struct mpi_lookup *lookup)
{
    return hints_key(principal_hash(rq), (uint64_t)lookup->keys[0]);
}

bool mpi_guess_queue(struct request *rq, const struct mpi_lookup *lookup, struct mpi_guess *guess)
{
    struct kept kept;

    if (!hints_get(&persons, key_of(rq, lookup), &kept, sizeof(kept)))
        return false;
    guess->person = (struct person){
        .ref = kept.person,
        .places = arena_copy(rq->arena, kept.places, kept.place_count * sizeof(*kept.places)),
        .place_count = kept.place_count,
        .constituents = arena_copy(rq->arena, &kept.person, sizeof(kept.person)),
        .constituent_count = 1,
    };
    mpi_people_queue(rq, &guess->person.ref, 1, &guess->people);
    return true;
}

static bool same(const struct person *x, const struct person *y)
{
    if (!person_ref_eq(x->ref, y->ref) || !person_is_alone(x) || !person_is_alone(y) ||
        x->place_count != y->place_count)
        return false;
    for (size_t i = 0; i < x->place_count; i++)
        if (!place_eq(x->places[i], y->places[i]))
            return false;
    return true;
}

enum status mpi_guess_read(struct request *rq, struct mpi_guess *guess, struct person_ref person,
                           bool *holds)
{
    *holds = false;
    if (!person_ref_eq(person, guess->person.ref))
        return OK;
    TRY(mpi_people_read(rq, &guess->people));
    *holds = same(&guess->people.people[0], &guess->person);
    return OK;
}

void mpi_guess_keep(const struct request *rq, const struct mpi_lookup *lookup,
                    const struct person *person)
{
    struct kept kept = {.person = person->ref, .place_count = person->place_count};

    if (!person_is_alone(person) || person->place_count > PLACES_MOST)
        return;
    for (size_t i = 0; i < person->place_count; i++)
        kept.places[i] = person->places[i];
    hints_put(&persons, key_of(rq, lookup), &kept, sizeof(kept));
}
