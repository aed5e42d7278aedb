/* What one consent leaves to a requester: the access decision of PCF's Consent Authorization Server
 * and the residual rules of its token (PCF 1.1, update to ITI-71 3.71.4.2.2.1.4).
 *
 * No token: the consent does not authorise this request, by its status, its time, its actors or its
 * purposes. A token without residual: all data. Else the rules in order: forbid without anything
 * stands for all data, and a permit after it lets through what it names. A consent with anything
 * that is not understood gives no token. Pure. */
#pragma once

#include "consent/fhir_consent.h"

struct residual_request {
    const struct str *is; /* references that the requester is: itself, its groups, organizations */
    size_t is_count;
    struct fhir_coding purpose; /* of use */
    int64_t at_us;
};

struct residual_rule {
    bool permit;                      /* else forbid */
    const struct fhir_coding *labels; /* security labels that it concerns */
    const struct fhir_period *period; /* in which the data were made; NULL: any time */
    const struct fhir_data *data;     /* that it concerns */
    size_t label_count, data_count;
};

struct residual {
    bool token;
    const char *why; /* a literal: which step decided */
    struct residual_rule *rules;
    size_t count;
};

struct residual consent_residual(struct arena *a, const struct fhir_consent *c,
                                 const struct residual_request *request);
