/* What tells the detection rules (hub/audit/rules.h) who a person is: name, birth date and address
 * in the core's normal form, so that "12 Main Street" and "12 MAIN ST." are one. */
#pragma once

#include "hub/audit/rules.h"
#include "hub/request.h"

/* From the golden records, in the order of the references: one statement, one flush. A person
 * without a golden record is of zeroes. Memory of rq. */
enum status mpi_kin_find(struct request *rq, const struct person_ref *persons, size_t count,
                         struct audit_identity *out) MUST_CHECK;

/* Of a list of people that is not the index's. Any thread. */
struct audit_identity mpi_kin_of(struct arena *a, struct str family, struct str given,
                                 struct str birth_date, struct str street, struct str city,
                                 struct str postcode);
