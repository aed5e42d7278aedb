#include "hub/audit/transaction.h"

#define QUERY                                                                                      \
    {                                                                                              \
        "110112", 'E'                                                                              \
    }
#define EXPORT                                                                                     \
    {                                                                                              \
        "110106", 'R'                                                                              \
    }
#define IMPORT                                                                                     \
    {                                                                                              \
        "110107", 'C'                                                                              \
    }
#define ALERT                                                                                      \
    {                                                                                              \
        "110113", 'E'                                                                              \
    }

/* Patient Record; a row's own action goes before the table's (a merge is D and U). */
#define PATIENT(action)                                                                            \
    {                                                                                              \
        "110110", (action)                                                                         \
    }

#define RESPONDER false
#define INITIATOR true

/* A table, not code: one line a row reads best. */
/* clang-format off */
const struct audit_transaction audit_transactions[] = {
    /* feeds, and what the index tells */
    {"ITI-8", RESPONDER, PATIENT('U'), "Patient Identity Feed", "MSH-10", 0, NULL},
    {"ITI-10", INITIATOR, PATIENT('R'), "PIX Update Notification", "MSH-10", 0, NULL},
    {"ITI-30", RESPONDER, PATIENT('U'), "Patient Identity Management", "MSH-10", 0, NULL},
    {"ITI-31", RESPONDER, PATIENT('U'), "Patient Encounter Management", "MSH-10", 0, NULL},
    {"ITI-44", RESPONDER, PATIENT('U'), "Patient Identity Feed", "II", 0, NULL},
    {"ITI-46", INITIATOR, PATIENT('R'), "PIXV3 Update Notification", "II", 0, NULL},
    {"ITI-64", RESPONDER, PATIENT('U'), "Notify XAD-PID Link Change", "MSH-10", 0, NULL},
    {"ITI-64", INITIATOR, PATIENT('R'), "Notify XAD-PID Link Change", "MSH-10", 0, NULL},
    {"ADT", RESPONDER, PATIENT('U'), "ADT event without effect", "MSH-10", 0, NULL},
    /* questions about people */
    {"ITI-9", RESPONDER, QUERY, "PIX Query", "MSH-10", 0, NULL},
    {"ITI-21", RESPONDER, QUERY, "Patient Demographics Query", "MSH-10", 0, NULL},
    {"ITI-22", RESPONDER, QUERY, "Patient Demographics and Visit Query", "MSH-10", 0, NULL},
    {"ITI-45", RESPONDER, QUERY, "PIXV3 Query", NULL, 0, NULL},
    {"ITI-47", RESPONDER, QUERY, "Patient Demographics Query", NULL, 0, NULL},
    {"ITI-55", RESPONDER, QUERY, "Cross Gateway Patient Discovery", NULL, 0, NULL},
    {"ITI-55", INITIATOR, QUERY, "Cross Gateway Patient Discovery", NULL, AUDIT_NO_PATIENT, NULL},
    {"ITI-56", RESPONDER, QUERY, "Patient Location Query", NULL, 0, NULL},
    /* documents: a repository tells its registry, a consumer asks both */
    {"ITI-18", RESPONDER, QUERY, "Registry Stored Query", NULL, 0, NULL},
    {"ITI-38", RESPONDER, QUERY, "Cross Gateway Query", NULL, 0, NULL},
    {"ITI-51", RESPONDER, QUERY, "Multi-Patient Stored Query", NULL, 0, NULL},
    {"ITI-63", RESPONDER, QUERY, "Cross-Community Fetch", NULL, 0, NULL},
    {"ITI-41", RESPONDER, IMPORT, "Provide and Register Document Set-b", NULL, 0, NULL},
    {"ITI-41", INITIATOR, EXPORT, "Provide and Register Document Set-b", NULL, 0, NULL},
    {"ITI-42", RESPONDER, IMPORT, "Register Document Set-b", NULL, 0, NULL},
    {"ITI-42", INITIATOR, EXPORT, "Register Document Set-b", NULL, 0, NULL},
    {"ITI-61", RESPONDER, IMPORT, "Register On-Demand Document Entry", NULL, 0, NULL},
    {"ITI-80", RESPONDER, IMPORT, "Cross-Gateway Document Provide", NULL, 0, NULL},
    {"ITI-80", INITIATOR, EXPORT, "Cross-Gateway Document Provide", NULL, 0, NULL},
    {"ITI-57", RESPONDER, {"110107", 'U'}, "Update Document Set", NULL, 0, NULL},
    {"ITI-57", INITIATOR, {"110106", 'U'}, "Update Document Set", NULL, 0, NULL},
    {"ITI-92", RESPONDER, {"110107", 'U'}, "Restricted Update Document Set", NULL, 0, NULL},
    {"ITI-92", INITIATOR, {"110106", 'U'}, "Restricted Update Document Set", NULL, 0, NULL},
    {"ITI-62", RESPONDER, PATIENT('D'), "Remove Metadata", NULL, AUDIT_ERASES, NULL},
    {"ITI-86", RESPONDER, PATIENT('D'), "Remove Documents", NULL, AUDIT_ERASES, NULL},
    {"ITI-43", RESPONDER, EXPORT, "Retrieve Document Set", NULL, AUDIT_FROM_RESPONDER, NULL},
    {"ITI-43", INITIATOR, IMPORT, "Retrieve Document Set", NULL, AUDIT_FROM_RESPONDER, NULL},
    {"ITI-39", RESPONDER, EXPORT, "Cross Gateway Retrieve", NULL, AUDIT_FROM_RESPONDER, NULL},
    {"ITI-39", INITIATOR, IMPORT, "Cross Gateway Retrieve", NULL, AUDIT_FROM_RESPONDER, NULL},
    /* FHIR */
    {"ITI-65", RESPONDER, IMPORT, "Provide Document Bundle", NULL, 0, NULL},
    {"ITI-66", RESPONDER, QUERY, "Find Document Lists", NULL, 0, NULL},
    {"ITI-67", RESPONDER, QUERY, "Find Document References", NULL, 0, NULL},
    {"ITI-68", RESPONDER, EXPORT, "Retrieve Document", NULL, AUDIT_FROM_RESPONDER, NULL},
    {"ITI-78", RESPONDER, QUERY, "Mobile Patient Demographics Query", NULL, 0, NULL},
    {"ITI-83", RESPONDER, QUERY, "Mobile Patient Identifier Cross-reference Query", NULL, 0, NULL},
    {"ITI-104", RESPONDER, PATIENT('U'), "Patient Identity Feed FHIR", NULL, 0, NULL},
    {"ITI-108", RESPONDER, {"110112", 'E'}, "Access Consent", NULL, 0, NULL},
    {"ITI-119", RESPONDER, QUERY, "Patient Demographics Match", NULL, 0, NULL},
    /* the log itself, and who may ask at all */
    {"ITI-20", RESPONDER, {"110107", 'C'}, "Record Audit Event", NULL, 0, NULL},
    {"ITI-81", RESPONDER, {"110101", 'R'}, "Retrieve ATNA Audit Event", NULL, 0, NULL},
    {"LOG", RESPONDER, {"110101", 'R'}, "Audit Log Checkpoints", NULL, 0, NULL},
    {"ITI-40", RESPONDER, {"110114", 'E'}, "Login", NULL, 0, "110122"},
    {"ITI-19", RESPONDER, ALERT, "Node Authentication", NULL, 0, "110126"},
    {"START", RESPONDER, {"110100", 'E'}, "Application Start", NULL, 0, "110120"},
    {"STOP", RESPONDER, {"110100", 'E'}, "Application Stop", NULL, 0, "110121"},
    {"BUSY", RESPONDER, ALERT, "Network Configuration", NULL, 0, "110128"},
    {"EMERGENCY", RESPONDER, ALERT, "Emergency Override", NULL, 0, "110127"},
    {"CONFIG", RESPONDER, ALERT, "Security Configuration", NULL, 0, "110129"},
    {NULL, false, {NULL, 0}, NULL, NULL, 0, NULL},
};
/* clang-format on */

const struct audit_transaction *audit_transaction_find(struct str name, bool initiator)
{
    const struct audit_transaction *other = NULL;

    for (const struct audit_transaction *t = audit_transactions; t->name != NULL; t++) {
        if (!str_eq(name, str_from(t->name)))
            continue;
        if (t->initiator == initiator)
            return t;
        other = t;
    }
    return other;
}
