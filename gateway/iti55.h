/* ITI-55 Cross Gateway Patient Discovery, responding (IHE ITI TF-2 3.55): another community asks
 * whether somebody is known here.
 *
 * What is compared and told is what the community may see, as for a member (gateway/pdq.h). Told
 * are the XAD-PID, which it asks for documents by, the name, sex and date of birth, which the
 * profile wants, and what else its agreement names (community.tells). The answer is one of five
 * (3.55.4.2.3): a match, several, none, more demographics wanted, or an error. */
#pragma once

#include "hub/request.h"

extern const struct transaction iti55_transactions[]; /* ends with a NULL name */

/* Is `discovery_wants` made of words that there are? */
enum status iti55_check(const struct config *config, struct errors *err) MUST_CHECK;
