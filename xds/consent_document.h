/* Consent documents (IHE BPPC, TF-3 5.1; with a scanned part, 5.2): a document entry whose
 * formatCode says so is a patient's acknowledgement of the policies that its eventCodeList names,
 * from serviceStartTime to serviceStopTime. It takes effect in the transaction that registers it,
 * and ceases in the one that replaces, deprecates or removes it.
 *
 * A policy that the domain has not published makes the consent deny, flagged (consent/filing.h).
 * Who may file for whom: xds_source.consents. Submissions without consent documents cost nothing.
 */
#pragma once

#include "xds/link.h"
#include "xds/version.h"

bool xds_is_consent(struct str format_code); /* code^^scheme, or the code alone */

/* Before the effects of a submission are queued, when all of it is checked. `own`: the submission's
 * sourcePatientId is of the submitting member's own authorities, and of this person. DENIED,
 * XDSRegistryError, when the member may not file consents for the patient. Flushes only where there
 * is a consent document: read the domain's policies and the person, then queue. */
enum status xds_consents_submit(struct request *rq, const struct xds_submission *s,
                                const struct xds_links *links, const struct xds_versions *versions,
                                const struct xds_source *source, bool own) MUST_CHECK;

/* Documents that are about to be removed. */
enum status xds_consents_remove(struct request *rq, const struct xds_objects *objects) MUST_CHECK;
