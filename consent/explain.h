/* Why a decision is as it is, and what would make another of it. By the engine itself: each layer
 * is asked as consent_decide asks it, and each "without" is decided by it. Pure. */
#pragma once

#include "consent/match.h"

/* Why a denial is no information blocking, or what to call it: 45 CFR 171. A literal; empty for a
 * permit. */
const char *consent_reason_class(const char *rule);
/* Who or what could make another decision of it, in words. A literal. */
const char *consent_remedy(const char *rule);

/* What decided, in a sentence for the patient. A literal. */
const char *consent_plain(const char *rule);

/* What one layer says for one constituent. */
struct consent_step {
    const char *layer; /* "agreement", "patient", "people", "own-object", or a default's rule */
    enum consent_verdict verdict;
    struct person_ref person;
    struct uuid by; /* policy, agreement or relation; zero: none */
    int64_t version;
};

/* All layers, whichever decides, in their order and for each constituent. Nothing without a member,
 * a person or readable policies. Memory from a; gives the number of steps. */
size_t consent_trace(struct arena *a, const struct principal *principal,
                     const struct consent_object *object, int64_t at_us,
                     const struct consent_policies *policies, struct consent_step **out);

/* The decision if what decides, by its id, did not exist: a policy, a relation or an emergency.
 * False where a decision rests on nothing that could be taken away so. */
bool consent_without(struct arena *a, const struct principal *principal,
                     const struct consent_object *object, int64_t at_us,
                     const struct consent_policies *policies, const struct consent_decision *d,
                     struct consent_decision *out);
