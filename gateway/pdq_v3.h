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

/* INVALID, each fault at its place; NOT_FOUND for unknown scoping organizations. */
enum status pdq_v3_read(struct request *rq, const struct hl7v3 *m, struct pdq_v3 *out) MUST_CHECK;
