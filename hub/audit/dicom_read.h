/* What a received audit message says (DICOM PS3.15 A.5, and RFC 3881 before it): only what the log
 * is searched by. Its bytes are kept as they came. Pure; any thread. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

enum { AUDIT_REPORT_PATIENTS_MAX = 20 };

struct audit_report {
    struct str event, type;   /* codes of EventID and EventTypeCode */
    char action;              /* C, R, U, D, E; 0: none */
    int outcome;              /* 0, 4, 8 or 12 */
    struct str at;            /* EventDateTime */
    struct str user;          /* who asked: a person, else the node */
    struct str role, purpose; /* codes */
    struct str patients[AUDIT_REPORT_PATIENTS_MAX];
    size_t patient_count; /* of all: those above the maximum are not kept */
};

/* False when it is not XML, or no AuditMessage. Strings in the arena. */
bool audit_report_read(struct arena *a, struct str xml, struct audit_report *out);
