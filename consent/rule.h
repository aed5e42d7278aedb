/* What a policy says, as a tree of rules: an effect, the conditions under which it holds, and the
 * exceptions to it, which are rules themselves (FHIR R4 Consent.provision: a nested provision is an
 * exception to its parent).
 *
 * A rule holds when each of its conditions does; a condition, when one of its values is among those
 * of the request or the object. Of several exceptions that hold a deny wins, whatever their order.
 * A rule that does not hold says nothing. Codes are compared with their system; an empty system in
 * a condition stands for every system.
 *
 * The whole tree is kept as canonical JSON (consent_policy.rules): the same bytes for the same
 * rules. Pure: no database, no clock. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/request.h"

enum consent_effect { CONSENT_DENY, CONSENT_PERMIT };

/* X(name, word in JSON, of). `of`: ASKER for what the request says by itself, OBJECT for what is
 * asked about, TIME for an interval of `from` and `until` in place of values. */
#define CONSENT_ATTRIBUTES(X)                                                                      \
    X(MEMBER, "member", ASKER)             /* name of the asking member */                         \
    X(ROLE, "role", ASKER)                 /* of the person */                                     \
    X(USER, "user", ASKER)                 /* alias<user@issuer>, as audit names the person */     \
    X(ORGANIZATION, "organization", ASKER) /* OID, of the person or else of the member */          \
    X(PURPOSE, "purpose", ASKER)           /* of use; what a purpose includes holds too */         \
    X(RELATION, "relation", ASKER)  /* of the person to the patient: SELF, PROXY, CARETEAM */      \
    X(INSTANT, "instant", TIME)     /* of the request: the validity of a rule */                   \
    X(DOCUMENT, "document", OBJECT) /* uniqueId */                                                 \
    X(CLASS, "class", OBJECT)                                                                      \
    X(TYPE, "type", OBJECT)                                                                        \
    X(FORMAT, "format", OBJECT)                                                                    \
    X(EVENT, "event", OBJECT)                                                                      \
    X(LABEL, "label", OBJECT) /* sensitivity and confidentiality (consent/labels.h) */             \
    X(FACILITY, "facility", OBJECT)                                                                \
    X(PRACTICE, "practice", OBJECT)                                                                \
    X(AUTHOR, "author", OBJECT)                           /* the person: XCN.1, or the name */     \
    X(AUTHOR_ORGANIZATION, "author-organization", OBJECT) /* XON.10, or the name */                \
    X(PUBLISHER, "publisher", OBJECT)                     /* name of the member */                 \
    X(SERVICE, "service", TIME) /* serviceStartTime to serviceStopTime */                          \
    X(CREATED, "created", TIME) /* creationTime */

enum consent_attribute {
#define X(name, word, of) CONSENT_##name,
    CONSENT_ATTRIBUTES(X)
#undef X
        CONSENT_ATTRIBUTE_COUNT
};

enum { CONSENT_OF_ASKER, CONSENT_OF_OBJECT, CONSENT_OF_TIME };

struct consent_condition {
    enum consent_attribute what;
    bool unless; /* holds where none of the values is found, or outside of the interval */
    union {
        struct {
            const struct coded *values; /* system empty: every one, or codes that have none */
            size_t count;
        };
        struct { /* of TIME: [from, until); INT64_MIN and INT64_MAX: open */
            int64_t from_us, until_us;
        };
    };
};

/* What whoever receives the data has to heed; a set. X(name, word) */
#define CONSENT_OBLIGATIONS(X)                                                                     \
    X(NO_REDISCLOSURE, "no-redisclosure") /* 42 CFR 2.32: the notice goes with the data */         \
    X(READ_ONLY, "read-only")                                                                      \
    X(NO_ONWARD, "no-onward") /* no sharing with other communities */
enum consent_obligation {
#define X(name, word) CONSENT_##name##_BIT,
    CONSENT_OBLIGATIONS(X)
#undef X
        CONSENT_OBLIGATION_COUNT
};
#define CONSENT_OBLIGATION(name) (1u << CONSENT_##name##_BIT)

struct consent_rule {
    enum consent_effect effect;
    bool overridable;     /* a denial that breaking the glass opens */
    bool perhaps;         /* one of its conditions holds perhaps: never stored (match.h) */
    unsigned obligations; /* of a permit */
    const struct consent_condition *conditions;
    size_t condition_count;
    const struct consent_rule *exceptions;
    size_t exception_count;
};

enum {
    CONSENT_RULES_BYTES_MAX = 65536,
    CONSENT_RULES_DEPTH_MAX = 8, /* exceptions of exceptions */
    CONSENT_RULES_MAX = 500,     /* of one policy, exceptions included */
    CONSENT_VALUES_MAX = 1000,   /* of one condition */
};

/* {"effect":"permit","when":[{"is":"purpose","any":[["TREAT","2.16..."]]},
 *  {"is":"service","from":"2026-01-01T00:00:00.000000Z"},{"is":"label","none":[["SUD",""]]}],
 *  "overridable":true,"obligations":["no-redisclosure"],"except":[{...}]}
 * Keys that say nothing are left out. */
struct str consent_rule_write(struct arena *a, const struct consent_rule *rule);
/* INVALID, code "rules", with the place, for anything else than consent_rule_write writes, white
 * space and order of keys aside, and above the caps. Memory from a. */
enum status consent_rule_read(struct arena *a, struct str json, struct consent_rule *out,
                              struct errors *err) MUST_CHECK;

/* The denials in a rule, as rules of their own that deny or say nothing: never a permit, and never
 * less denied. What a denial's exceptions permit is left out where one condition about the asker
 * says it, else the denial stands whole. Memory from a; borrows conditions' values. */
const struct consent_rule *consent_rule_denials(struct arena *a, const struct consent_rule *rule,
                                                size_t *count);

const char *consent_attribute_word(enum consent_attribute what);
int consent_attribute_of(enum consent_attribute what); /* CONSENT_OF_... */
bool consent_attribute_parse(struct str word, enum consent_attribute *out);
const char *consent_obligation_word(enum consent_obligation o);
bool consent_obligation_parse(struct str word, enum consent_obligation *out);
