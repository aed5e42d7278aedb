#include "consent/policy_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64, FIRST_BUCKETS = 64 };

/* The head of a block; behind it lie policies, rules, conditions, values and strings. */
struct entry {
    struct consent_known known;
    struct entry *chain;         /* of the bucket */
    struct entry *newer, *older; /* of the shard, in a ring that the hand walks */
    size_t bytes;
    unsigned holders; /* the cache is one */
    bool used;        /* since the hand passed */
};

static struct shard {
    pthread_mutex_t lock;
    struct entry **buckets;
    size_t bucket_count, entries, bytes;
    struct entry *hand;
} shards[SHARDS];

static size_t shard_bytes = (size_t)4 << 20;

void consent_cache_init(size_t bytes)
{
    shard_bytes = bytes / SHARDS;
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&shards[i].lock, NULL);
}

static uint64_t mix(int64_t pkey)
{
    uint64_t h = (uint64_t)pkey * 0x9e3779b97f4a7c15u;

    return h ^ h >> 32;
}

static struct shard *shard_of(int64_t pkey)
{
    return &shards[mix(pkey) % SHARDS];
}

static struct entry **bucket_of(struct shard *s, int64_t pkey)
{
    return &s->buckets[mix(pkey) / SHARDS & (s->bucket_count - 1)];
}

static void let_go(void *p)
{
    struct entry *e = p;

    if (__atomic_sub_fetch(&e->holders, 1, __ATOMIC_ACQ_REL) == 0)
        free(e);
}

/* --- one block ------------------------------------------------------------------------------- */

/* Copies when `at` points into a block; counts alone when it is NULL. */
struct packing {
    char *at;
    size_t n;
};

static void *pack(struct packing *p, const void *from, size_t n, size_t align)
{
    char *to;

    p->n = (p->n + align - 1) & ~(align - 1);
    to = p->at != NULL ? p->at + p->n : NULL;
    p->n += n;
    if (to != NULL && n > 0)
        memcpy(to, from, n);
    return to;
}

static struct str pack_text(struct packing *p, struct str s)
{
    return (struct str){pack(p, s.p, s.n, 1), s.n};
}

static void pack_conditions(struct packing *p, const struct consent_rule *from,
                            struct consent_rule *to)
{
    struct consent_condition *conditions =
        pack(p, from->conditions, from->condition_count * sizeof(*from->conditions), 8);

    for (size_t i = 0; i < from->condition_count; i++) {
        const struct consent_condition *c = &from->conditions[i];
        struct coded *values;

        if (consent_attribute_of(c->what) == CONSENT_OF_TIME)
            continue;
        values = pack(p, c->values, c->count * sizeof(*c->values), 8);
        for (size_t j = 0; j < c->count; j++) {
            struct coded value = {pack_text(p, c->values[j].code),
                                  pack_text(p, c->values[j].system)};

            if (values != NULL)
                values[j] = value;
        }
        if (conditions != NULL)
            conditions[i].values = values;
    }
    if (to != NULL)
        to->conditions = conditions;
}

static void pack_rule(struct packing *p, const struct consent_rule *from, struct consent_rule *to)
{
    struct consent_rule *exceptions;

    pack_conditions(p, from, to);
    exceptions = pack(p, from->exceptions, from->exception_count * sizeof(*from->exceptions), 8);
    for (size_t i = 0; i < from->exception_count; i++)
        pack_rule(p, &from->exceptions[i], exceptions != NULL ? &exceptions[i] : NULL);
    if (to != NULL)
        to->exceptions = exceptions;
}

static const struct consent_policy *pack_policies(struct packing *p,
                                                  const struct consent_policy *from, size_t count)
{
    struct consent_policy *policies = pack(p, from, count * sizeof(*from), 8);

    for (size_t i = 0; i < count; i++) {
        struct consent_rule *rule;

        if (from[i].rules == NULL)
            continue;
        rule = pack(p, from[i].rules, sizeof(*rule), 8);
        pack_rule(p, from[i].rules, rule);
        if (policies != NULL)
            policies[i].rules = rule;
    }
    return policies;
}

static const struct consent_relation *
pack_relations(struct packing *p, const struct consent_relation *from, size_t count)
{
    struct consent_relation *to = pack(p, from, count * sizeof(*from), 8);

    for (size_t i = 0; i < count; i++) {
        struct str user = pack_text(p, from[i].user);
        struct consent_rule *scope = NULL;

        if (from[i].scope != NULL) {
            scope = pack(p, from[i].scope, sizeof(*scope), 8);
            pack_rule(p, from[i].scope, scope);
        }
        if (to != NULL) {
            to[i].user = user;
            to[i].scope = scope;
        }
    }
    return to;
}

