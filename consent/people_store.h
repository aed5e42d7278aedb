/* The tables of people around patients: who represents whom, emergencies, and what the domain says
 * of ages and of emergencies.
 *
 * Relations and emergencies are read with the policies, by their statement (consent/consent_store);
 * ages and terms with the domain. Queueing functions do not flush; nothing here begins or commits.
 * Every change ends the version before it and bumps the epochs that it can concern. */
#pragma once

#include "consent/consent_store.h"
#include "consent/domain_store.h"

/* --- what is read with policies and domain --------------------------------------------------- */

/* Between the seven columns that a policy, a relation and an emergency share (id, version, word,
 * member, from, until, rules) and the caller's own: `what` says which it is. */
#define PEOPLE_COLUMNS "what, user_id, assertion, birth, by_minority"
#define PEOPLE_OF_POLICY                                                                           \
    "'policy' AS what, NULL::text AS user_id, NULL::text AS assertion, NULL::integer AS birth,"    \
    " NULL::boolean AS by_minority"
#define PEOPLE_RELATION(between)                                                                   \
    "relation_id, version, kind, NULL::bigint, valid_from, valid_until, scope, " between           \
    "'relation', user_id, NULL, birth, by_minority"
#define PEOPLE_EMERGENCY(between)                                                                  \
    "emergency_id, 0, '', member_id, opened_at, until_at, NULL, " between                          \
    "'emergency', user_id, assertion, NULL, NULL"

enum people_kind { PEOPLE_POLICY, PEOPLE_RELATION_ROW, PEOPLE_EMERGENCY_ROW };
/* Which it is, by the column `what`. */
enum people_kind people_row_kind(const struct rows *rows, int row, int column);
/* pkey and person_id in columns 0 and 1, the shared seven from 2 on, PEOPLE_COLUMNS from
 * `column` on. Strings are borrowed from the rows. */
struct consent_relation people_relation_row(struct arena *a, const struct rows *rows, int row,
                                            int column);
struct consent_emergency people_emergency_row(const struct rows *rows, int row, int column);

/* The domain's ages and terms of emergencies; as_of_us 0: those in force. */
struct people_domain_rows {
    struct rows ages, terms;
};
void people_domain_queue(struct db *db, int64_t as_of_us, struct people_domain_rows *out);
void people_domain_read(struct arena *a, const struct people_domain_rows *rows,
                        struct consent_domain *out);

/* --- changes --------------------------------------------------------------------------------- */

/* The age of majority (attribute 'majority', code empty) or of a category; age below 0 ends it.
 * `ended` has a row where there was one. */
void people_age_set(struct db *db, const struct domain_change *change, struct str attribute,
                    struct str code, int age, struct rows *ended);
/* The terms for a purpose; box_minutes 0 ends them. */
void people_terms_set(struct db *db, const struct domain_change *change, struct str purpose,
                      int box_minutes, int review_hours, struct rows *ended);

/* Version 1 of a relation for each constituent. r->person is not used. */
void people_relation_add(struct db *db, struct arena *a, const struct consent_change *change,
                         const struct consent_relation *r, struct str evidence);
/* The index knows the birth date (YYYYMMDD) of these persons better now: their current relations
 * go by it from here on, as versions of their own. Bumps the epochs of those that have any. */
void people_birth_correct(struct db *db, struct arena *a, const struct consent_change *change,
                          int32_t birth);
/* Ends it at the change's instant: it denies from then on. `ended` has a row for each constituent
 * that had it, and whose end is not earlier. */
void people_relation_end(struct db *db, struct arena *a, const struct consent_change *change,
                         struct uuid relation, struct rows *ended);
/* Takes it back, as if it had been a mistake: its user is a stranger again. */
void people_relation_take_back(struct db *db, struct arena *a, const struct consent_change *change,
                               struct uuid relation, struct rows *ended);
