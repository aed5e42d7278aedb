/* Other communities as this hub calls them: where they are reached, how long it waits for them, and
 * what it puts up with.
 *
 * A quirk is a tolerance for one community: a row of community_quirk, off unless an operator set it
 * (`causeway community quirk`). Each says what is let pass that the profile forbids, or how the
 * community is asked. The table below is all of them. */
#pragma once

#include "hub/net/callout.h"
#include "hub/request.h"

/* X(name, key, wants a value, words) */
#define PARTNER_QUIRKS(X)                                                                          \
    X(ONE_DOCUMENT, "one-document", false, "asks for one document per request")                    \
    X(DOCUMENTS, "documents", true, "asks for at most so many documents per request")              \
    X(RAW_MTOM, "raw-mtom", false,                                                                 \
      "takes an answer that is announced as MTOM but is plain XML, its documents inline")          \
    X(LOOSE_NAMESPACES, "loose-namespaces", false,                                                 \
      "takes answers whose prefixes are undeclared, missing or of another namespace")              \
    X(BARE_OIDS, "bare-oids", false, "takes home community ids without urn:oid:")                  \
    X(OTHER_HOME, "other-home", true,                                                              \
      "takes this home community id, too, for the one in the directory")                           \
    X(NO_HOME, "no-home", false, "takes answers that name no home community")                      \
    X(EMPTY_BODY, "empty-body", false, "takes an empty HTTP body for an answer without results")   \
    X(SOAP11_FAULTS, "soap11-faults", false, "reads faults in SOAP 1.1")                           \
    X(SOFT_MS, "soft-ms", true, "milliseconds until its answer has begun")                         \
    X(HARD_MS, "hard-ms", true, "milliseconds until its answer is whole")                          \
    X(IN_FLIGHT, "in-flight", true, "calls to it at a time")                                       \
    X(ASSERTION, "forward-assertion", false,                                                       \
      "sends the assertion of the person who asks along (XUA): it trusts who issued it")

enum partner_quirk {
#define X(name, key, value, words) QUIRK_##name,
    PARTNER_QUIRKS(X)
#undef X
        QUIRKS
};

struct partner_quirk_row {
    const char *key;
    bool wants_value;
    const char *words;
};
extern const struct partner_quirk_row partner_quirks[QUIRKS];
/* False when there is no such quirk, or its value is not one: an OID, or a number from 1. */
bool partner_quirk_read(struct str key, struct str value, enum partner_quirk *out);

#define PARTNER_TAKES(p, quirk) (((p)->quirks & (1u << QUIRK_##quirk)) != 0)

struct partner {
    int64_t member_id;
    const struct member *member;
    struct str name, home; /* home: an OID, without urn:oid: */
    struct str query_url, retrieve_url, discovery_url, provide_url; /* STR_NONE: it has none */
    unsigned quirks;
    struct str other_home;
    int64_t soft_us, hard_us;
    int most_in_flight;
    size_t documents; /* per request */
};

struct partners {
    struct partner *v;
    size_t n;
    struct rows rows, quirks;
};

/* All communities that are not suspended. Queues; after the flush partners_read. */
void partners_queue(struct request *rq, struct partners *out);
void partners_read(struct request *rq, struct partners *out);
const struct partner *partner_by_home(const struct partners *all, struct str home);
const struct partner *partner_by_id(const struct partners *all, int64_t member_id);

/* Takes one quirk over. Pure. */
void partner_set_quirk(struct partner *p, enum partner_quirk quirk, struct str value);

/* urn:oid:HOME */
struct str partner_home_urn(struct arena *a, const struct partner *p);
/* Is what an answer says about its home what this community may say? */
bool partner_is_home(const struct partner *p, struct str said);
