/* `causeway consent minors` and `consent emergency`: what the domain says of people. */
#pragma once

#include "hub/command/operation.h"

int consent_minors_run(const void *context, int argc, char **argv);
int consent_emergency_run(const void *context, int argc, char **argv);

/* When was this person born? The index answers: hub/main.c hands it in. YYYYMMDD, parts that are
 * not known 0; 0: unknown. May flush. Set once, before the command runs. */
void consent_set_birth_date(enum status (*birth)(struct request *rq, struct person_ref person,
                                                 int32_t *out));
enum status consent_index_birth(struct operation *o, struct person_ref person, int32_t *out);
