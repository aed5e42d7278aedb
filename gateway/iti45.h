/* PIXV3 Query (ITI-45; IHE ITI TF-2 3.45): ITI-9 in HL7 v3. Handler and renderer of failures, for
 * the table of gateway/v3_doors.c. Wants REPEATABLE READ. */
#pragma once

#include "hub/request.h"

enum status iti45_query(struct request *rq, struct reply *rp) MUST_CHECK;
enum status iti45_failure(struct request *rq, struct reply *rp) MUST_CHECK;
