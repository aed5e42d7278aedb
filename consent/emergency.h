/* Breaking the glass (consent/people.h says when it breaks): what follows from it, in the
 * transaction of the access. */
#pragma once

#include "consent/consent.h"

/* For a decision "break-glass" that shows something: the first of an emergency opens it, with a
 * task of review, and bumps the patient's epoch; all are noted for the audit rows
 * (hub/emergency.h). Queues, does not flush; once for each patient of a request, however often it
 * is called. */
void consent_break_glass(struct request *rq, const struct person *person,
                         const struct consent_decision *d, const struct consent_policies *policies);
