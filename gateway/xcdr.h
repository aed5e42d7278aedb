/* Providing documents to another community (XCDR, initiating: ITI-41 in, ITI-80 out; IHE ITI TF-2
 * 3.80).
 *
 * The source names the community in the header block homeCommunityBlock, and its patient by the
 * XAD-PID of this region. The hub finds out who that is there (what it knows, else ITI-55), decides
 * by consent whether that community may have what is provided, and sends it on with the patient's
 * identifier there; nothing is kept here. Documents pass through memory: together they may be as
 * large as max_message_kb says. It is sent once: providing is not a question that can be repeated.
 */
#pragma once

#include "hub/request.h"

extern const struct transaction xcdr_transactions[]; /* ends with a NULL name */
