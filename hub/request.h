/* A request on its road: who asks, what for, and the one transaction that it runs in.
 *
 * A worker runs it top to bottom (hub/request.c): member -> principal -> protocol->open (decode
 * the envelope, choose the transaction) -> the person whom its assertion proves -> BEGIN -> handle
 * -> audit rows, COMMIT -> the answer goes out. A handler is a plain function that may block on the
 * database and nothing else; it never begins, commits or rolls back. A status other than OK rolls
 * back, writes the failure's audit row in a transaction of its own and calls
 * protocol->render_failure.
 *
 * A request that asks others, over the network, does so between two transactions (request_wait):
 * its worker and its database connection serve others meanwhile.
 *
 * CONFLICT makes the driver run the handler again (up to five times) in a fresh transaction: a
 * handler must leave nothing behind but what the arena and the transaction hold. The same happens
 * when the members' directory turns out to have moved while the handler ran. */
#pragma once

#include "hub/audit/audit.h"
#include "hub/base/err.h"
#include "hub/config.h"
#include "hub/data/db.h"
#include "hub/door.h"
#include "hub/member.h"
#include "hub/metrics.h"
#include "hub/net/exchange.h"
#include "hub/person.h"

struct hub;
struct request;
struct soap_message;

/* A code and the system that defines it (an OID, dotted); an empty system: the domain's own words.
 */
struct coded {
    struct str code, system;
};

/* Who asks. Built in one place, hub/principal.c, from the certificate and the verified assertion:
 * never from a header or the body. Without an assertion the member's machine asks. */
struct principal {
    const struct member *member;
    struct str user;         /* alias<user@issuer> (XUA, 3.40.4.2); empty: no person is proven */
    struct str user_name;    /* for people to read; proves nothing */
    struct str organization; /* of the person, OID; empty: the member's own */
    struct coded role;       /* "system" for a member's machine */
    struct coded purpose;    /* of use; TREAT where the member's agreement says no other */
    struct str patient;      /* CX: the assertion holds for this patient alone; empty: for any */
    struct str assertion;    /* its ID; empty: the certificate alone speaks */
    struct str reason;       /* for the purpose, in the person's words (CE.originalText of
                                PurposeOfUse): what an emergency is opened with; may be empty */
};

/* One kind of request, as the field numbers them. */
struct transaction {
    const char *name;   /* "ITI-18" */
    const char *action; /* wsa:Action, or MSH-9 as "ADT^A01"; NULL: any */
    enum isolation isolation;
    bool recalls; /* what was answered once is answered from memory, proven when it commits */
    bool mtom;    /* the answer is MTOM (ITI-41, 43), else Simple SOAP */
    struct audit_kind audit;
    enum status (*handle)(struct request *rq, struct reply *rp);
    /* Renders rq->err in the transaction's own shape; NULL: the protocol's. */
    enum status (*render_failure)(struct request *rq, struct reply *rp);
    struct door door; /* what it discloses */
};

/* How bytes become a message and failures become bytes. */
struct protocol {
    const char *name;
    /* Decodes the envelope: sets rq->transaction (out of rq->route->transactions) and
     * rq->message, or fails. Runs outside the transaction. */
    enum status (*open)(struct request *rq);
    /* Where an assertion about the person who asks stands: soap:Header, or NULL. A protocol without
     * a place for one leaves it NULL. */
    const struct _xmlNode *(*header)(const struct request *rq);
    /* Must not fail: whatever happened, the caller gets an answer. rq->transaction may be NULL. */
    void (*render_failure)(struct request *rq, enum status status, struct reply *rp);
    /* The answer, before COMMIT: what is to be kept or sent elsewhere is queued in the effect's
     * transaction, and the reply may become another one. May be NULL. */
    enum status (*finish)(struct request *rq, struct reply *rp);
    /* The same for a failed message and its answer, in the transaction of the failure's audit row;
     * may be NULL. */
    enum status (*keep_failure)(struct request *rq, struct reply *rp);
};

/* Whom a door serves. A community asks at doors that ask nobody else, or one could make the hub ask
 * all others; a member asks at those that do, or it would see the region as strangers see it. */
enum audience { FOR_MEMBERS, FOR_COMMUNITIES, FOR_BOTH };

