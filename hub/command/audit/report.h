/* Reports about one patient, read from the log: who saw what (for the patient), and what was
 * disclosed (45 CFR 164.528). Gathering, wording and rendering are three steps. */
#pragma once

#include "hub/audit/search.h"
#include "hub/command/operation.h"

/* One event, in words. */
struct told {
    int64_t at_us;
    struct str member, organization; /* who asked: the organization's name and OID */
    struct str person, role;         /* and the person; may be empty */
    struct str address;              /* postal, where the operator registered one */
    struct str what, why, from, result;
    struct str purpose; /* its code */
    struct str name;    /* TIME/ID of the record */
    bool emergency, refused, accountable;
};

struct report {
    const char *title;
    struct str patient;
    int64_t from_us, to_us, made_us;
    struct told *events; /* newest first */
    size_t count, unreadable;
    bool hide_names;
};

/* All that the log has of the patient that --patient names, merged persons included, in the time
 * asked for. `found` is for the row about the look. */
enum status report_gather(struct operation *o, struct audit_filter *f, bool disclosures,
                          struct report *r, struct audit_found *found) MUST_CHECK;

struct report_form {
    const char *name; /* "text", "json", "html" */
    void (*access)(struct strbuf *out, struct arena *a, const struct report *r);
    void (*disclosures)(struct strbuf *out, struct arena *a, const struct report *r);
};
extern const struct report_form report_forms[]; /* ends with a NULL name */
