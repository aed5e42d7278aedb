/* What each transaction's audit record is, by the side that the hub stood on: one row a
 * transaction and side (IHE ITI TF-2 3.20 and the audit section of each transaction; DICOM PS3.15
 * A.5.3; reference in the order of its numbers). Both renderings, DICOM XML and FHIR AuditEvent,
 * are driven by it. Pure; any thread. */
#pragma once

#include "hub/audit/audit.h"

enum audit_flags {
    AUDIT_FROM_RESPONDER = 1, /* documents flow from who answers: it is the DICOM source */
    AUDIT_NO_PATIENT = 2,     /* the profile wants none (3.55.5.1.1); the hub's own row has it */
    AUDIT_ERASES = 4,         /* its objects end here: lifecycle 14, permanent erasure */
};

struct audit_transaction {
    const char *name;
    bool initiator; /* the hub asked or told */
    struct audit_kind kind;
    const char *words;   /* what the EventTypeCode means */
    const char *message; /* how the message's id is called: "MSH-10", "II"; or NULL */
    int flags;
    const char *code; /* DCM code of the event's type, where it is no IHE transaction; or NULL */
};

/* NULL: not in the table. A transaction that stands there for one side alone is found for both. */
const struct audit_transaction *audit_transaction_find(struct str name, bool initiator);

/* All rows, for tests; ends with a NULL name. */
extern const struct audit_transaction audit_transactions[];
