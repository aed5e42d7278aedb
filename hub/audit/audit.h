/* Audit, first form: who saw or did what, to which patient, when, and how it ended.
 *
 * Handlers say what happened with audit_add; hub/request.c writes the rows in the transaction of
 * the effect, just before COMMIT, and a failure's row in a transaction of its own. One row per
 * transaction and patient (IHE ITI TF-2 3.20).
 * audit_event holds the record's canonical bytes (JSON, encrypted under a key of its own);
 * audit_search what is searched, and that key, wrapped: erasing the search row erases the record
 * and leaves the log's leaf. audit_pending is the sealer's queue. */
#pragma once

#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "hub/base/uuid.h"
#include "hub/data/db.h"

/* DICOM PS3.15 A.5 event of a transaction at the hub (security.md 2.2). */
struct audit_kind {
    const char *event_id; /* DCM code: "110112" Query, "110107" Import, "110106" Export,
                             "110110" Patient Record */
    char action;          /* C, R, U, D or E */
};

enum audit_outcome { AUDIT_SUCCESS = 0, AUDIT_MINOR = 4, AUDIT_SERIOUS = 8, AUDIT_MAJOR = 12 };

struct audit_object {
    const char *kind;  /* "document", "submission_set", "query", "message" */
    struct str id;     /* uniqueId, stored query UUID, MSH-10 */
    struct str detail; /* repository id, the query itself, MSH-3|MSH-4; may be empty */
    struct audit_object *next;
};

/* One row to be: one patient (or none) of one transaction. */
struct audit_row {
    char action; /* 0: the transaction's own (a merge writes one D and one U) */
    enum audit_outcome outcome;
    int64_t pkey, person_id; /* the person's place and number; 0, 0: none, or not known here */
    struct str patient;      /* the identifier in CX form, as the message named it */
    struct str description;  /* why it failed, or what was withheld: for auditors only */
    struct audit_object *objects;
    struct audit_row *next;
};

struct audit_list {
    struct audit_row *first, *last;
    size_t count;
};

/* What all rows of one request share. */
struct audit_context {
    const char *transaction; /* "ITI-18" */
    struct audit_kind kind;
    struct uuid request;
    int64_t at_us;
    int64_t member_id; /* 0: not known */
    struct str member, user, role, purpose;
    struct str peer;     /* address, and the certificate's subject */
    struct str endpoint; /* our URL */
};

/* Adds a row; the caller fills what applies. Memory from a. */
struct audit_row *audit_add(struct arena *a, struct audit_list *list);
void audit_object_add(struct arena *a, struct audit_row *row, const char *kind, struct str id,
                      struct str detail);

/* Queues the INSERTs of all rows: no flush of its own. */
enum status audit_queue(struct db *db, struct arena *a, const struct audit_context *context,
                        const struct audit_list *rows, struct errors *err) MUST_CHECK;

/* Derives the audit key from the hub's master key (kept in sodium_malloc memory). Once, early. */
void audit_init(const unsigned char master_key[32]);
