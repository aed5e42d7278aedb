/* Patient Identity Feed HL7 v3 (ITI-44; IHE ITI TF-2 3.44): add, revise, resolve duplicates. The
 * answer is an accept acknowledgement, CA or CE. Wants READ COMMITTED. */
#pragma once

#include "hub/request.h"

enum status iti44_feed(struct request *rq, struct reply *rp) MUST_CHECK;  /* 201301, 201302 */
enum status iti44_merge(struct request *rq, struct reply *rp) MUST_CHECK; /* 201304 */
enum status iti44_failure(struct request *rq, struct reply *rp) MUST_CHECK;
