/* A SAML 2.0 assertion as XUA uses it (ITI-40; IHE ITI TF-2 3.40): read, and checked against what
 * is known of its identity provider. Pure: no database, no clock of its own.
 *
 * assertion_bounded comes first, then the signature (hub/data/dsig.h), then assertion_read of the
 * very node that was verified. Strings borrow from the tree or live in the arena. Codes of failures
 * are those of WS-Security (section 12). */
#pragma once

#include "hub/data/dsig.h"
#include "hub/member.h"
#include "hub/request.h"

/* Sizes of an assertion: bytes of names, values and text together; depth; saml:Attributes. */
enum { ASSERTION_BYTES = 64 << 10, ASSERTION_DEPTH = 40, ASSERTION_ATTRIBUTES = 200 };

enum status assertion_bounded(const xmlNode *node, struct errors *err) MUST_CHECK;

/* Before anything is verified: for the choice of the key, and for the audit row of a refusal. */
struct str assertion_issuer(struct arena *a, const xmlNode *node);
/* alias<user@issuer>, IHE ITI TF-2 3.40.4.2 */
struct str assertion_user(struct arena *a, const xmlNode *node);

struct strings {
    struct str *items;
    size_t count;
};

struct codes {
    struct coded *items;
    size_t count;
};

struct confirmation {
    bool is_holder_of_key;
    const struct dsig_key *key; /* holder of key: whose; NULL: a form that is not understood */
    int64_t not_before_us, not_on_or_after_us; /* INT64_MIN, INT64_MAX: open */
};

struct assertion {
    struct str id, issuer;
    struct str user; /* alias<user@issuer> */
    int64_t issued_us, not_before_us, not_on_or_after_us;
    int64_t session_until_us;  /* INT64_MAX: open */
    struct strings *audiences; /* of each AudienceRestriction: one of each must be us */
    size_t audience_count;
    struct confirmation *confirmations;
    size_t confirmation_count;
    struct str user_name;
    struct strings organizations;    /* OIDs, without urn:oid: */
    struct strings home_communities; /* likewise */
    struct codes roles, purposes;    /* in their order; the first is the one */
    struct str reason;               /* originalText of the first purpose: a person's words */
    struct strings patients;         /* CX, each once */
};

/* Reads all of it. INVALID, wsse:InvalidSecurityToken, for what XUA asks and is not there, and for
 * a Condition that is not understood. `purpose_forms`: bits of enum purpose_form. */
enum status assertion_read(struct arena *a, const xmlNode *node, unsigned purpose_forms,
                           struct assertion *out, struct errors *err) MUST_CHECK;

/* What it is checked against. */
struct assertion_context {
    int64_t now_us;
    const struct member_idp *idp;
    const struct str *audiences; /* what the hub is called, where the provider names nothing else */
    size_t audience_count;
    const unsigned char *peer_key; /* SHA-256 of the connection's SubjectPublicKeyInfo */
    /* Verified with the holder's key? NULL where the message has no signature of the sender's. */
    const struct wsse *wsse;
};

/* Times, lifetime, audience, and one confirmation that holds: bearer, or the holder of the key,
 * which is the connection's or has signed the message's timestamp. */
enum status assertion_check(struct arena *a, const struct assertion *s,
                            const struct assertion_context *c, struct errors *err) MUST_CHECK;
