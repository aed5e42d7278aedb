#include "hub/command/audit/alert.h"

#include <inttypes.h>

#include "hub/base/hash.h"

static const struct statement ADD = {
    "alert_add",
    "INSERT INTO audit_alert (akey, rule, at, raised_at, user_id, member_id, pkey, person_id, why,"
    "  record_pkeys, record_ats, record_ids)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    " ON CONFLICT (akey) DO NOTHING",
};

static int64_t key_of(struct arena *a, enum audit_rule rule, struct str user, int64_t member_id,
                      struct person_ref person, int64_t at_us)
{
    struct str text =
        str_printf(a, "%s\n%.*s\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%" PRId64,
                   audit_rule_texts[rule].word, STR_ARG(user), user.n > 0 ? 0 : member_id,
                   person.pkey, person.person_id, at_us / US_PER_DAY);

    return hash_key(&text, 1);
}

static struct alert *find(const struct alerts *list, int64_t akey)
{
    for (struct alert *x = list->first; x != NULL; x = x->next)
        if (x->akey == akey)
            return x;
    return NULL;
}

struct alert *alert_add(struct alerts *list, enum audit_rule rule, struct str user,
                        int64_t member_id, struct person_ref person,
                        const struct audit_position *record)
{
    int64_t akey = key_of(list->arena, rule, user, member_id, person, record->at_us);
    struct alert *x = find(list, akey);

    if (x == NULL) {
        x = ARENA_NEW(list->arena, struct alert);
        *x = (struct alert){.akey = akey,
                            .rule = rule,
                            .at_us = record->at_us,
                            .user = user,
                            .member_id = member_id,
                            .person = person,
                            .why = str_from(audit_rule_texts[rule].definition)};
        if (list->last == NULL)
            list->first = x;
        else
            list->last->next = x;
        list->last = x;
        list->count++;
    }
    if (x->record_count < ALERT_RECORDS)
        x->records[x->record_count++] = *record;
    return x;
}

static struct db_value id_or_null(int64_t id)
{
    return id != 0 ? DB_INT8(id) : DB_NULL(DB_TYPE_INT8);
}

static void alert_queue(struct db *db, struct arena *a, const struct alert *x, int64_t now_us,
                        struct rows *stored)
{
    int64_t *pkeys = ARENA_ARRAY(a, ALERT_RECORDS, int64_t);
    int64_t *ats = ARENA_ARRAY(a, ALERT_RECORDS, int64_t);
    struct uuid *ids = ARENA_ARRAY(a, ALERT_RECORDS, struct uuid);

    for (size_t i = 0; i < x->record_count; i++) {
        pkeys[i] = x->records[i].pkey;
        ats[i] = x->records[i].at_us;
        ids[i] = x->records[i].id;
    }
    db_queue(db, &ADD, stored, DB_INT8(x->akey), DB_TEXT(str_from(audit_rule_texts[x->rule].word)),
             DB_TIME(x->at_us), DB_TIME(now_us), DB_TEXT(x->user.n > 0 ? x->user : STR_NONE),
             id_or_null(x->member_id),
             x->person.person_id != 0 ? DB_INT8(x->person.pkey) : DB_NULL(DB_TYPE_INT8),
             id_or_null(x->person.person_id), DB_TEXT(x->why), DB_INT8S(pkeys, x->record_count),
             DB_TIMES(ats, x->record_count), DB_UUIDS(ids, x->record_count));
}

void alerts_queue(struct db *db, const struct alerts *list, int64_t now_us, struct rows *stored)
{
    size_t i = 0;

    for (const struct alert *x = list->first; x != NULL; x = x->next)
        alert_queue(db, list->arena, x, now_us, &stored[i++]);
}
