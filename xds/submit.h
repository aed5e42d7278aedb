/* A submission on its way into the registry: ITI-42, and ITI-41 after the repository has stored
 * the documents and filled hash, size and repositoryUniqueId.
 *
 *     TRY(xds_submission_read(rq, node, &s));   ebRIM -> structs
 *     ... the repository: TRY(match documents), d->hash = ..., d->size = ...
 *     TRY(xds_submit(rq, s));                   checks everything, writes everything
 *
 * A handler then answers with xds_registry_response (response.h); request.c commits. Nothing is
 * visible before that, and nothing is left when any of it fails. */
#pragma once

#include "hub/request.h"
#include "xds/rim.h"

/* `request` is the lcm:SubmitObjectsRequest. Fails INVALID with XDSRegistryMetadataError for what
 * cannot be read, and with XDSRegistryError when there is no such element (NULL). No database. */
enum status xds_submission_read(struct request *rq, xmlNode *request, enum xds_rules rules,
                                struct xds_submission **out) MUST_CHECK;

/* Validates (TF-3 4.2, 4.3.1), resolves symbolic ids to UUIDs, finds the patient and the record
 * that the submission belongs to, claims the unique ids, checks and applies the associations, and
 * writes all objects. Adds the transaction's audit row (with the patient as soon as it is known,
 * so that failures have it too). Two flushes; what is written goes out with the COMMIT.
 *
 * Errors: XDSRegistryMetadataError, XDSUnknownPatientId, XDSPatientIdDoesNotMatch,
 * XDSDuplicateUniqueIdInRegistry, XDSRegistryDuplicateUniqueIdInMessage, XDSNonIdenticalHash,
 * XDSNonIdenticalSize, UnresolvedReferenceException, XDSRegistryDeprecatedDocumentError; and, by
 * the rules of ITI-57 and 92, those of version.h. */
enum status xds_submit(struct request *rq, struct xds_submission *s) MUST_CHECK;
