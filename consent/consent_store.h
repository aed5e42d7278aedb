/* The consents' tables: the statements behind consent_queue and behind `causeway consent`.
 *
 * Queueing functions add to the caller's pipeline and do not flush; nothing here begins or
 * commits. Every change ends the version before it and bumps the epochs that it can concern. */
#pragma once

#include "consent/consent.h"

/* As consent_queue; as_of_us 0 reads what is current, else what the hub knew at that instant. */
void consent_store_queue(struct db *db, struct arena *a, const struct person_ref *persons,
                         size_t count, int64_t as_of_us, struct consent_policies *out);
/* After the flush. One flush more where the domain's rules were not in memory. */
enum status consent_store_read(struct db *db, struct arena *a, struct consent_policies *out,
                               struct errors *err) MUST_CHECK;

/* Who changes what, when: the same for every kind of change. */
struct consent_change {
    const struct person_ref *persons; /* every constituent of the person */
    size_t count;
    int64_t at_us;
    struct str by; /* the operator's account */
};

/* Adds version 1 of a policy for each constituent. p->person is not used. */
void consent_store_add(struct db *db, struct arena *a, const struct consent_change *change,
                       const struct consent_policy *p);
/* Ends a policy. `ended` has one row for each constituent that had it: none, it is unknown. */
void consent_store_end(struct db *db, struct arena *a, const struct consent_change *change,
                       struct uuid policy, struct rows *ended);
/* Whatever concerns decisions about this person has changed. */
void consent_epoch_bump(struct db *db, struct person_ref person);
/* Every version of every policy, as struct consent_version reads it. */
void consent_store_history(struct db *db, struct arena *a, const struct person_ref *persons,
                           size_t count, struct rows *out);
/* A row of consent_store_history. */
struct consent_version {
    struct consent_policy policy;
    int64_t since_us, until_us; /* until: INT64_MAX while it is current */
    struct str recorded_by, ended_by;
};
struct consent_version consent_version_row(struct arena *a, const struct rows *rows, int row);
