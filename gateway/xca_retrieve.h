/* /xca/ig/retrieve: documents of other communities and of the repository here (ITI-43 in, ITI-39
 * out; IHE ITI TF-2 3.43, 3.39).
 *
 * A document is fetched only when this region's own policies let the caller see it: whose it is,
 * and what it is, is known from the query that showed it; where it is not, the community is asked
 * first (GetDocuments). Bytes stream sealed into temporary blobs as they come, so that memory does
 * not grow with them: small documents wait in memory, sealed, others in the store; they end with
 * the answer. Their hash is compared with the metadata's. */
#pragma once

#include "hub/request.h"

extern const struct transaction xca_retrieve_transactions[]; /* ends with a NULL name */
