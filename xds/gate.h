/* The gate: candidates -> what this principal may see (ARCHITECTURE.md, promise 1).
 *
 * Queries find struct xds_candidates; only xds_gate makes a struct xds_visible of them, and every
 * encoder takes only that. An object is visible when consent permits it for its patient and its
 * publisher; an association, when both its ends are too. Counts and limits are taken from what is
 * visible. The patient id of what comes out is rendered from the record's current person. */
#pragma once

#include "consent/consent.h"
#include "hub/request.h"
#include "mpi/identity.h"
#include "xds/rim.h"

struct xds_candidate {
    struct xds_object *object;
    const struct person *person; /* whose record it is now; NULL: nobody's, never visible */
    bool witness; /* looked up only to decide an association's end: never in the answer */
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

/* Decides; no database. Counts what it withheld. */
enum status xds_gate(struct request *rq, const struct xds_candidates *found,
                     const struct xds_visible **seen) MUST_CHECK;

size_t xds_visible_count(const struct xds_visible *seen);
const struct xds_object *xds_visible_object(const struct xds_visible *seen, size_t i);
const struct person *xds_visible_person(const struct xds_visible *seen, size_t i);
size_t xds_visible_withheld(const struct xds_visible *seen); /* for the audit's description only */
