/* What a FHIR provision means to the engine: rules (consent/rule.h), or the elements that the
 * engine cannot hold a decision to.
 *
 * Within its scope (time, actors, purposes) a root permit that names data permits these alone: what
 * else is asked for in that scope is denied. Outside its scope it says nothing. Nested provisions
 * are exceptions: a deny narrows, a permit widens, also to purposes that the root does not name
 * (break-glass). Confidentiality is an order: a permit of N covers what is lower, a deny of R what
 * is higher (PCF 1.1, the guide's advanced consents).
 *
 * One provision may give several rules, for FHIR's alternatives (two actors of different kinds) are
 * not one condition. Pure. */
#pragma once

#include "consent/fhir_consent.h"
#include "consent/rule.h"

struct consent_meaning {
    struct consent_rule *rules; /* each a policy of its own */
    size_t count;
    struct str
        *strange; /* paths as fhir_consent.strange; with any of them the rules do not count */
    size_t strange_count;
};

/* Who is meant by an actor: NULL where a reference resolves to nobody. */
struct consent_actors {
    /* The name of the member with this OID, name or reference; STR_NONE: none. */
    struct str (*member)(void *context, struct str name);
    void *context;
};

struct consent_meaning consent_meaning_of(struct arena *a, const struct fhir_provision *root,
                                          const struct consent_actors *actors);

/* Denies everything to everyone: what stands in force for a consent that is not understood. */
extern const struct consent_rule CONSENT_DENY_ALL;
