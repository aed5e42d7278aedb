/* Answers of the registry and the repository: rs:RegistryResponse and its errors (TF-3 4.2.4). */
#pragma once

#include "hub/data/xml_write.h"
#include "hub/request.h"

#define XDS_SUCCESS         "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
#define XDS_FAILURE         "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"
#define XDS_PARTIAL_SUCCESS "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"

#define XDS_RS_NS "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"

/* Where a failure is told, which chooses the code of what the profile has no code for. */
enum xds_door { XDS_AT_REGISTRY, XDS_AT_PROVIDE, XDS_AT_RETRIEVE };

/* What whoever receives the answer has to heed, where its place in the answer is: slots of the
 * response, before its errors. A client that does not know them passes them over; an error list
 * would make many take a success for a failure. urn:causeway:obligations names them
 * (consent/rule.h), urn:causeway:notice has the words that 42 CFR 2.32(a)(2) wants with the data.
 * Nothing for none. */
void xds_obligations_write(struct xml_writer *w, unsigned obligations);

/* Writes <rs:RegistryResponse status=...> with the obligations and a RegistryErrorList of
 * everything in errors (warnings included): errorCode, codeContext, severity, location;
 * highestSeverity right. A code that is none of TF-3 Table 4.2.4.1-2 (the database is away, ...)
 * becomes the door's own
 * ...Error, ...Busy where time or a lock ran out, and XDSRegistryNotAvailable where a repository
 * cannot register. */
void xds_registry_response_write(struct xml_writer *w, const char *status, enum xds_door door,
                                 unsigned obligations, const struct errors *errors);

/* The error list alone, for query:AdhocQueryResponse; nothing when there are no errors. The prefix
 * rs: must be declared. */
void xds_error_list_write(struct xml_writer *w, enum xds_door door, const struct errors *errors);

/* The whole answer of ITI-41 and ITI-42: Success, with the warnings if there are any. */
enum status xds_registry_response(struct request *rq, struct reply *rp) MUST_CHECK;

/* transaction.render_failure of ITI-42 and ITI-41: a Failure in a RegistryResponse. */
enum status xds_registry_failure(struct request *rq, struct reply *rp) MUST_CHECK;
enum status xds_provide_failure(struct request *rq, struct reply *rp) MUST_CHECK;
enum status xds_removal_failure(struct request *rq, struct reply *rp) MUST_CHECK; /* ITI-86 */
