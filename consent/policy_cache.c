#include "consent/policy_cache.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/keep.h"

/* The head of a block; behind it lie policies, rules, conditions, values and strings. */
struct entry {
    struct kept kept;
    struct consent_known known;
};

static struct keep cache = {.bytes_most = (size_t)256 << 20};

void consent_cache_init(size_t bytes)
{
    cache.bytes_most = bytes;
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

static void dispose(struct kept *k)
{
    free(k);
}

static struct entry *entry_new(const struct consent_known *known)
{
    struct packing p = {NULL, sizeof(struct entry)};
    struct entry *e;

    pack_known(&p, known);
    e = malloc(p.n);
    must(e != NULL, "out of memory");
    *e = (struct entry){.kept = {.key = known->person.pkey, .bytes = p.n, .dispose = dispose}};
    p = (struct packing){(char *)e, sizeof(*e)};
    e->known = pack_known(&p, known);
    return e;
}

/* --- the cache ------------------------------------------------------------------------------- */

size_t consent_cache_at(struct arena *a, int64_t pkey, const struct consent_known **out)
{
    struct kept *kept[CONSENT_KNOWN_MAX];
    size_t n = keep_take(&cache, a, pkey, NULL, NULL, kept, CONSENT_KNOWN_MAX);

    for (size_t i = 0; i < n; i++)
        out[i] = &((struct entry *)kept[i])->known;
    return n;
}

static enum keep_which choose(const struct kept *old, const struct kept *k)
{
    const struct consent_known *was = &((const struct entry *)old)->known;
    const struct consent_known *is = &((const struct entry *)k)->known;

    if (!person_ref_eq(was->person, is->person))
        return KEEP_BOTH;
    return was->epoch >= is->epoch ? KEEP_OLD : KEEP_NEW;
}

void consent_cache_put(const struct consent_known *known)
{
    keep_put(&cache, &entry_new(known)->kept, choose);
}

struct keep_size consent_cache_measure(void)
{
    return keep_measure(&cache);
}
