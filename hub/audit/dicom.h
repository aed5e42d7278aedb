/* An audit record as DICOM PS3.15 A.5 says it: what ITI-20 carries (IHE ITI TF-2 3.20.7), one
 * AuditMessage a record. Pure; any thread. */
#pragma once

#include "hub/audit/event.h"

/* Who keeps the log: AuditSourceIdentification. */
struct audit_source {
    struct str id;   /* of this hub: its home community id */
    struct str site; /* enterprise site; may be empty */
};

struct str audit_dicom_write(struct arena *a, const struct audit_event *e,
                             const struct audit_source *source);
