/* ITI-81 Retrieve ATNA Audit Event: FHIR search on AuditEvent over the log (IHE ITI RESTful ATNA
 * 3.81), newest first, a page at a time.
 *
 *     GET  /fhir/AuditEvent?date=ge2026-11-01&date=lt2026-12-01&patient.identifier=urn:oid:1.2|7
 *     POST /fhir/AuditEvent/_search
 *
 * A member needs the right (`causeway member permit NAME --audit-reader own|all`): `own` shows the
 * records of its own requests and of what it reported, `all` is for auditors. Each search is a
 * record itself (110101 Audit Log Used).
 *
 * Parameters: date (required, with a lower bound), patient.identifier, agent.identifier (user),
 * agent-role, entity.identifier (a document's uniqueId), type (EventID), subtype (transaction),
 * action, outcome, purpose, source.identifier, _count, _sort=-date, _format. Any other one is
 * refused, because a search that ignores a part of the question shows what was not asked for. */
#pragma once

#include "hub/audit/search.h"
#include "hub/fhir_query.h"
#include "hub/module.h"

extern const struct hub_module iti81_module;

struct audit_question {
    struct audit_filter filter;
    struct str type; /* EventID; empty: any */
    char action;     /* 0: any */
    bool nothing;    /* what is asked for cannot be in this log */
    size_t count;    /* entries of a page */
};

/* Pure. `source`: how this log names itself. INVALID with codes of FHIR's IssueType. */
enum status iti81_question_read(struct arena *a, const struct fhir_query *q, struct str source,
                                struct audit_question *out, struct errors *err) MUST_CHECK;
