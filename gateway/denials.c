#include "gateway/denials.h"

#include "consent/consent_store.h"
#include "mpi/identity.h"

enum { FROM, TO };

static bool is_of(const struct person *person, const struct consent_policy *p)
{
    for (size_t i = 0; i < person->constituent_count; i++)
        if (person->constituents[i].pkey == p->person.pkey &&
            person->constituents[i].person_id == p->person.person_id)
            return true;
    return false;
}

static bool same_denial(const struct consent_policy *a, const struct consent_policy *b)
{
    return a->effect == CONSENT_DENY && b->effect == CONSENT_DENY && a->member_id == b->member_id &&
           a->valid_from_us == b->valid_from_us && a->valid_until_us == b->valid_until_us;
}

/* Has the new person such a denial already, of its own or from another constituent of the old one?
 */
static bool is_known(const struct consent_policies *all, size_t i, const struct person *to)
{
    for (size_t j = 0; j < all->count; j++)
        if (same_denial(&all->items[i], &all->items[j]) && (j < i || is_of(to, &all->items[j])))
            return true;
    return false;
}

static void carry(struct request *rq, struct str by, const struct consent_policies *all,
                  const struct person *to)
{
    struct consent_change change = {
        .persons = to->constituents,
        .count = to->constituent_count,
        .at_us = rq->now_us,
        .by = str_printf(rq->arena, "merge:%.*s", STR_ARG(by)),
    };

    for (size_t i = 0; i < all->count; i++) {
        struct consent_policy p = all->items[i];

        if (p.effect != CONSENT_DENY || is_of(to, &p) || is_known(all, i, to))
            continue;
        p.id = uuid_v7();
        consent_store_add(rq->db, rq->arena, &change, &p);
    }
}

enum status denials_carry(struct request *rq, struct str by, struct person_ref from,
                          struct person_ref to)
{
    struct person_ref refs[] = {[FROM] = from, [TO] = to};
    struct mpi_people people;
    struct consent_policies all;
    struct person_ref *persons;
    size_t n = 0;

    mpi_people_queue(rq, refs, 2, &people);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, &people));
    persons =
        ARENA_ARRAY(rq->arena,
                    people.people[FROM].constituent_count + people.people[TO].constituent_count,
                    struct person_ref);
    for (int side = FROM; side <= TO; side++)
        for (size_t i = 0; i < people.people[side].constituent_count; i++)
            persons[n++] = people.people[side].constituents[i];
    consent_queue(rq, persons, n, &all);
    TRY(db_flush(rq->db));
    TRY(consent_read(rq, &all));
    carry(rq, by, &all, &people.people[TO]);
    return OK;
}
