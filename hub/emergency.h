/* Accesses of a request that consent would have denied, and that an emergency opened (break-glass).
 *
 * The gates note them; before COMMIT the audit rows about that patient name the emergency, and one
 * that this request opened has a row of its own: the notice in the patient's log, and what its
 * review is about. */
#pragma once

#include "hub/request.h"

struct emergency {
    struct person_ref person;
    struct uuid id;     /* of the emergency, and of the audit row that opened it */
    struct str patient; /* CX, for the row of its own; STR_NONE: it was open before */
    struct str detail;  /* "RULE POLICY vVERSION, until TIME: the reason" */
    struct emergency *next;
};

/* Once for each patient of a request: false when this one is noted already. */
bool emergency_is_noted(const struct request *rq, struct person_ref person);
void emergency_note(struct request *rq, const struct emergency *e); /* copied */

/* Writes them into rq->audit: for hub/request.c. */
void emergencies_tell(struct request *rq);

/* The reason out of a detail; empty: none was given (it was open already). */
struct str emergency_reason(struct str detail);
