/* Patient Demographics Query (ITI-21, IHE ITI TF-2 3.21): QBP^Q22 -> RSP^K22; with visits (ITI-22,
 * 3.22): QBP^ZV1 -> RSP^ZV2; and QCN^J01, which cancels either. */
#pragma once

#include "hub/request.h"

enum status iti21_query(struct request *rq, struct reply *rp);
enum status iti21_cancel(struct request *rq, struct reply *rp);
/* RSP with AE or AR, the ERR segments and the query as it came. */
enum status iti21_failure(struct request *rq, struct reply *rp);
