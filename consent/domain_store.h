/* The domain's tables: the snapshot that this process keeps of them (consent/domain.h), and its
 * changes, each of which moves epoch 'consent' in its transaction.
 *
 * Queueing functions do not flush; nothing here begins or commits. */
#pragma once

#include "consent/domain.h"
#include "hub/data/db.h"

/* The domain of this version of the epoch: from memory, or else read in one flush, in the caller's
 * snapshot. Held until a ends. */
enum status consent_domain_hold(struct db *db, struct arena *a, int64_t epoch,
                                const struct consent_domain **out) MUST_CHECK;
/* As the hub knew it at an instant; one flush. */
enum status consent_domain_as_of(struct db *db, struct arena *a, int64_t at_us,
                                 const struct consent_domain **out) MUST_CHECK;

/* Who changes what, when. */
struct domain_change {
    int64_t at_us;
    struct str by; /* the operator's account */
};

/* The next version of the default of a label; empty: the general one. */
void consent_domain_default(struct db *db, const struct domain_change *change, struct str label,
                            enum consent_effect effect);
/* Ends the default of a label: the general one holds. `ended` has a row where there was one. */
void consent_domain_default_end(struct db *db, const struct domain_change *change, struct str label,
                                struct rows *ended);

/* The next version of what goes with documents that have this label; obligations 0 end it. `ended`
 * has a row where there was one. */
void consent_domain_duty(struct db *db, struct arena *a, const struct domain_change *change,
                         struct str label, unsigned obligations, struct rows *ended);

/* Version 1 of a new agreement, or the next version of the one of that name. */
void consent_domain_agree(struct db *db, struct arena *a, const struct domain_change *change,
                          const struct consent_agreement *g, struct str document);
void consent_domain_agreement_end(struct db *db, const struct domain_change *change,
                                  struct str name, struct rows *ended);
/* name, parties, purposes, classes, valid_from, valid_until, document, agreement_id, version,
 * since, recorded_by: by name. */
void consent_domain_agreements(struct db *db, struct rows *out);

/* For whatever else is the domain's: moves the epoch in this transaction; first of its statements.
 */
void consent_domain_bump(struct db *db);

/* CODE^^OID, or CODE alone. */
struct str consent_code_text(struct arena *a, struct coded code);
struct coded consent_code_parse(struct str text);
