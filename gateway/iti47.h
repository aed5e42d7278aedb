/* Patient Demographics Query HL7 v3 (ITI-47; IHE ITI TF-2 3.47), with continuation and cancel:
 * ITI-21 in HL7 v3. Wants REPEATABLE READ; what cancels or keeps pages writes as well. */
#pragma once

#include "hub/request.h"

enum status iti47_query(struct request *rq, struct reply *rp) MUST_CHECK;
enum status iti47_continue(struct request *rq, struct reply *rp) MUST_CHECK;
enum status iti47_cancel(struct request *rq, struct reply *rp) MUST_CHECK;
enum status iti47_failure(struct request *rq, struct reply *rp) MUST_CHECK;
enum status iti47_cancel_failure(struct request *rq, struct reply *rp) MUST_CHECK;
