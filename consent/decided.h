/* What a gate decided, noted for the audit record: the rule, the policy and its version, the reason
 * class, the obligations, and for how many objects. Never for who asked. */
#pragma once

#include "consent/consent.h"
#include "hub/request.h"

/* Once for each object that a request is decided about. No database. */
void consent_decided(struct request *rq, const struct person *person,
                     const struct consent_decision *d);

/* "no-redisclosure read-only"; empty: none. */
struct str consent_obligations_text(struct arena *a, unsigned obligations);
