/* New versions of registered objects (XDS Metadata Update supplement, ITI-57; ITI-92): the version
 * that each follows is found, locked and compared, deprecated, and its associations are given to
 * the new one. All versions of a logical object lie at one place. */
#pragma once

#include "xds/link.h"
#include "xds/source.h"

struct xds_versions {
    size_t n;
    struct xds_version {
        struct xds_object *object; /* as submitted: the new version */
        const struct xds_association
            *member;           /* the set's: PreviousVersion, AssociationPropagation */
        struct rows lock, all; /* the first version; all of them, by number */
        struct rows claim;     /* of a document: hash and size of its uniqueId, how many entries */
        bool shared;           /* entries of other objects have that uniqueId, and its bytes */
        struct xds_object *latest;
        struct rows as_source, as_target; /* approved associations of latest */
    } * v;
};

/* After xds_links_read: reads the versions under their locks, checks each new one against the
 * latest, and gives it that one's place, logical id and the next number. No flush without new
 * versions, else two. XDSMetadataUpdateError, XDSMetadataVersionError, XDSMetadataIdentifierError,
 * XDSPatientIDReconciliationError, UnmodifiableMetadataError, XDSNonIdenticalHash. */
enum status xds_versions_find(struct request *rq, struct xds_links *links,
                              const struct xds_source *source,
                              struct xds_versions *versions) MUST_CHECK;

/* After xds_links_check: does every UpdateAvailabilityStatus find the status that it names, and
 * does none give an old version back? Statuses of new versions are set in them. One flush where a
 * registered object becomes Approved. XDSMetadataUpdateError, XDSMetadataUpdateOperationError. */
enum status xds_restate_check(struct request *rq, struct xds_links *links,
                              const struct xds_source *source) MUST_CHECK;

/* Queue the effects. */
void xds_versions_apply(struct request *rq, struct xds_links *links,
                        const struct xds_versions *versions);
void xds_restate_apply(struct request *rq, const struct xds_links *links);
