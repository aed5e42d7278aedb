/* `causeway consent`: what patients permit and deny, and what holds where they said nothing. */
#pragma once

#include "consent/consent_print.h"
#include "consent/consent_store.h"
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
/* The person of --patient, and the audit row about it; for every sub-command that takes one. */
enum status consent_given_patient(struct operation *o, struct person *person,
                                  struct audit_row **audit) MUST_CHECK;

/* Its halves, for who asks about another moment: --patient, and the audit row about the person. */
enum status consent_given_identifier(struct operation *o, struct identifier *id) MUST_CHECK;
struct audit_row *consent_audit_patient(struct operation *o, struct identifier id,
                                        const struct person *person);

/* What sub-commands share: times and members that options name (unchanged, or NULL, where they are
 * not given), how to print, and a person's policies, as of an instant or, 0, now. */
enum status consent_given_time(struct operation *o, const char *option, int64_t *us) MUST_CHECK;
enum status consent_given_member(struct operation *o, const char *option,
                                 const struct member **member) MUST_CHECK;
struct consent_view consent_view_of(const struct operation *o, const struct person *person);
enum status consent_policies_of(struct operation *o, const struct person *person, int64_t as_of_us,
                                struct consent_policies *out) MUST_CHECK;
/* A change of what holds for the person: all constituents, now, by the operator. */
struct consent_change consent_change_of(const struct operation *o, const struct person *person);
