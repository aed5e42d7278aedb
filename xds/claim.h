/* Unique ids of a submission: who was first (TF-2 3.42.4.1.3.3.1 and .7, 3.42.4.1.3.7).
 *
 * All ids are claimed in one statement, in sorted order, so that two submissions that share some
 * wait for each other in the same order; the next statement reads who won. */
#pragma once

#include "hub/request.h"
#include "xds/rim.h"

struct xds_claims {
    size_t n;
    struct xds_claim {
        struct str id; /* as uid_claim spells it */
        int64_t key;
        const struct xds_object *object;
        bool is_uuid; /* of the object's entryUUID, else of its uniqueId */
    } * v;            /* sorted */
    struct rows winners;
};

/* Claims the uniqueId and the entryUUID of every object; their uuids are resolved. */
void xds_claims_queue(struct request *rq, const struct xds_objects *objects, struct xds_claims *c);

/* After the flush: fails with XDSDuplicateUniqueIdInRegistry, XDSNonIdenticalHash,
 * XDSNonIdenticalSize, or XDSRegistryMetadataError for an entryUUID that is registered already. */
enum status xds_claims_check(struct request *rq, const struct xds_claims *c) MUST_CHECK;

/* Queues the rows of uid_entry, once the objects have their places. */
void xds_claims_enter(struct request *rq, const struct xds_claims *c);
