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
#include "hub/data/recall.h"

/* DICOM PS3.15 A.5 event of a transaction at the hub (security.md 2.2). */
struct audit_kind {
    const char *event_id; /* DCM code: "110112" Query, "110107" Import, "110106" Export,
                             "110110" Patient Record */
    char action;          /* C, R, U, D or E */
};

enum { AUDIT_COLUMNS = 20 }; /* of the three tables, each once */

enum audit_outcome { AUDIT_SUCCESS = 0, AUDIT_MINOR = 4, AUDIT_SERIOUS = 8, AUDIT_MAJOR = 12 };

struct audit_object {
    const char *kind;  /* "document", "submission_set", "query", "message", "patient" */
    struct str id;     /* uniqueId, stored query UUID, MSH-10 */
    struct str detail; /* repository id, the query itself, MSH-3|MSH-4; may be empty */
    struct audit_object *next;
    struct str home; /* homeCommunityId that the object was named with; may be empty */
};

/* What consent decided on the way, and by what: for auditors, never for who asked. Decisions alike
 * about one person are one, counted. Literals, or of the request's arena. */
struct audit_decision {
    int64_t pkey, person_id; /* whose record it is: as in the row */
    bool permits;
    const char *rule;       /* consent/consent.h */
    const char *overrode;   /* the rule that an emergency broke; NULL: none */
    const char *reason;     /* of a denial: 45 CFR 171 */
    struct uuid policy;     /* all zeroes: none */
    int64_t version;        /* of the policy, or of the default */
    struct str obligations; /* words, with blanks between; may be empty */
    size_t count;           /* of objects */
    struct audit_decision *next;
};

/* One row to be: one patient (or none) of one transaction.
 *
 * What the hub does on the way to its answer has rows of its own beside the request's: it asked
 * another community (ITI-39 under an ITI-43). Such a row names its transaction; event and action
 * come from the table of hub/audit/transaction.h, by the side on which the hub stood. */
struct audit_row {
    char action; /* 0: the transaction's own (a merge writes one D and one U) */
    enum audit_outcome outcome;
    int64_t pkey, person_id; /* the person's place and number; 0, 0: none, or not known here */
    struct str patient;      /* the identifier in CX form, as the message named it */
    struct str description;  /* why it failed, or what was withheld: for auditors only */
    struct audit_object *objects;
    struct audit_row *next;
    const char *transaction; /* NULL: the request's */
    bool initiator;          /* the hub asked or told; else it was asked or told */
    struct str partner;      /* whom it asked: URL, or HOST:PORT; empty: who sent the request */
    struct str verbatim;     /* bytes kept whole and exact: a message that was received (ITI-20) */
    struct uuid id;          /* of the row; all zeroes: a new one */
    struct str user, role, purpose;   /* whom a received message names; empty: the request's */
    struct audit_decision *decisions; /* audit_queue's: of the list's, those that belong here */
};

struct audit_list {
    struct audit_row *first, *last;
    size_t count;
    struct audit_decision *decisions; /* newest first; each goes into the first row about its
                                         person; of somebody who has no row, into the first */
};

/* What all rows of one request share. */
struct audit_context {
    const char *transaction; /* "ITI-18" */
    struct audit_kind kind;
    struct uuid request;
    int64_t at_us;
    int64_t member_id; /* 0: not known */
    struct str member, user, role, purpose;
    struct str peer;                    /* address, and the certificate's subject */
    struct str endpoint;                /* our URL; of an HL7 v2 message MSH-5|MSH-6 */
    bool initiator;                     /* as in the rows: of all of them */
    struct str user_name, organization; /* of the person who asks; both may be empty */
    struct str role_system, purpose_system;
    struct str assertion;             /* its ID */
    struct str sender;                /* wsa:ReplyTo, or MSH-3|MSH-4 */
    const unsigned char *fingerprint; /* 32 bytes: of the peer's certificate; or NULL */
};

/* One object more that was decided about so; `like` is copied when it is the first. */
void audit_decided(struct arena *a, struct audit_list *list, const struct audit_decision *like);

/* Adds a row; the caller fills what applies. Memory from a. */
struct audit_row *audit_add(struct arena *a, struct audit_list *list);
struct audit_object *audit_object_add(struct arena *a, struct audit_row *row, const char *kind,
                                      struct str id, struct str detail);

/* Rows as they are written: the records encrypted, what they are searched by beside them. In the
 * arena that they were made with. */
struct audit_ready {
    struct audit_ready_row {
        struct db_value column[AUDIT_COLUMNS];
    } * v;
    size_t n;
    size_t bytes; /* of their records */
    /* They may be written if this holds, all of it (hub/data/recall.h). NULL: what was read was
     * read in the transaction. */
    const struct recalled *rests_on;
};

enum status audit_ready_make(struct arena *a, const struct audit_context *context,
                             const struct audit_list *rows, struct audit_ready *ready,
                             struct errors *err) MUST_CHECK;
/* Queues the INSERTs, one a row: no flush of its own. */
void audit_ready_queue(struct db *db, const struct audit_ready *ready);
/* Queues one INSERT for the rows of several requests. */
void audit_ready_queue_all(struct db *db, struct arena *a, const struct audit_ready *const *of,
                           size_t count);
/* Flushes: are these rows, of which there are some, in the log? Those of one request are committed
 * together. Wants READ COMMITTED. */
enum status audit_ready_is_there(struct db *db, const struct audit_ready *ready,
                                 bool *there) MUST_CHECK;

/* Both: makes the rows, and queues them. */
enum status audit_queue(struct db *db, struct arena *a, const struct audit_context *context,
                        const struct audit_list *rows, struct errors *err) MUST_CHECK;

/* By what audit_search finds a document. */
int64_t audit_document_key(struct str unique_id);

/* Derives the audit key from the hub's master key (kept in sodium_malloc memory). Once, early. */
void audit_init(const unsigned char master_key[32]);
