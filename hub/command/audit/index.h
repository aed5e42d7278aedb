/* What the auditors' commands ask of the index, another room's: hub/main.c hands it in. */
#pragma once

#include "hub/audit/rules.h"
#include "hub/command/operation.h"

struct audit_index {
    /* Whose identifier is it, and who was merged into that person? NOT_FOUND: nobody's. */
    enum status (*resolve)(struct request *rq, struct identifier id, struct person *out);
    /* Who they are, in normal form, in the order of the references; zeroes where unknown. */
    enum status (*identify)(struct request *rq, const struct person_ref *persons, size_t count,
                            struct audit_identity *out);
    /* The normal form of somebody that the index does not know. */
    struct audit_identity (*identity)(struct arena *a, struct str family, struct str given,
                                      struct str birth_date, struct str street, struct str city,
                                      struct str postcode);
};

void audit_set_index(const struct audit_index *index); /* borrowed for good */
const struct audit_index *audit_index(void);
