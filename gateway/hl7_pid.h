/* PID of an answer: a person's visible identifiers and demographics (HL7 v2.5, 3.4.2). Social
 * security numbers are not told: they are searched by, and stay. */
#pragma once

#include "gateway/hl7.h"
#include "gateway/pdq.h"

/* "PID|1||...", without its end; `number` is PID-1. */
void hl7_pid_add(struct request *rq, struct strbuf *b, const struct hl7_separators *s,
                 size_t number, struct pdq_patient *p);
