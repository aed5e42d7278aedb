#include "gateway/denials.h"

#include "consent/people_store.h"
#include "mpi/identity.h"

enum { FROM, TO };

static bool is_of(const struct person *person, struct person_ref ref)
{
    for (size_t i = 0; i < person->constituent_count; i++)
        if (person_ref_eq(person->constituents[i], ref))
            return true;
    return false;
}

/* The denials of one policy, as policies of their own. Rules that cannot be read deny all. */
static size_t denials_of(struct arena *a, const struct consent_policy *p,
                         const struct consent_policy **out)
{
    size_t n = 1;
    const struct consent_rule *rules =
        p->rules != NULL && !p->unreadable ? consent_rule_denials(a, p->rules, &n) : NULL;
    struct consent_policy *all = ARENA_ARRAY(a, n, struct consent_policy);

    *out = all;
    if (rules == NULL && p->effect == CONSENT_PERMIT && !p->unreadable)
        return 0;
    for (size_t i = 0; i < n; i++) {
        all[i] = *p;
        all[i].effect = CONSENT_DENY;
        all[i].rules = rules != NULL ? &rules[i] : NULL;
        all[i].unreadable = false;
    }
    return n;
}

static struct str rules_text(struct arena *a, const struct consent_policy *p)
{
    return p->rules != NULL ? consent_rule_write(a, p->rules) : STR("");
}

static bool same_denial(struct arena *a, const struct consent_policy *x,
                        const struct consent_policy *y)
{
    return x->member_id == y->member_id && x->valid_from_us == y->valid_from_us &&
           x->valid_until_us == y->valid_until_us && str_eq(rules_text(a, x), rules_text(a, y));
}

struct denials {
    struct consent_policy *v;
    size_t n;
};

static bool has(struct arena *a, const struct denials *d, const struct consent_policy *p)
{
    for (size_t i = 0; i < d->n; i++)
        if (same_denial(a, &d->v[i], p))
            return true;
    return false;
}

static void gather(struct arena *a, const struct consent_policy *p, struct denials *d)
{
    const struct consent_policy *each;
    size_t n = denials_of(a, p, &each);
    struct consent_policy *more = ARENA_ARRAY(a, d->n + n, struct consent_policy);

    for (size_t i = 0; i < d->n; i++)
        more[i] = d->v[i];
    d->v = more;
    for (size_t i = 0; i < n; i++)
        if (!has(a, d, &each[i]))
            d->v[d->n++] = each[i];
}

static bool is_known_to(const struct consent_policies *all, const struct person *to,
                        struct str user)
{
    for (size_t i = 0; i < all->relation_count; i++)
        if (is_of(to, all->relations[i].person) && str_eq(all->relations[i].user, user))
            return true;
    return false;
}

/* Who represents the one represents nobody else; but what they were kept from, the other's default
 * must not show them: to the other they are representatives whose time is over. */
static void carry_relations(struct request *rq, const struct consent_change *change,
                            const struct consent_policies *all, const struct person *to)
{
    for (size_t i = 0; i < all->relation_count; i++) {
        struct consent_relation r = all->relations[i];

        if (is_of(to, r.person) || r.kind == CONSENT_CARETEAM || is_known_to(all, to, r.user))
            continue;
        r.id = uuid_v7();
        r.valid_from_us = INT64_MIN;
        r.valid_until_us = change->at_us;
        people_relation_add(rq->db, rq->arena, change, &r, change->by);
    }
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
    struct denials known = {NULL, 0};
    size_t old;

    for (size_t i = 0; i < all->count; i++)
        if (is_of(to, all->items[i].person))
            gather(rq->arena, &all->items[i], &known);
    old = known.n;
    for (size_t i = 0; i < all->count; i++)
        if (!is_of(to, all->items[i].person))
            gather(rq->arena, &all->items[i], &known);
    for (size_t i = old; i < known.n; i++) {
        known.v[i].id = uuid_v7();
        consent_store_add(rq->db, rq->arena, &change, &known.v[i]);
    }
    carry_relations(rq, &change, all, to);
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
