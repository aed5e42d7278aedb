/* Parameters of a FHIR search: name=value pairs of a query string or a form (application/
 * x-www-form-urlencoded), decoded; and the values that FHIR defines (R4 search: prefix, date,
 * token). Pure; any thread. */
#pragma once

#include "hub/base/err.h"

enum { FHIR_PARAMETERS_MAX = 64, FHIR_VALUE_MAX = 2048 };

struct fhir_parameter {
    struct str name, modifier; /* patient.identifier:exact */
    struct str value;
};

struct fhir_query {
    struct fhir_parameter v[FHIR_PARAMETERS_MAX];
    size_t n;
};

/* Adds what `text` holds. INVALID with the code "invalid": broken percent-encoding, no UTF-8, a
 * control character, too many or too long. */
enum status fhir_query_read(struct arena *a, struct str text, struct fhir_query *q,
                            struct errors *err) MUST_CHECK;

/* [ge|gt|le|lt|eq]date, where a date may be a year, a month, a day or an instant: narrows from (the
 * first instant) and to (the first after the last). False: no such date, or another prefix. */
bool fhir_date_narrow(struct str value, int64_t *from_us, int64_t *to_us);

/* system|code, |code, code or system|: a system that is not said is STR_NONE, `|code` gives an
 * empty one. */
struct fhir_token {
    struct str system, code;
};
struct fhir_token fhir_token_read(struct str value);
