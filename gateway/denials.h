/* What a patient denied goes with a record that leaves for another person.
 *
 * A merge of whole persons keeps each one's consents apart and decides by the strictest (struct
 * person, constituents). An A40 under a member's own authority, or a steward, may take one record
 * out of a person who stays: that person's denials are then recorded for the new one as well, as
 * policies of their own, so that no document is shown which the patient hid: of rules, what they
 * deny, exceptions to permits too (consent_rule_denials). Permits stay behind. Representatives of
 * the one are to the other such as have ended (consent/people.h). A steward, or the patient,
 * revokes what is too much. */
#pragma once

#include "hub/request.h"

/* In the transaction of the change, behind it; `by` as mpi_change says it. Two flushes. */
enum status denials_carry(struct request *rq, struct str by, struct person_ref from,
                          struct person_ref to) MUST_CHECK;
