#include "consent/filing.h"

static struct str member_named(void *context, struct str name)
{
    const struct member_directory *members = context;
    const struct member *m = member_by_name(members, name);

    for (size_t i = 0; m == NULL && i < members->count; i++)
        if (str_eq(members->members[i].organization, name))
            m = &members->members[i];
    return m ? m->name : STR_NONE;
}

struct consent_actors consent_actors_of(const struct member_directory *members)
{
    return (struct consent_actors){member_named, (void *)(uintptr_t)members};
}

void consent_domain_policies_queue(struct db *db, const struct str *oids, size_t count,
                                   struct rows *out)
{
    static const struct statement FIND = {
        "consent_domain_policies",
        "SELECT oid, name, rules, version, since, set_by\n"
        "  FROM consent_domain_policy\n"
        " WHERE until IS NULL\n"
        "   AND ($1::text[] IS NULL OR oid = ANY($1))\n"
        " ORDER BY oid",
    };

    db_queue(db, &FIND, out, oids ? DB_TEXTS(oids, count) : DB_NULL(DB_TYPE_TEXTS));
}

static void raise_flag(struct db *db, const struct consent_filing *f, struct uuid policy,
                       struct str element)
{
    static const struct statement RAISE = {
        "consent_flag_raise",
        "INSERT INTO consent_flag (pkey, person_id, policy_id, element, origin, raised_at)\n"
        "VALUES ($1, $2, $3, $4, $5, $6)\n"
        "ON CONFLICT DO NOTHING",
    };

    for (size_t i = 0; i < f->change.count; i++)
        db_queue(db, &RAISE, NULL, DB_INT8(f->change.persons[i].pkey),
                 DB_INT8(f->change.persons[i].person_id), DB_UUID(policy), DB_TEXT(element),
                 DB_TEXT(f->origin), DB_TIME(f->change.at_us));
}

static struct uuid put(struct db *db, struct arena *a, const struct consent_filing *f,
                       const struct consent_rule *rule, int64_t from_us, int64_t until_us)
{
    struct consent_policy p = {.id = uuid_v7(),
                               .version = 1,
                               .effect = rule->effect,
                               .rules = rule,
                               .valid_from_us = from_us,
                               .valid_until_us = until_us};

    consent_store_add(db, a, &f->change, &p);
    return p.id;
}

struct consent_filed consent_file(struct db *db, struct arena *a, const struct consent_filing *f,
                                  const struct consent_meaning *meaning)
{
    struct consent_filed out = {ARENA_ARRAY(a, meaning->count + 1, struct uuid), 0,
                                meaning->strange_count};

    if (out.flags == 0) {
        for (size_t i = 0; i < meaning->count; i++)
            out.policies[out.count++] = put(db, a, f, &meaning->rules[i], f->from_us, f->until_us);
        return out;
    }
    /* Nobody knows from when to when: always, until a steward has seen to it. */
    out.policies[out.count++] = put(db, a, f, &CONSENT_DENY_ALL, INT64_MIN, INT64_MAX);
    for (size_t i = 0; i < meaning->strange_count; i++)
        raise_flag(db, f, out.policies[0], meaning->strange[i]);
    return out;
}
