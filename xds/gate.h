/* The gate: candidates -> what this principal may see (ARCHITECTURE.md, promise 1).
 *
 * Queries find struct xds_candidates; only xds_gate makes a struct xds_visible of them, and every
 * encoder takes only that. An object is visible when consent permits it for its patient and its
 * publisher; an association, when both its ends are too and belong to one person now (a submission
 * set's Reference to another patient's document excepted). Counts and limits are taken from what is
 * visible. The patient id of what comes out is rendered from the record's current person. */
#pragma once

#include "consent/consent.h"
#include "hub/request.h"
#include "mpi/identity.h"
#include "xds/rim.h"

struct xds_candidate {
    struct xds_object *object;
    const struct person *person; /* whose record it is now; NULL: nobody's, never visible */
    bool witness; /* not what was looked for, but where an association led: not in the answer
                     unless it is chosen */
    unsigned obligations; /* CONSENT_OBLIGATION, of what permits it: the gate's */
};

struct xds_candidates {
    struct xds_candidate *v;
    size_t n;
    struct mpi_people people;         /* the persons concerned, in order */
    struct consent_policies policies; /* theirs, from the same snapshot */
};

void xds_candidates_add(struct request *rq, struct xds_candidates *c, struct xds_object *object,
                        const struct person *person, bool witness);

struct xds_visible;

/* Does consent let this one through by itself? For counting while reading; shows nothing. */
bool xds_gate_permits(struct request *rq, const struct xds_candidates *found,
                      const struct xds_candidate *c);

/* Decides; no database. */
enum status xds_gate(struct request *rq, const struct xds_candidates *found,
                     const struct xds_visible **seen) MUST_CHECK;

/* All that is visible, witnesses too: for choosing, not for showing. */
const struct xds_candidate *xds_visible_all(const struct xds_visible *seen, size_t *n);
/* The same with a choice of its own: one flag for each of xds_visible_all. */
const struct xds_visible *xds_visible_choose(struct request *rq, const struct xds_visible *seen,
                                             const bool *chosen);

/* What is shown: what was looked for, or what was chosen. */
size_t xds_visible_count(const struct xds_visible *seen);
const struct xds_object *xds_visible_object(const struct xds_visible *seen, size_t i);
const struct person *xds_visible_person(const struct xds_visible *seen, size_t i);
/* What whoever receives what is shown has to heed: CONSENT_OBLIGATION. */
unsigned xds_visible_obligations(const struct xds_visible *seen);
size_t xds_visible_withheld(const struct xds_visible *seen); /* for the audit's description only */
