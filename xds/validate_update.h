/* The rules of a metadata update (XDS Metadata Update supplement, ITI-57 3.57.4.1.3; Restricted
 * Metadata Update supplement, ITI-92 3.92.4.1.3): what the message itself must say about each
 * operation. Pure. */
#pragma once

#include "xds/rim.h"

/* New versions name a lid and the version that they follow, statuses are two different ones, and
 * each association is submitted by one SubmitAssociation. ITI-92 takes new versions of document
 * entries only. XDSMetadataUpdateError, XDSMetadataUpdateOperationError. */
void xds_validate_operations(struct arena *a, const struct xds_submission *s, struct errors *err);

/* Does the message ask that the registered associations of the previous version are not given to
 * the new one? `link` is the SubmissionSet's membership of the new version. */
bool xds_propagates(const struct xds_association *link);
/* The status that a URN names; false for any other text. */
bool xds_status_parse(struct str urn, enum xds_status *status);
