/* Alerts: what the rules found, with the records behind it. */
#pragma once

#include "hub/audit/record_cipher.h"
#include "hub/audit/rules.h"
#include "hub/command/operation.h"

enum { ALERT_RECORDS = 50 };

struct alert {
    int64_t akey;
    enum audit_rule rule;
    int64_t at_us;            /* of the first record */
    struct str user;          /* STR_NONE: the member's machine */
    int64_t member_id;        /* 0: none */
    struct person_ref person; /* 0, 0: none, or several */
    struct str why;
    struct audit_position records[ALERT_RECORDS];
    size_t record_count;
    struct alert *next;
};

struct alerts {
    struct arena *arena;
    struct alert *first, *last;
    size_t count;
};

/* The alert of this rule, user (or member), patient and day (UTC): the one there is, or a new one.
 * Each call adds a record behind it, until there are ALERT_RECORDS. */
struct alert *alert_add(struct alerts *list, enum audit_rule rule, struct str user,
                        int64_t member_id, struct person_ref person,
                        const struct audit_position *record);

/* Queues what is not stored yet; *stored are filled by the flush, list->count of them. */
void alerts_queue(struct db *db, const struct alerts *list, int64_t now_us, struct rows *stored);

extern const struct cli_verb
    audit_alert_verbs[]; /* `causeway audit alerts`: list, show, close... */

/* The alert's key, by its 16 digits; INVALID "usage". */
enum status audit_alert_named(struct operation *o, const char *text, int64_t *akey) MUST_CHECK;
