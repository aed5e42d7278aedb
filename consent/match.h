/* Does a tree of rules say anything about this request and this object? Pure.
 *
 * Of what a request does not prove, and of what an object may hide (a folder, for rules about
 * documents), a condition holds perhaps. A denial that holds perhaps denies; a permit that holds
 * perhaps says nothing. */
#pragma once

#include "consent/consent.h"

enum consent_verdict { CONSENT_SILENT, CONSENT_SAYS_DENY, CONSENT_SAYS_PERMIT };

struct consent_asked {
    const struct principal *principal;
    struct coded purpose; /* as consent_purpose gives it */
    int64_t at_us;
    unsigned relations; /* to the person whose policies are asked: bits of consent_relation_kind */
};
struct consent_asked consent_asked_of(const struct principal *principal, int64_t at_us);

/* What a tree says, whatever the order of its exceptions. */
struct consent_said {
    enum consent_verdict verdict;
    bool overridable; /* of a denial: every rule that denies, or may, lets itself be overridden */
    unsigned obligations; /* of a permit: of all rules that permit */
};
struct consent_said consent_rule_says(const struct consent_rule *rule,
                                      const struct consent_asked *asked,
                                      const struct consent_object *object);

/* The same rule for this asker alone: conditions about the asker and the instant are settled. NULL:
 * it is silent whatever the object. Memory from a. `asked` of consent_rule_says is not looked at
 * any more. */
const struct consent_rule *consent_rule_focus(struct arena *a, const struct consent_rule *rule,
                                              const struct consent_asked *asked);
