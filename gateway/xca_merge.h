/* Objects of other communities on their way to a consumer: whose they are, and what of them it may
 * see by this region's own policies (ARCHITECTURE.md, promise 1), each community by itself. */
#pragma once

#include "gateway/correlation.h"
#include "hub/data/xml_write.h"
#include "xds/gate.h"

struct foreign {
    const struct partner *partner;
    struct xca_found found;
    struct identifier asked;  /* the patient that was asked about there; id STR_NONE: none */
    struct person_ref person; /* who that is here */
    const struct xds_visible *seen;
    size_t withheld, strangers; /* strangers: objects of patients whom nobody asked about */
};

/* Fills seen of each. Reads whose patients they are, persons and policies: three flushes at most.
 */
enum status foreign_gate(struct request *rq, struct foreign *v, size_t count) MUST_CHECK;
/* Remembers the documents that are shown, for when they are fetched. Queues. */
void foreign_remember(struct request *rq, const struct foreign *v, size_t count);
/* As ebRIM, each with its own community's home and patient id. */
void foreign_write(struct request *rq, struct xml_writer *w, const struct foreign *f,
                   bool leaf_class);