static const struct consent_emergency *
pack_emergencies(struct packing *p, const struct consent_emergency *from, size_t count)
{
    struct consent_emergency *to = pack(p, from, count * sizeof(*from), 8);

    for (size_t i = 0; i < count; i++) {
        struct str user = pack_text(p, from[i].user), assertion = pack_text(p, from[i].assertion);

        if (to != NULL) {
            to[i].user = user;
            to[i].assertion = assertion;
        }
    }
    return to;
}

static struct consent_known pack_known(struct packing *p, const struct consent_known *from)
{
    struct consent_known to = *from;

    to.policies = pack_policies(p, from->policies, from->count);
    to.relations = pack_relations(p, from->relations, from->relation_count);
    to.emergencies = pack_emergencies(p, from->emergencies, from->emergency_count);
    return to;
}

static struct entry *entry_new(const struct consent_known *known)
{
    struct packing p = {NULL, sizeof(struct entry)};
    struct entry *e;

    pack_known(&p, known);
    e = malloc(p.n);
    must(e != NULL, "out of memory");
    *e = (struct entry){.bytes = p.n, .holders = 1, .used = true};
    p = (struct packing){(char *)e, sizeof(*e)};
    e->known = pack_known(&p, known);
    return e;
}

/* --- a shard --------------------------------------------------------------------------------- */

static void take_out(struct shard *s, struct entry *e)
{
    struct entry **at = bucket_of(s, e->known.person.pkey);

    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    if (s->hand == e)
        s->hand = e->newer != e ? e->newer : NULL;
    e->newer->older = e->older;
    e->older->newer = e->newer;
    s->entries--;
    s->bytes -= e->bytes;
    let_go(e);
}

/* What was used since the hand came by last gets another round. */
static void make_room(struct shard *s, size_t bytes)
{
    while (s->hand != NULL && s->bytes + bytes > shard_bytes) {
        struct entry *e = s->hand;

        s->hand = e->newer;
        if (e->used)
            e->used = false;
        else
            take_out(s, e);
    }
}

static void grow(struct shard *s)
{
    struct entry **old = s->buckets;
    size_t count = s->bucket_count;

    if (s->entries < s->bucket_count)
        return;
    s->bucket_count = count == 0 ? FIRST_BUCKETS : 2 * count;
    s->buckets = calloc(s->bucket_count, sizeof(*s->buckets));
    must(s->buckets != NULL, "out of memory");
    for (size_t i = 0; i < count; i++)
        for (struct entry *e = old[i], *next; e != NULL; e = next) {
            struct entry **at = bucket_of(s, e->known.person.pkey);

            next = e->chain;
            e->chain = *at;
            *at = e;
        }
    free(old);
}

static void put_in(struct shard *s, struct entry *e)
{
    struct entry **at;

    grow(s);
    at = bucket_of(s, e->known.person.pkey);
    e->chain = *at;
    *at = e;
    if (s->hand == NULL) {
        e->newer = e->older = s->hand = e;
    } else { /* behind the hand: the last that it comes to */
        e->newer = s->hand;
        e->older = s->hand->older;
        e->older->newer = e;
        s->hand->older = e;
    }
    s->entries++;
    s->bytes += e->bytes;
}

static struct entry *find(struct shard *s, struct person_ref person)
{
    struct entry *e = s->bucket_count > 0 ? *bucket_of(s, person.pkey) : NULL;

    while (e != NULL && !person_ref_eq(e->known.person, person))
        e = e->chain;
    return e;
}

size_t consent_cache_at(struct arena *a, int64_t pkey, const struct consent_known **out, size_t cap)
{
    struct shard *s = shard_of(pkey);
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    for (struct entry *e = s->bucket_count > 0 ? *bucket_of(s, pkey) : NULL; e != NULL && n < cap;
         e = e->chain)
        if (e->known.person.pkey == pkey) {
            __atomic_add_fetch(&e->holders, 1, __ATOMIC_RELAXED);
            e->used = true;
            out[n++] = &e->known;
        }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++)
        arena_defer(a, let_go, (struct entry *)out[i]);
    return n;
}

void consent_cache_put(const struct consent_known *known)
{
    struct entry *e = entry_new(known), *old;
    struct shard *s = shard_of(known->person.pkey);

    if (e->bytes > shard_bytes) {
        let_go(e);
        return;
    }
    pthread_mutex_lock(&s->lock);
    old = find(s, known->person);
    if (old != NULL && old->known.epoch >= known->epoch) {
        let_go(e);
    } else {
        if (old != NULL)
            take_out(s, old);
        make_room(s, e->bytes);
        put_in(s, e);
    }
    pthread_mutex_unlock(&s->lock);
}

struct consent_cache_size consent_cache_measure(void)
{
    struct consent_cache_size all = {0, 0};

    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&shards[i].lock);
        all.entries += shards[i].entries;
        all.bytes += shards[i].bytes + shards[i].bucket_count * sizeof(struct entry *);
        pthread_mutex_unlock(&shards[i].lock);
    }
    return all;
}
