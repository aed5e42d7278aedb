/* Patient Identity Feed (ITI-8, IHE ITI TF-2 3.8): ADT A01, A04, A05, A08 and A40. */
#pragma once

#include "gateway/adt.h"

enum status iti8_feed(struct request *rq, struct reply *rp);
enum status iti8_merge(struct request *rq, struct reply *rp);

/* The failures of a merge name a side; the message has segments: PID^1^3 and MRG^1^1. */
void iti8_place_failures(struct request *rq);

/* One merge of a message, with its audit rows; failures are at "surviving" or "subsumed". */
enum status iti8_merge_one(struct request *rq, const struct adt_merge *merge) MUST_CHECK;
