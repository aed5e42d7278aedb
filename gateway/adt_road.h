/* What all ADT messages go through: the store of what was accepted before, the audit rows, the
 * acknowledgement. */
#pragma once

#include "gateway/hl7_store.h"
#include "hub/person.h"

/* A row about one patient; a merge writes one D and one U. */
void adt_audit(struct request *rq, char action, struct identifier patient,
               struct person_ref person);
/* A message that had no effect: the patient as the message names it. */
void adt_audit_plainly(struct request *rq, const char *words);

/* What the store said of this message. One accepted before gets its answer again, and nothing
 * else happens: seen->answered. */
enum status adt_answer_again(struct request *rq, struct hl7_seen *seen,
                             struct reply *rp) MUST_CHECK;
/* Asks it: has this very message been accepted before? */
enum status adt_look_back(struct request *rq, struct hl7_seen *seen, struct reply *rp) MUST_CHECK;
/* AA, and the message is kept. */
enum status adt_accept(struct request *rq, const struct hl7_seen *seen,
                       struct reply *rp) MUST_CHECK;

/* An ADT event that the hub does not use: kept, counted and acknowledged; refused from members with
 * strict_adt. */
enum status adt_unused(struct request *rq, struct reply *rp);
