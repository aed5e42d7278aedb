/* The options of `causeway consent set` that say what a statement is about, and how it binds. */
#pragma once

#include "consent/rule.h"
#include "hub/command/operation.h"

#define CONSENT_RULE_OPTIONS                                                                       \
    {"when", "WHAT=VALUE",                                                                         \
     "only where this holds; repeated, all of it: values of one WHAT are "                         \
     "alternatives. VALUE is CODE[^^OID], of times FROM..UNTIL"},                                  \
        {"overridable", NULL, "with --deny: an emergency may open it (`consent emergency`)"},      \
        {"obligation", "WORD", "of a permit: no-redisclosure, read-only, no-onward"},              \
    {                                                                                              \
        "rules", "FILE",                                                                           \
            "all of it as JSON, exceptions included (consent/rule.h), or - for "                   \
            "standard input"                                                                       \
    }

/* The obligations of --obligation, as a set: CONSENT_OBLIGATION. */
enum status consent_obligations_given(struct operation *o, unsigned *out) MUST_CHECK;
/* The rule that the options say, or NULL where the effect alone is meant. */
enum status consent_rule_given(struct operation *o, enum consent_effect effect,
                               const struct consent_rule **out) MUST_CHECK;
