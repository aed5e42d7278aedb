/* A stored record read back, and what both of its renderings ask of it. The record is the JSON of
 * hub/audit/record.h, of version 1, 2 or 3; what an older one lacks is empty. Its decisions are not
 * read: they are for auditors, who have the record itself (`causeway audit search --json`). Pure;
 * any thread. */
#pragma once

#include "hub/audit/transaction.h"

struct audit_event {
    struct str id, at, request, transaction;
    const struct audit_transaction *row; /* of the table; NULL: none of its transactions */
    struct str event, action;
    int outcome;
    int64_t member_id;
    struct str member, user, user_name, organization, role, role_system, purpose, purpose_system;
    struct str assertion, peer, endpoint, patient, description, sender, partner, fingerprint;
    struct str verbatim; /* decoded */
    int64_t process;
    bool initiator;
    struct audit_object *objects;
};

/* False when it is no such record. Strings in the arena. */
bool audit_event_read(struct arena *a, struct str record, struct audit_event *out);

/* In the description of a record: that consent kept something back, and that nothing was told of
 * this patient, whom the question did not name. */
#define AUDIT_WITHHELD        "withheld by consent"
#define AUDIT_NOTHING_OF_THEM AUDIT_WITHHELD ", nothing told"
#define AUDIT_NOTHING_BESIDE  AUDIT_NOTHING_OF_THEM " beside others" /* in rows of their own */

/* Takes away what who asked was not told: what consent withheld, whose it was, and how it was
 * decided. What is left equals the record of a question that found nothing. False: it must not be
 * found at all, by_patient (of a search by patient) or since another record tells of the question.
 */
bool audit_event_for_asker(struct audit_event *e, bool by_patient);

/* The first object of this kind, or NULL. */
const struct audit_object *audit_event_object(const struct audit_event *e, const char *kind);

/* One of the two nodes of an exchange. */
struct audit_party {
    struct str id;           /* URL, MSH-3|MSH-4, wsa:ReplyTo */
    struct str process;      /* empty: not known */
    struct str network;      /* host or address */
    bool network_is_address; /* IP */
    bool requestor;
};

/* Who asked or told, and who answered. `hub` is how the hub calls itself where nothing else does.
 */
void audit_event_parties(struct arena *a, const struct audit_event *e, struct str hub,
                         struct audit_party *asker, struct audit_party *answerer);

/* The person behind a request, by an assertion or at an operator's keyboard. */
bool audit_event_has_person(const struct audit_event *e);
/* user of alias<user@issuer>; the whole when it has another form. */
struct str audit_event_person(const struct audit_event *e);
/* issuer of alias<user@issuer>; NONE when it has another form. */
struct str audit_event_issuer(const struct audit_event *e);

/* The event's type as a code: of IHE's transactions, or DCM, or the hub's own words. */
struct audit_code {
    struct str code, system, words; /* system: "IHE Transactions", "DCM", "Causeway" */
};
struct audit_code audit_event_type(const struct audit_event *e);
/* The meaning of a DCM code of EventID. */
const char *audit_event_words(struct str event_id);

/* The id of the message, where the profile wants it beside the patient (MSH-10, II); or NONE. */
struct str audit_event_message(const struct audit_event *e);
