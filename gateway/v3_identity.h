/* What PIX tells in HL7 v3: who a patient is, by identifiers alone (ITI-45, ITI-46). */
#pragma once

#include "gateway/hl7v3.h"
#include "gateway/identity_gate.h"

/* subject/registrationEvent with these identifiers and no demographics (PRPA_MT201302, 201304). */
void v3_identity_write(struct request *rq, struct xml_writer *w, const struct identity_visible *v);
