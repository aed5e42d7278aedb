/* `causeway consent`: what patients permit and deny, and what holds where they said nothing. */
#pragma once

#include "hub/command/operation.h"
#include "hub/module.h"
#include "hub/person.h"

extern const struct command consent_command;

/* Whose identifier is it? The index answers, but consent does not know the index: hub/main.c hands
 * it in. Runs inside an open transaction, may flush rq->db, and gives the person with xad_pid and
 * constituents, or NOT_FOUND with the reason in rq->err. Set once, before the command runs. */
void consent_set_resolver(enum status (*resolve)(struct request *rq, struct identifier id,
                                                 struct person *out));

/* Whom the identifier stands for, by the resolver. */
enum status consent_resolve(struct request *rq, struct identifier id,
                            struct person *out) MUST_CHECK;
/* An option that is an instant; *us stays as it is without one. */
enum status consent_given_time(struct operation *o, const char *option, int64_t *us) MUST_CHECK;
/* The person of --patient, and the audit row about it; for every sub-command that takes one. */
enum status consent_given_patient(struct operation *o, struct person *person,
                                  struct audit_row **audit) MUST_CHECK;
