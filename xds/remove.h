/* Removal by message (Remove Metadata and Documents supplement): ITI-62 takes metadata out of the
 * registry, ITI-86 documents out of the repository, whose entries stay. A member removes what it
 * published; a curator (xds_source) what anybody did. Both want READ COMMITTED. */
#pragma once

#include "hub/request.h"

/* UnresolvedReferenceException, ReferencesExistException, XDSUnreferencedObjectException. */
enum status xds_remove_metadata(struct request *rq, struct reply *rp) MUST_CHECK;
/* XDSUnknownRepositoryId, XDSDocumentUniqueIdError; all of the request or nothing. */
enum status xds_remove_documents(struct request *rq, struct reply *rp) MUST_CHECK;
