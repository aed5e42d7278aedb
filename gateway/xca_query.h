/* /xca/ig/query: a member's stored query, asked of every community that knows the patient, and of
 * the registry here (ITI-18 in, ITI-38 out; IHE ITI TF-2 3.18.4.1.3, 3.38).
 *
 * Three transactions with the network between them: whom to ask (and, where that is not known, who
 * the patient is there: ITI-55); the questions; the answer. The registry here is asked in the last
 * one, so that all consent is decided in one snapshot, at the moment of disclosure. A community
 * that is missing from the answer is named in it (PartialSuccess). */
#pragma once

#include "hub/request.h"

extern const struct transaction xca_query_transactions[]; /* ends with a NULL name */
