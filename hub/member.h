/* The members: who may connect, and what belongs to whom.
 *
 * The directory is an immutable snapshot, read from the database when its epoch moves, and
 * replaced as a whole. A request holds one snapshot for its life. Any thread may hold and read. */
#pragma once

#include "hub/base/err.h"
#include "hub/base/str.h"

struct db;
struct dsig_key;

struct member_authority {
    struct str oid;
    struct str name_space; /* HD.1 by which this member's messages name it; may be empty */
};

struct member_application {
    struct str application, facility; /* MSH-3 and MSH-4; an empty facility matches any */
};

/* Where the hub tells this member of changed identifiers. */
struct member_notify {
    struct str format;                /* "hl7v2" (ITI-10), "hl7v3" (ITI-46), "links" (ITI-64) */
    struct str address;               /* HOST:PORT or URL */
    struct str application, facility; /* MSH-5 and MSH-6 */
};

struct member_cert {
    unsigned char fingerprint[32]; /* SHA-256 of the DER */
    int64_t not_after_us;
    bool direct; /* trusted by itself (ITI-19 direct comparison), without a chain */
};

/* What of the audit log it may read (ITI-81): nothing, records of its own requests, or all. */
enum audit_reader { AUDIT_READER_NONE, AUDIT_READER_OWN, AUDIT_READER_ALL };

/* May, must or must not a member's SOAP requests name a person (XUA)? */
enum member_xua { XUA_OPTIONAL, XUA_REQUIRED, XUA_SYSTEM_ONLY };

/* How an identity provider writes the purpose of use: bits. */
enum purpose_form { FORM_PURPOSE_OF_USE = 1, FORM_PURPOSE_FOR_USE = 2, FORM_CODED_VALUE = 4 };

struct member_idp_key {
    unsigned char fingerprint[32]; /* SHA-256 of the certificate */
    int64_t not_before_us, not_after_us;
    const struct dsig_key *key; /* NULL: of a kind that no signature may be made with */
};

/* Who may vouch for a member's persons (X-Assertion Provider). */
struct member_idp {
    struct str issuer;
    struct str audiences;     /* separated by spaces; empty: what the hub is called by itself */
    struct str organizations; /* OIDs beside the member's own, separated by spaces */
    int64_t lifetime_us, skew_us;
    bool one_time;
    unsigned purpose_forms;
    struct member_idp_key *keys;
    size_t key_count;
};

enum { MEMBER_WEIGHT = 100 }; /* the usual one */

/* What it may have of the hub beside the others (hub/fair.h); 0: the configuration's. */
struct member_share {
    int64_t weight, rate, waiting, running;
};

struct member {
    int64_t id;
    struct str name;         /* the operator's short name, unique */
    struct str organization; /* OID */
    bool suspended;
    struct member_share share;
    bool strict_adt;    /* an ADT event that the hub does not use is answered AR, not AA */
    bool multi_patient; /* it may ask about several patients at once (ITI-51) */
    enum audit_reader audit_reader;
    struct str charset; /* of HL7 v2 messages without MSH-18; empty means ASCII */
    struct member_authority *authorities;
    size_t authority_count;
    struct member_application *applications; /* none: any that no other member has registered */
    size_t application_count;
    struct member_cert *certs;
    size_t cert_count;
    struct str *domains; /* that identity answers may name, beside its own; none: every one */
    size_t domain_count;
    struct member_notify *notify; /* at most one of a format */
    size_t notify_count;
    struct str *reply_to; /* addresses that its requests may name for their answers */
    size_t reply_to_count;
    enum member_xua xua;
    struct str home_community; /* that its assertions may name; empty: the hub's own */
    struct str community;      /* home community id: it is another region's hub; empty: it is not */
    struct str tells;     /* a community: what it is told of people beside name, sex and date of
                             birth (ITI-55): address, telecom, mother; separated by spaces */
    struct str *purposes; /* CODE or SYSTEM|CODE; none: any */
    size_t purpose_count;
    struct member_idp *idps;
    size_t idp_count;
};

struct member_directory {
    int64_t epoch;
    struct member *members;
    size_t count;
};

/* Reads all members in one flush. The directory holds one reference. */
enum status member_directory_read(struct db *db, struct member_directory **out) MUST_CHECK;
struct member_directory *member_directory_hold(struct member_directory *d);
void member_directory_release(struct member_directory *d);

const struct member *member_by_id(const struct member_directory *d, int64_t id);
const struct member *member_by_name(const struct member_directory *d, struct str name);
/* The member of a certificate: registered, not past its date. chain_valid says whether the
 * handshake's chain ended in a configured CA; without it only a direct certificate counts. */
const struct member *member_by_cert(const struct member_directory *d,
                                    const unsigned char fingerprint[32], bool chain_valid,
                                    int64_t now_us);
const struct member *member_by_authority(const struct member_directory *d, struct str oid);
/* OID of an authority as this member's messages name it: by OID if given, else by namespace. It
 * may belong to another member; STR_NONE when nobody registered it. */
struct str member_authority_oid(const struct member_directory *d, const struct member *m,
                                struct str name_space, struct str oid);
bool member_owns_authority(const struct member *m, struct str oid);
/* May answers to this member name identifiers of this domain? Its own, and those that it
 * registered for; without any registration all of them. */
bool member_knows_domain(const struct member *m, struct str oid);
/* By its issuer; NULL: none of that name vouches for this member's persons. */
const struct member_idp *member_idp_by_issuer(const struct member *m, struct str issuer);
/* May its assertions name this purpose of use? */
bool member_may_claim(const struct member *m, struct str code, struct str system);
/* One of the words, which spaces separate. */
bool member_list_has(struct str list, struct str word);
const struct member_notify *member_notify_of(const struct member *m, struct str format);
/* Do MSH-3 and MSH-4 belong to this member? */
bool member_owns_application(const struct member_directory *d, const struct member *m,
                             struct str application, struct str facility);
