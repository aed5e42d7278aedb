/* Demographics queries in HL7 v3: PRPA_IN201305UV02 -> struct pdq_query. Knows no SQL.
 *
 * What the hub cannot search by is refused, not ignored; minimumDegreeMatch is let pass
 * (3.47.4.1.2: a supplier need not support it): answers carry their degree of match. */
#pragma once

#include "gateway/hl7v3.h"
#include "gateway/pdq.h"

struct pdq_v3 {
    struct pdq_query query;
    bool nobody; /* names an authority that nobody registered: no patient has it */
};

#define PDQ_V3_QUESTION "PRPA_IN201305UV02"

/* What another community tells of somebody whom it asks about (ITI-55, 3.55.4.1.2): of each
 * parameter the first value, those that the hub does not search by let pass. Its own identifier of
 * the patient says nothing here; only one of this community's domain is looked up. */
enum told {
    TOLD_NAME = 1,
    TOLD_BIRTH = 2,
    TOLD_SEX = 4,
    TOLD_ADDRESS = 8,
    TOLD_TELECOM = 16,
    TOLD_MOTHER = 32
};
unsigned pdq_v3_told(const struct mpi_criteria *c);
enum status pdq_v3_read_discovery(struct request *rq, const struct hl7v3 *m,
                                  struct pdq_v3 *out) MUST_CHECK;

/* INVALID, each fault at its place; NOT_FOUND for unknown scoping organizations. */
enum status pdq_v3_read(struct request *rq, const struct hl7v3 *m, struct pdq_v3 *out) MUST_CHECK;
