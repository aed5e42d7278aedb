/* PIX Query (ITI-9, IHE ITI TF-2 3.9): QBP^Q23 -> RSP^K23. */
#pragma once

#include "hub/request.h"

enum status iti9_query(struct request *rq, struct reply *rp);
/* RSP^K23 with AE or AR, the ERR segments and the query as it came. */
enum status iti9_failure(struct request *rq, struct reply *rp);