/* A door. HTTP: method and path, mTLS listener or admin listener. MLLP: the wire alone. */
struct route {
    enum wire wire;
    bool admin; /* on the admin listener, and only there */
    const char *method, *path;
    const struct protocol *protocol;
    const struct transaction *transactions; /* ends with a NULL name */
    const struct part_sink *sink;           /* for MTOM parts; NULL keeps them in memory */
    enum audience audience;
};

/* That an assertion came with a message: hub/xua.h writes it down, once. */
struct assertion_use {
    bool is_due, is_kept; /* to be written; written and committed */
    int64_t akey;
    unsigned char digest[32];
    int64_t expires_us;
};

struct request {
    unsigned magic;
    struct hub *hub;
    const struct config *config;
    const struct member_directory *members; /* one snapshot for the whole request */
    struct exchange *exchange;
    const struct route *route;
    struct arena *arena; /* the exchange's: ends when the answer has gone */
    struct errors *err;
    struct db *db;
    struct principal principal;
    struct str claimed_user;  /* by an assertion that may have been refused: for its audit row */
    struct assertion_use use; /* of the principal's assertion */
    const struct transaction *transaction;
    struct uuid id;
    int64_t now_us;      /* wall clock, read once: one instant for the whole request */
    int64_t deadline_us; /* monotonic */
    union {
        struct soap_message *soap;
        void *hl7; /* gateway/hl7.h: struct hl7_message */
    } message;
    /* Who says that it sends, and to whom: wsa:ReplyTo and the door's path, or MSH-3|MSH-4 and
     * MSH-5|MSH-6. Claims of the message, for the audit record only. */
    struct str sender, addressee;
    struct audit_list audit; /* rows to write when the handler succeeds */
    /* The patient, and the query, submission set, documents or message in question: set as soon as
     * known, so that a failure's audit row can name them. */
    struct str patient;            /* CX, as the message named it */
    struct person_ref person;      /* whom it stands for */
    struct audit_object *about;    /* request_about's list, newest first */
    uint64_t flushes_before;       /* db_flushes when the request began */
    struct emergency *emergencies; /* hub/emergency.h: of this attempt */
    struct undo *undo;             /* request_on_rollback's list, newest first */
    struct rows epochs;            /* of this transaction: request_epoch */
    bool epochs_queued;
    bool shown_all, recalls;   /* request_shown_all, request_recalls */
    struct request_wait *wait; /* request_wait's, until it begins */
    void *kept;                /* what the handler that waits keeps for the one that goes on */
};

#define REQUEST_MAGIC 0x52455155u

/* TIMED_OUT when the deadline has passed or the client has gone; handlers call it between the
 * steps of long work. */
enum status request_alive(struct request *rq) MUST_CHECK;

/* Calls fn(p) when the transaction of this attempt has certainly been rolled back: for effects
 * outside the database (documents in the store). Not called when it committed, nor when the
 * connection was lost while COMMIT was under way and nobody can know. Newest first. */
void request_on_rollback(struct request *rq, void (*fn)(void *), void *p);

/* Names what the request is about, before anything can fail: objects of the audit row of a failure,
 * and of a success where the handler gives them to its rows. */
void request_about(struct request *rq, const char *kind, struct str id, struct str detail);

/* Called by a handler that has shown everything that it found: this may be asked again, and what it
 * has read be taken from memory then. Whoever was not shown something does not learn from an
 * answer's time that it has changed. */
void request_shown_all(struct request *rq);
/* Is this an attempt on what is in memory alone? Then nothing is known to be so, and a handler that
 * would say that something is wrong fails instead. */
bool request_recalls(const struct request *rq);

/* Called by a handler, once: when this transaction has committed, with its audit rows, `begin` runs
 * on the worker and hands the waiting over to whoever waits without blocking. When that one calls
 * request_wake, `then` runs in a transaction of its own, which may wait again or answer. From
 * `begin` on the request belongs to whom it was handed to, arena and all; it keeps what it knew.
 * The reply that the handler left is dropped. */
void request_wait(struct request *rq, const struct transaction *then,
                  void (*begin)(struct request *rq, void *p), void *p);
void request_wake(struct request *rq); /* any thread */

/* The version of table epoch that this transaction's first flush read: "member" or "consent". False
 * before it, and in requests that the driver does not run: request_has_epochs says which. */
bool request_epoch(const struct request *rq, const char *name, int64_t *value);
bool request_has_epochs(const struct request *rq);

/* The id as text, for errors and audit: 36 characters. */
struct str request_id(struct request *rq);
