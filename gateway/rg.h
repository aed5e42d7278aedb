/* The responding gateway (IHE ITI TF-2 3.38, 3.39, XCDR 3.80): other communities query this one,
 * fetch its documents and provide to it. The registry and the repository answer as they answer
 * members, through the same gates, and nothing here asks any other community. What differs: the
 * home community, which must be this one, and which stands at every error. */
#pragma once

#include "hub/request.h"

extern const struct transaction rg_query_transactions[], rg_retrieve_transactions[],
    rg_provide_transactions[]; /* each ends with a NULL name */
