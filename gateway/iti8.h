/* Patient Identity Feed (ITI-8, IHE ITI TF-2 3.8): ADT A01, A04, A05, A08 and A40. */
#pragma once

#include "hub/request.h"

enum status iti8_feed(struct request *rq, struct reply *rp);
enum status iti8_merge(struct request *rq, struct reply *rp);

/* The failures of a merge name a side; the message has segments: PID^1^3 and MRG^1^1. */
void iti8_place_failures(struct request *rq);
