/* The gate for identifiers: what the index found -> what this principal may see.
 *
 * A member always resolves its own identifiers; the XAD-PID and identifiers of other members only
 * of domains that it registered for (all, when it registered for none), and those of other members
 * only where consent permits. The only way to struct identity_visible; encoders of identity answers
 * take nothing else. Pure over rows that were read in one snapshot. */
#pragma once

#include "consent/consent.h"
#include "mpi/identity.h"

struct identity_visible {
    struct mpi_identifier *items; /* active ones */
    size_t count;
    size_t withheld; /* active ones that consent denied */
};

void identity_gate(struct request *rq, const struct person *person,
                   const struct mpi_identifiers *found, const struct consent_policies *policies,
                   struct identity_visible *out);

bool identity_visible_has(const struct identity_visible *v, struct identifier id);
