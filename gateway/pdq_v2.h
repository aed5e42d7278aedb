/* Demographics queries in HL7 v2: QBP^Q22 and QBP^ZV1 -> struct pdq_query. Knows no SQL.
 *
 * QPD-3 names fields as @PID.5.1 and the like: PID-3, 5, 6, 7, 8, 11, 13, 14, 18, 19, PV1-2,
 * PV1-19. A star may end a name or an address. What the hub cannot search by is refused, not
 * ignored. Sources: IHE ITI TF-2 3.21.4.1.2, 3.22.4.1.2. */
#pragma once

#include "gateway/hl7.h"
#include "gateway/pdq.h"

struct pdq_v2 {
    struct pdq_query query;
    bool nobody;        /* names an authority that nobody registered: no patient has it */
    struct str pointer; /* DSC-1; empty: the first page */
};

/* INVALID, each fault at its place in QPD or RCP; NOT_FOUND for unknown domains in QPD-8. */
enum status pdq_v2_read(struct request *rq, const struct hl7_message *m,
                        struct pdq_v2 *out) MUST_CHECK;
