/* Patient Identity Feed (ITI-8, IHE ITI TF-2 3.8): ADT A01, A04, A05, A08 and A40. */
#pragma once

#include "hub/request.h"

enum status iti8_feed(struct request *rq, struct reply *rp);
enum status iti8_merge(struct request *rq, struct reply *rp);
/* Any other ADT event: kept, counted and acknowledged; refused from members with strict_adt. */
enum status adt_unused(struct request *rq, struct reply *rp);
