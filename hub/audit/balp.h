/* An audit record as a FHIR R4 AuditEvent in the shape of IHE BALP (Basic Audit Log Patterns):
 * agents client, server and user, entities patient, query, data and transaction; what ITI-81
 * answers with. Pure; any thread. */
#pragma once

#include "hub/audit/dicom.h"

void audit_balp_write(struct strbuf *b, const struct audit_event *e,
                      const struct audit_source *source);
