/* A person's documents as consent sees them: for `causeway consent`, which decides about them
 * without knowing the registry. hub/main.c hands it over. */
#pragma once

#include "consent/decide_command.h"

/* As consent_documents_fn. One flush or two; memory of the request. */
enum status xds_consent_objects(struct request *rq, const struct person *person, int64_t as_of_us,
                                struct consent_document **out, size_t *count) MUST_CHECK;
