/* The gate for identifiers: what the index found -> what this principal may see.
 *
 * A member always resolves its own identifiers; the XAD-PID and identifiers of other members only
 * of domains that it registered for (all, when it registered for none), and those of other members
 * only where consent permits. The only way to struct identity_visible; encoders of identity answers
 * take nothing else. Pure over rows that were read in one snapshot. */
#pragma once

#include "consent/consent.h"
#include "mpi/identity.h"
#include "mpi/search.h"

struct identity_visible {
    struct mpi_identifier *items; /* active ones */
    size_t count;
    size_t withheld; /* active ones that consent denied */
};

void identity_gate(struct request *rq, const struct person *person,
                   const struct mpi_identifiers *found, const struct consent_policies *policies,
                   struct identity_visible *out);

/* The same for a person that a search found: what identifies it, and whose demographics may be
 * told. A record is visible that this member fed, or that consent permits and that has an
 * identifier of a domain that the member is told of. Anchors say nothing. */
struct identity_seen {
    struct person_ref person;
    struct identity_visible ids;
    const struct mpi_found_record **records;
    size_t record_count;
};
void identity_gate_person(struct request *rq, const struct mpi_found_person *found,
                          const struct consent_policies *policies, struct identity_seen *out);

bool identity_visible_has(const struct identity_visible *v, struct identifier id);
