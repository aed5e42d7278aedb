/* The layers of a decision one by one: consent.c decides by them, explain.c shows them. */
#pragma once

#include "consent/consent.h"
#include "consent/match.h"

/* The asker as one person's policies see them: with the relations that count now. */
struct consent_asked consent_asked_about(const struct consent_policies *policies,
                                         struct person_ref person,
                                         const struct consent_asked *asked);
/* A person's relations among those that were read: where an asker was settled, that user's alone.
 * Past the last: policies->relation_count. */
size_t consent_first_relation(const struct consent_policies *policies, struct person_ref person);
size_t consent_next_relation(const struct consent_policies *policies, struct person_ref person,
                             size_t i);
/* An agreement that lets the asker have this object of another member's, or NULL. */
const struct consent_agreement *consent_agreement_for(const struct consent_policies *policies,
                                                      const struct consent_asked *asked,
                                                      const struct consent_object *o);
/* What policy i says, whoever it is about: by what was settled for the asker, or from the start. */
struct consent_said consent_policy_says(const struct consent_policies *policies, size_t i,
                                        const struct consent_asked *asked,
                                        const struct consent_object *object);
struct consent_decision consent_by_default(const struct consent_domain *d,
                                           const struct consent_object *o);
